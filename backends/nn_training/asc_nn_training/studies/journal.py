"""A study's journal: one JSON object a line, written down before anything builds on it."""

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
CHECKPOINTS = "checkpoints"  # the folder beside it

Record = Mapping[str, Any]


class Journal:
    """Records in the order in which they were made. The last one, if a kill has torn it, is not there.

    Raises AscError where another one is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records = list(_whole(path))
        self._trusted = False

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self._records)

    def add(self, record: Record) -> None:
        """Write a record down, to stay. What JSON has no number for is written as null, and read as None.

        Raises OSError or AscError where it cannot be written.
        """
        written = {key: _plain(value) for key, value in record.items()}
        if not self._trusted:  # a torn last line would spoil the one that follows it
            self.keep(lambda _: True)
        with self.path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(written, allow_nan=False) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._records.append(written)

    def require(self, places: Iterable[int], reached: int) -> None:
        """Raise AscError where a place that the training is past has no record: it would never be done again."""
        known = {record["position"] for record in self._records}
        missing = sorted({place for place in places if place < reached} - known)
        if missing:
            raise AscError(
                f"{self.path} has nothing of step {missing[0]}, and the checkpoint beside it is at step {reached}. Put "
                f"the file back, or delete the folder {self.path.parent} to do this part again."
            )

    def keep(self, wanted: Callable[[Record], bool]) -> None:
        """Forget every record but these. Raises OSError or AscError where the rest cannot be written."""
        self._records = [record for record in self._records if wanted(record)]
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_text(self.path, "".join(json.dumps(record, allow_nan=False) + "\n" for record in self._records))
        self._trusted = True


def _whole(path: Path) -> Iterator[dict[str, Any]]:
    if not path.exists():
        return
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            if not isinstance(record, dict):
                raise ValueError(f"a {type(record).__name__} where an object was expected")
        except ValueError as error:
            if number == len(lines):
                return
            raise AscError(
                f"Line {number} of {path} is damaged ({error}). Put it back, or delete the folder {path.parent} to do "
                "this part again."
            ) from error
        yield record


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
