"""The pace of a page: how long it waits for the eye, and that it ends as soon as nobody looks any more."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from asc.reference.registers import Step
from asc.views import figures
from asc.words import Word


class Left(Exception):  # noqa: N818 -- nothing went wrong: somebody turned the page
    """The page was left while it was being computed."""


class Pace:
    """Lets time pass so that a person can follow; at speed 2 half as much of it."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._left = threading.Event()

    def wait(self, seconds: float) -> None:
        """Let time pass. Raises Left at once where the page is left."""
        if self._left.wait(seconds / self.speed):
            raise Left

    def at(self, speed: float) -> Pace:
        """Return a pace of that speed that ends together with this one."""
        other = Pace(speed)
        other._left = self._left
        return other

    def leave(self) -> None:
        """End whatever waits, now and later."""
        self._left.set()


class Paced:
    """A step that takes so many seconds: it waits where the step of a real program would work.

    Threads wait side by side on any machine, so workers are worth as much on one core as on many.
    """

    def __init__(self, step: Step, seconds: float, pace: Pace) -> None:
        self._step, self._seconds, self._pace = step, seconds, pace

    @property
    def told(self) -> str:
        """Words for what a step takes."""
        return f"a step waits {figures.duration(self._seconds / self._pace.speed)} in place of real work"

    def __call__(self, words: Mapping[str, Any]) -> Mapping[str, Word]:
        """Wait, then take the step."""
        self._pace.wait(self._seconds)
        return self._step(words)
