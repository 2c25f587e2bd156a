"""How often an observer speaks."""

from __future__ import annotations

SHARE = 0.02
"""The largest share of the run's time that an observer may spend on speaking."""


class Pace:
    """Says yes at most once in so many seconds; seldomer where speaking turned out to be slow."""

    def __init__(self, every: float, first: float | None = None) -> None:
        self.every = every
        self._first = every if first is None else first
        self._last = float("-inf")
        self._next = float("-inf")

    def start(self, now: float) -> None:
        """Begin to count; the first yes comes `first` seconds later."""
        self._last, self._next = now, now + self._first

    def due(self, now: float) -> bool:
        """Whether it is time. A clock that was set back counts as time, or else an observer might fall silent."""
        if self._last <= now < self._next:
            return False
        self._last, self._next = now, now + self.every
        return True

    def spent(self, seconds: float) -> None:
        """Take into account what speaking cost (a slow line to the terminal, a busy disk)."""
        self._next = self._last + max(self.every, seconds / SHARE)
