"""The base of recognizers: is this a good place to predict from?"""

from __future__ import annotations

from abc import ABC, abstractmethod

from asc.computation import Computation
from asc.settings import Configurable
from asc.types import Decision, Recognition


class Recognizer(Configurable, ABC):
    """Decides where the engine stops, and whether speculation is worth while there."""

    needs: frozenset[str] = frozenset()
    """What it asks `Computation.read` for, such as "fingerprint"; a backend without it is refused at start."""

    @abstractmethod
    def next_boundary(self, position: int, computation: Computation) -> int:
        """Return the position of the next boundary, always larger than `position`."""

    @abstractmethod
    def recognise(self, computation: Computation) -> Recognition:
        """Judge the present state as a place to predict from."""

    def follow(self, computation: Computation) -> None:
        """Note that a judged leap has just moved the computation, for a recognizer that compares states."""

    def learn(self, decision: Decision) -> None:
        """Take one decision into account, for a recognizer that learns where candidates are accepted."""
