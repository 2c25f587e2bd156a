"""A training that can be stopped at any step, and resumed from its checkpoint."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from asc.config.differences import require_same
from asc.types import EngineState
from asc_nn_training.backend import NetworkBackend

_BOUND = "settings"  # the part of the state with the settings of the training that wrote it
_SPACING = 10  # pauses between checkpoints, in the time that one takes: at most a tenth of the time goes to writing


class StoppedError(Exception):
    """The training was asked to stop. Its checkpoint is written, unless checkpoints are switched off."""


class ResumableTraining:
    """Trains from one position to the next, with a checkpoint every `every_s` seconds; with 0 there are none.

    `state` returns what a checkpoint holds beside the training. `stopped` says whether to stop. `report` is called
    with the position after each step.
    """

    def __init__(
        self,
        backend: NetworkBackend,
        folder: Path,
        *,
        every_s: float,
        stopped: Callable[[], bool],
        state: Callable[[], EngineState] = EngineState,
        report: Callable[[int], object],
    ) -> None:
        self.computation = backend.computation(plain=False)
        self._backend, self._folder, self._every_s = backend, folder, every_s
        self._stopped, self._state, self._report = stopped, state, report
        self._bound = {name: value for name, value in backend.config.bound.items() if name != "cache"}
        self._saved = time.monotonic()
        self._took_s = 0.0  # to write the newest checkpoint
        self.saving_s = 0.0  # to write all of them
        self.computation.on_step = self._after_step

    def resume(self) -> EngineState | None:
        """Load the newest checkpoint, and return the state beside it; None if there is no checkpoint.

        Raises AscError if the checkpoint is damaged, or was written under other settings.
        """
        found = self._backend.load(self.computation, self._folder)
        if found is not None:
            require_same(f"The checkpoint in {self._folder}", found.state.get(_BOUND, {}), self._bound)
        return found

    def train_to(self, position: int) -> None:
        """Train to a position, or to the end if that comes first. Raises StoppedError if it is stopped before."""
        while self.computation.position() < position and not self.computation.finished():
            self.check()
            self.computation.advance(position - self.computation.position())

    def check(self) -> None:
        """Write a checkpoint if one is due. Raises StoppedError, after a checkpoint, if the study is to stop."""
        stopped = self._stopped()
        if (stopped and self._every_s) or self._due():
            self.save()
        if stopped:
            raise StoppedError

    def save(self) -> None:
        """Write a checkpoint."""
        began = time.monotonic()
        state = self._state()
        self._backend.save(self.computation, self._folder, state._replace(state={**state.state, _BOUND: self._bound}))
        self._saved = time.monotonic()
        self._took_s = self._saved - began
        self.saving_s += self._took_s

    def remove_checkpoints(self) -> None:
        """Delete the checkpoints, which a training that is done does not need."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _after_step(self) -> bool:
        """Return whether `advance` is to return, so that `check` can act."""
        self._report(self.computation.position())
        return self._stopped() or self._due()

    def _due(self) -> bool:
        return self._every_s > 0 and time.monotonic() - self._saved > max(self._every_s, _SPACING * self._took_s)
