"""Keeps positions of a judged run while it runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from asc.backend import Backend
from asc.computation import Computation
from asc.errors import AscError
from asc.run.replay import positions
from asc.types import EngineState


class Recorder:
    """Keeps the first boundaries of a run, `most` of them, so that other predictors can be asked there afterwards.

    A run that resumes at position `first` will pass the positions after it once more, so those are removed. Where a
    position cannot be kept, `warn` is called, and no further one is kept. Of several processes, the first decides and
    writes. `where` answers with the folder of the run, or None once it was removed.
    """

    def __init__(
        self,
        where: Callable[[], Path | None],
        most: int,
        backend: Backend[Any],
        warn: Callable[[str], object],
        first: int = 0,
    ) -> None:
        run = where()
        assert run is not None
        self._where, self._run, self._most, self._warn, self._full = where, run, most, warn, False
        self._save, self._group = backend.save, backend.group
        if self._group.first:
            positions.forget_beyond(run, first)

    def wants(self, position: int) -> bool:
        """Whether this position is to be kept: it is not kept yet, and there is room."""
        return self._group.agree(self._has_room(position))

    def keep(self, computation: Computation, segment: int, label: str) -> None:
        """Keep the present position."""
        position = computation.position()
        if not self._group.first:
            self._save(computation, self._run, EngineState())
            return
        try:
            positions.keep(
                self._run, position, segment, label, lambda folder: self._save(computation, folder, EngineState())
            )
        except (OSError, AscError) as error:
            self._full = True
            self._warn(f"Position {position} could not be kept for a replay, so no later one is kept either: {error}.")

    def summary(self) -> dict[str, int]:
        """Return how many positions are kept, and the bytes that they take on disk."""
        return {"positions": positions.count(self._run), "bytes": positions.nbytes(self._run)}

    def _has_room(self, position: int) -> bool:
        run = None if self._full else self._where()
        self._run, self._full = run or self._run, run is None
        if self._full or positions.is_kept(self._run, position):
            return False
        self._full = positions.count(self._run) >= self._most
        return not self._full
