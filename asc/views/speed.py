"""How fast a run is at present, and how long it will still take."""

from __future__ import annotations

from collections import deque

WINDOW = 15.0
"""Seconds that count as the present."""


class Speed:
    """The rate over the last seconds, which follows a change of speed better than the mean since the start."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, float]] = deque()

    def note(self, now: float, position: float) -> None:
        """Take a reading. A step back in time or position (a restored run) discards all earlier readings."""
        if self._marks and (now < self._marks[-1][0] or position < self._marks[-1][1]):
            self._marks.clear()
        self._marks.append((now, position))
        while len(self._marks) > 2 and now - self._marks[0][0] > WINDOW:
            self._marks.popleft()

    def rate(self) -> float | None:
        """Steps per second, or None before there are two readings."""
        if len(self._marks) < 2:
            return None
        (began, start), (ended, stop) = self._marks[0], self._marks[-1]
        return (stop - start) / (ended - began) if ended > began else None

    def remaining(self, total: float | None) -> float | None:
        """Seconds until `total`, or None where they cannot be estimated."""
        rate = self.rate()
        if total is None or not rate:
            return None
        return max(0, total - self._marks[-1][1]) / rate
