"""The texts that a run generates now and then, `texts.jsonl`: what its lines hold, how to write and to read them.

Every line is a JSON object. The first has `prompts`, a list of texts, and `settings`, how they are continued. Each
further line has the texts of one position of the run:

| field | value |
|---|---|
| `position` | steps taken or leapt over |
| `seconds` | of the run's own clock, when the texts were there |
| `texts` | the continuation of each prompt, in the order of the prompts |
| `counts` | what this generation took, by name: `texts`, `tokens`, `passes`, `drafted`, `accepted`, `seconds` … |
| `reason` | a sentence about what speculation was worth |
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from asc.records.folders import write_text
from asc.records.numbers import finite, strict

TEXTS = "texts.jsonl"


class TextsAt(NamedTuple):
    """The texts of all prompts at one position of a run."""

    position: int
    seconds: float
    texts: list[str]
    counts: dict[str, Any]
    reason: str


def begin_texts(folder: Path, prompts: Sequence[str], settings: Mapping[str, Any], until: int) -> None:
    """Begin the file, and keep the texts that it has of positions up to `until`. Raises AscError or OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = [_line(entry._asdict()) for entry in read_texts(folder) if entry.position <= until]
    head = _line({"prompts": list(prompts), "settings": dict(settings)})
    write_text(folder / TEXTS, "".join([head, *kept]))


def add_texts(folder: Path, entry: TextsAt) -> None:
    """Write the texts of one more position. A kill can tear the last line only. Raises OSError."""
    with (folder / TEXTS).open("a+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        torn = size > 0 and file.read(1) != b"\n"
        line = b"\n" * torn + _line(entry._asdict()).encode()
        if file.write(line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def read_prompts(folder: Path) -> list[str]:
    """Return the prompts of a run; none where it generates no texts, or where the file is damaged."""
    for found in _objects(folder):
        if isinstance(prompts := found.get("prompts"), list):
            return [str(prompt) for prompt in prompts]
    return []


def read_texts(folder: Path) -> Iterator[TextsAt]:
    """Yield the texts of a run, oldest first. Lines that are torn, or hold something else, are left out."""
    for found in _objects(folder):
        position, seconds = finite(found.get("position")), finite(found.get("seconds"))
        texts, counts = found.get("texts"), found.get("counts")
        if position is not None and seconds is not None and isinstance(texts, list) and isinstance(counts, dict):
            yield TextsAt(int(position), seconds, [str(text) for text in texts], counts, str(found.get("reason") or ""))


def _objects(folder: Path) -> Iterator[dict[str, Any]]:
    path = folder / TEXTS
    if not path.is_file():  # opening a pipe would wait for its writer
        return
    with path.open("rb") as lines:
        for line in lines:
            try:
                found = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(found, dict):
                yield found


def _line(fields: Mapping[str, Any]) -> str:
    return json.dumps(strict(fields), allow_nan=False) + "\n"
