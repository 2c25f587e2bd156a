"""A training that is walked from place to place, and can be stopped anywhere and gone on with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from asc.types import Memory
from asc_nn_training.backend import NetworkBackend, Session

_SPACE = 10  # a checkpoint of many gigabytes is written more rarely: at most a tenth of the time goes there


class StoppedError(Exception):
    """The walk was asked to stop; what it takes to go on has been written, where checkpoints are."""


class Walk:
    """Trains to one position after the other, with a checkpoint every `every_s` seconds, or none for 0.

    `remember` answers with what a checkpoint holds beside the training, `stopped` whether to end here; `tell` hears
    the position after each step.
    """

    def __init__(
        self,
        backend: NetworkBackend,
        folder: Path,
        *,
        every_s: float,
        stopped: Callable[[], bool],
        remember: Callable[[], Memory] = Memory,
        tell: Callable[[int], object],
    ) -> None:
        self.session: Session = backend.computation(plain=False)
        self._backend, self._folder, self._every_s = backend, folder, every_s
        self._stopped, self._remember, self._tell = stopped, remember, tell
        self._saved = time.monotonic()
        self._took_s = 0.0  # the newest checkpoint
        self.saving_s = 0.0  # all of them
        self.session.on_step = self._after_step

    def go_on(self) -> Memory | None:
        """Go to the newest checkpoint, and return what was remembered in it; None where there is none.

        Raises AscError where it is damaged or of another training.
        """
        return self._backend.load(self.session, self._folder)

    def to(self, position: int) -> None:
        """Train to a position, or to the end where that comes first. Raises StoppedError on the way there."""
        while self.session.position() < position and not self.session.finished():
            self.check()
            self.session.advance(position - self.session.position())

    def check(self) -> None:
        """Write a checkpoint where one is due. Raises StoppedError where the walk is to end here."""
        stopped = self._stopped()
        if (stopped and self._every_s) or self._due():
            self.save()
        if stopped:
            raise StoppedError

    def save(self) -> None:
        """Write a checkpoint."""
        began = time.monotonic()
        self._backend.checkpoint(self.session, self._folder, self._remember())
        self._saved = time.monotonic()
        self._took_s = self._saved - began
        self.saving_s += self._took_s

    def clear(self) -> None:
        """Remove the checkpoints of a walk that is done."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _after_step(self) -> bool:
        """Whether to come back from training for a moment."""
        self._tell(self.session.position())
        return self._stopped() or self._due()

    def _due(self) -> bool:
        return self._every_s > 0 and time.monotonic() - self._saved > max(self._every_s, _SPACE * self._took_s)
