"""A training that is walked from place to place, and can be stopped anywhere and gone on with."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path

from asc.types import Memory
from asc_nn_training.backend import NetworkBackend, Session


class StoppedError(Exception):
    """The walk was asked to stop; what it takes to go on has been written."""


class Walk:
    """Trains to one position after the other, with a checkpoint every so often.

    `remember` answers with what a checkpoint holds beside the training, `stopped` whether to end here.
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
        self.session.on_step = self._after_step

    def go_on(self) -> Memory | None:
        """Go to the newest checkpoint, if there is one."""
        return self._backend.load(self.session, self._folder)

    def to(self, position: int) -> None:
        """Train to a position. Raises StoppedError on the way there."""
        while self.session.position() < position:
            self.check()
            if self._due():
                self.save()
            self.session.advance(position - self.session.position())

    def check(self) -> None:
        """Raise StoppedError, with a checkpoint written, where the walk is to end here."""
        if self._stopped():
            self.save()
            raise StoppedError

    def save(self) -> None:
        """Write a checkpoint, unless the training is over: then there is nothing left to go on with."""
        if not self.session.finished():
            self._backend.save(self.session, self._folder, self._remember())
        self._saved = time.monotonic()

    def clear(self) -> None:
        """Remove the checkpoints of a walk that is done."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _after_step(self) -> bool:
        """Whether to come back from training for a moment."""
        self._tell(self.session.position())
        return self._stopped() or self._due()

    def _due(self) -> bool:
        return time.monotonic() - self._saved > self._every_s
