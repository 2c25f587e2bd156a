"""Keeping places of a judged run as it goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from asc.backend import Backend, Checkpoints
from asc.computation import Computation
from asc.errors import AscError
from asc.run.replay import positions as places
from asc.types import Memory


class Keeper:
    """Keeps the first places of a run, `most` of them, for predictors that are asked afterwards.

    A run that goes on at position `first` has yet to come by what lies beyond it, so places there are let go of. Where
    one cannot be kept, `warn` hears of it, and none is kept any more.
    """

    def __init__(
        self, run: Path, most: int, backend: Backend[Any], warn: Callable[[str], object], first: int = 0
    ) -> None:
        write: object = backend
        self._run, self._most, self._warn, self._full = run, most, warn, False
        self._write = write.checkpoint if isinstance(write, Checkpoints) else backend.save
        places.forget_beyond(run, first)

    def keep(self, computation: Computation, segment: int, label: str) -> bool:
        """Keep where the computation is, and return whether that was tried; a place that is kept already stays."""
        position = computation.position()
        if self._full or places.is_kept(self._run, position):
            return False
        if places.count(self._run) >= self._most:
            self._full = True
            return False
        try:
            places.keep(self._run, position, segment, label, lambda place: self._write(computation, place, Memory()))
        except (OSError, AscError) as error:
            self._full = True
            self._warn(f"The place at position {position} could not be kept, nor will any after it: {error}.")
        return True

    def summary(self) -> dict[str, int]:
        """Return how many places are kept, and the bytes that they take on disk."""
        return {"places": places.count(self._run), "bytes": places.nbytes(self._run)}
