"""How often an observer reports."""

from __future__ import annotations

SHARE = 0.02
"""The largest share of the run's time that an observer may spend on reports."""


class Pace:
    """Allows one report in so many seconds, and fewer where reports turn out to be slow."""

    def __init__(self, every: float, first: float | None = None) -> None:
        self.every = every
        self._first = every if first is None else first
        self._last = float("-inf")
        self._next = float("-inf")

    def start(self, now: float) -> None:
        """Start the clock; the first report is due `first` seconds later."""
        self._last, self._next = now, now + self._first

    def due(self, now: float) -> bool:
        """Whether a report is due, by a clock that nothing sets back."""
        if now < self._next:
            return False
        self._last, self._next = now, now + self.every
        return True

    def spent(self, seconds: float) -> None:
        """Take into account how long a report took: a slow line to the terminal, a busy disk."""
        self._next = self._last + max(self.every, seconds / SHARE)
