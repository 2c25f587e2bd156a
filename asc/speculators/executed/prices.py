"""What a task costs the main thread, by the recent ones."""

from __future__ import annotations

from collections import deque
from statistics import median

from asc.ledger import Ledger

SENDING = ("predict", "dispatch", "hand-over")
"""Kinds of work that a task costs the main thread before it has gained anything."""
ALL = (*SENDING, "collect", "wait")
"""The same, until its result is there."""
LOAD = (*SENDING, "collect", "lookup", "apply", "insert", "observe", "plan")
"""All that a task costs the main thread, but for waiting."""

_LOOKS = 32  # over which the load is averaged


class TaskPrice:
    """Median of what recent tasks took of certain kinds of work.

    The ledger books work by its kind. So a task's share is what was booked between two looks, over the tasks that were
    sent meanwhile.
    """

    def __init__(self, ledger: Ledger, kinds: tuple[str, ...]) -> None:
        self._ledger, self._kinds = ledger, kinds
        self._recent: deque[float] = deque(maxlen=5)
        self._booked, self._sent = 0.0, 0  # when it was last looked at
        self._probe: float | None = None

    def look(self) -> None:
        """Take the tasks into account that were sent since the last look."""
        booked, sent = self._ledger.cost(*self._kinds), self._ledger.count("dispatch")
        if sent > self._sent:
            self._recent.append((booked - self._booked) / (sent - self._sent))
            self._booked, self._sent = booked, sent

    def probe(self, seconds: float) -> None:
        """Note what it took to make a task that was not sent: the one that workers warm up on."""
        self._probe = seconds

    def seconds(self, expected: float) -> float | None:
        """Return what a task takes, `expected` at least: the next one may have more to copy than the recent ones.

        None while nothing is known.
        """
        known = median(self._recent) if self._recent else self._probe
        return max(known, expected) if known is not None else expected or None


class Load:
    """Mean of what recent tasks took of the main thread, but for waiting.

    Results come in bursts, so that most of their work lies between few of the looks: a median would leave it out.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._looks = deque([(0.0, 0)], maxlen=_LOOKS)  # seconds booked, and tasks sent

    def seconds(self) -> float:
        """Look, and return the seconds of a task; 0 while unknown."""
        seconds, sent = self._ledger.cost(*LOAD), self._ledger.count("dispatch")
        if sent > self._looks[-1][1]:
            self._looks.append((seconds, sent))
        (first_s, first), (last_s, last) = self._looks[0], self._looks[-1]
        return (last_s - first_s) / (last - first) if last > first else 0.0
