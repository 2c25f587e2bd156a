"""The ledger: everything is on the clock, and what speculation may still spend follows from it."""

from __future__ import annotations

import time
from collections.abc import Callable

_MEMORY = 0.9  # how much of the old estimate of a step's price survives one more superstep


class Ledger:
    """Time and plain-step equivalents by kind of work.

    The unit that steers is the second for an exact backend and the plain step for any other, so that there the clock
    decides nothing. `work` is plain progress made here, `spent` what speculation cost the main thread, `gained` what
    confirmed leaps were worth, all in that unit. Starting workers is kept apart in `started`: it is the one probe that
    is not rationed, though it counts in every speed-up.
    """

    def __init__(self, exact: bool, overdraft: float = 0.03, clock: Callable[[], float] = time.perf_counter) -> None:
        self._exact, self._overdraft, self.clock = exact, overdraft, clock
        self._accounts: dict[str, list[float]] = {}
        self._unit = 1.0 if not exact else 0.0  # price of one plain step
        self.work = self.spent = self.started = self.gained = 0.0
        self.executed = 0  # steps taken by the main thread
        self.skipped = 0
        self.leaps = 0

    @property
    def unit(self) -> float:
        """The recent price of one plain step: seconds if exact (0 while unknown), else 1."""
        return self._unit

    def charge(self, kind: str, since: float, steps: float = 0.0) -> float:
        """Book speculative work done since `since` on the clock; `steps` is its price where the clock does not steer.

        Returns the clock, so that a row of works can be timed with one reading each.
        """
        now = self.clock()
        seconds = now - since
        account = self._account(kind)
        account[0] += seconds
        account[1] += seconds / self._unit if self._exact and self._unit else steps
        account[2] += 1
        self.spent += seconds if self._exact else steps
        return now

    def start(self, seconds: float) -> None:
        """Book what starting workers took from this process."""
        account = self._account("start")
        account[0] += seconds
        account[2] += 1
        self.started += seconds if self._exact else 0.0

    def progress(self, steps: int, since: float, tracked: bool = False) -> float:
        """Book plain steps; where they were tracked, what that cost beyond the plain price is speculation's."""
        now = self.clock()
        seconds = now - since
        self.executed += steps
        extra = 0.0
        if not self._exact:
            self.work += steps
        elif tracked and self._unit:
            self.work += steps * self._unit
            extra = seconds - steps * self._unit
            self.spent += extra
        elif steps:
            self.work += seconds
            price = seconds / steps
            self._unit = price if not self._unit else _MEMORY * self._unit + (1 - _MEMORY) * price
        plain = self._account("plain")
        plain[0] += seconds - extra
        plain[1] += steps
        plain[2] += 1
        if tracked:
            track = self._account("track")
            track[0] += extra
            track[1] += extra / self._unit if self._unit else 0.0
            track[2] += 1
        return now

    def leap(self, steps: int, gain_steps: float) -> None:
        """Book a confirmed leap: `steps` skipped, worth `gain_steps` plain steps."""
        self.leaps += 1
        self.skipped += steps
        self.gained += gain_steps * self._unit

    def allowance(self) -> float:
        """What speculation may still cost before its loss exceeds the overdraft, in the steering unit."""
        return self.gained + self._overdraft * self.work - self.spent

    def speedup(self) -> float:
        """Estimated from the price of plain steps; a paired plain run is what measures it."""
        plain = self.work + self.gained
        paid = self.work + self.spent + self.started
        return plain / paid if plain > 0 and paid > 0 else 1.0

    def average(self, kind: str) -> float:
        """Price of one piece of this kind of work, in plain steps; 0 while there was none."""
        _, steps, count = self._accounts.get(kind, (0.0, 0.0, 0))
        return steps / count if count else 0.0

    def accounts(self) -> dict[str, dict[str, float]]:
        """Return seconds, plain-step equivalents and count of every kind of work so far."""
        return {
            kind: {"seconds": seconds, "steps": steps, "count": count}
            for kind, (seconds, steps, count) in list(self._accounts.items())  # workers may be starting in a thread
        }

    def _account(self, kind: str) -> list[float]:
        return self._accounts.setdefault(kind, [0.0, 0.0, 0])
