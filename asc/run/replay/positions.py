"""The places of a run that are kept, so that other predictors can be asked there afterwards."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from asc.errors import AscError
from asc.records.folders import read_json, write_json

TRAJECTORY = "trajectory"  # folder within a run's own
_NOTE = "place.json"  # written last, so that a place without one is not whole


class Place(NamedTuple):
    """One boundary of a run, as it was before any leap."""

    position: int
    segment: int  # a judged leap starts a new one
    label: str  # what the run's recognizer called it
    folder: Path  # of the backend's checkpoint


def keep(run: Path, position: int, segment: int, label: str, write: Callable[[Path], None]) -> None:
    """Keep a place, whose checkpoint `write` writes into the folder that it is given.

    Whatever is raised there leaves nothing behind.
    """
    folder = _folder(run, position)
    try:
        write(folder)
        write_json(folder / _NOTE, {"position": position, "segment": segment, "label": label})
    except BaseException:  # a second Ctrl-C as well
        shutil.rmtree(folder, ignore_errors=True)
        raise


def is_kept(run: Path, position: int) -> bool:
    """Whether there is a whole place at this position already."""
    return (_folder(run, position) / _NOTE).is_file()


def count(run: Path) -> int:
    """Return how many whole places there are."""
    return sum(1 for _ in (run / TRAJECTORY).glob(f"*/{_NOTE}"))


def places(run: Path) -> list[Place]:
    """Return the places that a run has kept, in its order. Raises AscError where a note is damaged."""
    notes = [(path.parent, read_json(path)) for path in (run / TRAJECTORY).glob(f"*/{_NOTE}")]
    try:
        found = [Place(int(n["position"]), int(n["segment"]), str(n["label"]), folder) for folder, n in notes]
    except (LookupError, TypeError, ValueError) as error:
        raise AscError(
            f"A note in {run / TRAJECTORY} is damaged ({error!r}); expected position, segment and label in each "
            f"{_NOTE}: remove the place that it belongs to."
        ) from error
    return sorted(found)


def forget_beyond(run: Path, position: int) -> None:
    """Let go of the places of a run that lie beyond a position, and of what a kill has left there."""
    for folder in (run / TRAJECTORY).glob("*"):
        if folder.name.isdigit() and (int(folder.name) > position or not (folder / _NOTE).is_file()):
            shutil.rmtree(folder, ignore_errors=True)


def nbytes(run: Path) -> int:
    """Return what the kept places take on disk, in bytes."""
    return sum(path.stat().st_size for path in (run / TRAJECTORY).rglob("*") if path.is_file())


def _folder(run: Path, position: int) -> Path:
    return run / TRAJECTORY / str(position)
