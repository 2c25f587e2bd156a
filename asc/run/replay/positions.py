"""The positions of a run that are kept, so that other predictors can be asked there afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from asc.errors import AscError
from asc.records.folders import read_json, write_json

TRAJECTORY = "trajectory"  # folder in the folder of a run
_NOTE = "position.json"  # written last, so that a position without it is not complete


class KeptPosition(NamedTuple):
    """One boundary of a run, as it was before any leap."""

    position: int
    segment: int  # a judged leap starts a new one
    label: str  # the recognizer's
    folder: Path  # of the backend's checkpoint


def keep(run: Path, position: int, segment: int, label: str, write: Callable[[Path], None]) -> None:
    """Keep a position, whose checkpoint `write` writes into a folder. Where `write` raises, nothing is left behind."""
    folder = _folder(run, position)
    try:
        write(folder)
        write_json(folder / _NOTE, {"position": position, "segment": segment, "label": label})
    except BaseException:  # a second Ctrl-C as well
        shutil.rmtree(folder, ignore_errors=True)
        raise


def is_kept(run: Path, position: int) -> bool:
    """Whether this position is kept already, completely."""
    return (_folder(run, position) / _NOTE).is_file()


def count(run: Path) -> int:
    """Return how many complete positions there are."""
    return sum(1 for _ in (run / TRAJECTORY).glob(f"*/{_NOTE}"))


def kept_positions(run: Path) -> list[KeptPosition]:
    """Return the positions that a run has kept, ascending. Raises AscError where a note is damaged."""
    notes = [(path.parent, read_json(path)) for path in (run / TRAJECTORY).glob(f"*/{_NOTE}")]
    try:
        found = [KeptPosition(int(n["position"]), int(n["segment"]), str(n["label"]), folder) for folder, n in notes]
    except (LookupError, TypeError, ValueError) as error:
        raise AscError(
            f"A note in {run / TRAJECTORY} is damaged ({error!r}); expected position, segment and label in each "
            f"{_NOTE}: remove the folder that it is in."
        ) from error
    return sorted(found)


def forget_beyond(run: Path, position: int) -> None:
    """Remove the kept positions after this one, and incomplete ones that a kill has left."""
    for folder in (run / TRAJECTORY).glob("*"):
        if folder.name.isdigit() and (int(folder.name) > position or not (folder / _NOTE).is_file()):
            shutil.rmtree(folder, ignore_errors=True)


def nbytes(run: Path) -> int:
    """Return what the kept positions take on disk, in bytes."""
    return sum(path.stat().st_size for path in (run / TRAJECTORY).rglob("*") if path.is_file())


def _folder(run: Path, position: int) -> Path:
    return run / TRAJECTORY / str(position)
