"""A study's journal: one JSON object a line, on disk before the study continues."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from asc.errors import AscError
from asc.records.folders import write_text

JOURNAL = "journal.jsonl"
CHECKPOINTS = "checkpoints"  # the folder beside the journal

Record = Mapping[str, Any]


class Journal:
    """Records in the order in which they were added. A last line that a kill has cut short is ignored.

    Raises AscError if any other line is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records = list(_read(path))
        self._clean = False  # whether the file is known to end with a complete line

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._records)

    def add(self, record: Record) -> None:
        """Write a record to disk. Infinities and NaN become null, and are read as None.

        Raises OSError or AscError if the file cannot be written.
        """
        written = {key: _json_value(value) for key, value in record.items()}
        if not self._clean:  # a record appended to an incomplete line would be lost too
            self.keep(lambda _: True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(written, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._records.append(written)

    def require(self, positions: Iterable[int]) -> None:
        """Raise AscError if a position has no record, where the training does not come back to these positions."""
        missing = set(positions) - {record["position"] for record in self._records}
        if missing:
            raise AscError(
                f"{self.path} has no record of step {min(missing)}, and the checkpoint beside it is past that step. "
                f"Restore the file, or delete the folder {self.path.parent} to repeat this part."
            )

    def keep(self, wanted: Callable[[Record], bool]) -> None:
        """Keep only these records. Raises OSError or AscError if the file cannot be written."""
        self._records = [record for record in self._records if wanted(record)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, "".join(json.dumps(record, allow_nan=False) + "\n" for record in self._records))
        self._clean = True


def _read(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    if not path.is_file():  # opening a pipe would wait for its writer
        raise AscError(f"{path} is no ordinary file. Restore it, or delete {path.parent} to repeat this part.")
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError(f"it holds a {type(record).__name__}; expected an object")
            if not isinstance(record.get("position"), int):
                raise ValueError("it has no position")
        except (ValueError, RecursionError) as error:
            if number == len(lines):
                return
            raise AscError(
                f"Line {number} of {path} is damaged ({error}). Restore the file, or delete the folder {path.parent} "
                "to repeat this part."
            ) from error
        yield record


def _json_value(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _json_value(part) for key, part in value.items()}
    return [_json_value(part) for part in value] if isinstance(value, list | tuple) else value
