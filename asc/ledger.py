"""The ledger: everything is on the clock, and what speculation may still spend follows from it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from asc.pricing import StepPrice

_BOOKED = ("work", "spent", "started", "gained", "executed", "skipped", "leaps", "spent_before")
_LONGEST_REST = 64  # supersteps without a boundary, where the clock does not steer
_LONGEST_REST_S = 0.25  # seconds, where it does: Ctrl-C waits for a boundary


class Ledger:
    """Time and plain-step equivalents by kind of work.

    The unit that steers is the second for an exact backend and the plain step for any other, so that there the clock
    decides nothing. `work` is plain progress made here, `spent` what speculation cost the main thread, `gained` what
    confirmed leaps were worth, all in that unit. What beginning takes (the first spot check, starting workers) is kept
    apart in `started`: it is the one probe that is not rationed, though it counts in every speed-up.
    """

    def __init__(self, exact: bool, overdraft: float = 0.03, clock: Callable[[], float] = time.perf_counter) -> None:
        self._exact, self._overdraft, self.clock = exact, overdraft, clock
        self._accounts: dict[str, list[float]] = {}
        self._unit = 1.0 if not exact else 0.0  # price of one plain step
        self.work = self.spent = self.started = self.gained = 0.0
        self._price = StepPrice()
        self.spent_before = 0.0  # what had been spent when `rest` was last asked
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
        self.book(kind, seconds, seconds / self._unit if self._exact and self._unit else steps)
        self.spent += seconds if self._exact else steps
        return now

    def start(self, kind: str, seconds: float) -> None:
        """Book what beginning to speculate took: the one probe that is not rationed."""
        self.book(kind, seconds, 0.0)
        self.started += seconds if self._exact else 0.0

    def progress(self, steps: int, since: float, tracked: bool = False) -> float:
        """Book plain steps; where they were tracked, what that cost beyond the plain price is speculation's."""
        now = self.clock()
        seconds = now - since
        self.executed += steps
        if self._exact and steps:
            self._price.note(seconds / steps, tracked)
            self._unit = self._price.step
        plain_s = seconds / self._price.tracking if tracked else seconds
        self.work += plain_s if self._exact else steps
        self.spent += seconds - plain_s if self._exact else 0.0
        self.book("plain", plain_s, steps)
        if tracked:
            self.book("track", seconds - plain_s, (seconds - plain_s) / self._unit if self._unit else 0.0)
        return now

    def book(self, kind: str, seconds: float, steps: float = 0.0) -> None:
        """Add to an account; called directly for what is neither plain work nor speculation's, such as a checkpoint."""
        account = self._account(kind)
        account[0] += seconds
        account[1] += steps
        account[2] += 1

    def leap(self, steps: int, gain_steps: float) -> None:
        """Book a confirmed leap: `steps` skipped, worth `gain_steps` plain steps."""
        self.leaps += 1
        self.skipped += steps
        self.gained += gain_steps * self._unit

    def allowance(self) -> float:
        """What speculation may still cost before its loss exceeds the overdraft, in the steering unit."""
        permitted = self._overdraft * self.work if self.work else 0.0  # a shadow run permits inf, and inf * 0 is nan
        return self.gained + permitted - self.spent

    def rest(self, superstep: int) -> int:
        """Return how many supersteps of plain work pay back what speculation has lost; 1 where it has lost nothing.

        Asked once a boundary: the work is to pay for another boundary like the last one as well, and leave something.
        """
        latest, self.spent_before = self.spent - self.spent_before, self.spent
        owed, price = -self.allowance(), superstep * self._unit
        if owed < 0 or not price:
            return 1
        owed += 2 * latest
        longest = _LONGEST_REST_S / price if self._exact else _LONGEST_REST
        return max(1, int(min(longest, owed / (self._overdraft * price) + 1 if self._overdraft else longest)))

    def state_dict(self) -> dict[str, Any]:
        """Return what has been booked. The price of a step is not among it: a clock's is found anew."""
        return {"accounts": self.accounts()} | {name: getattr(self, name) for name in _BOOKED}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._accounts.clear()
        for kind, account in state["accounts"].items():
            self._accounts[kind] = [account["seconds"], account["steps"], account["count"]]
        for name in _BOOKED:
            setattr(self, name, state[name])

    def speedup(self) -> float:
        """Estimated from the price of plain steps; a paired plain run is what measures it."""
        plain = self.work + self.gained
        paid = self.work + self.spent + self.started
        return plain / paid if plain > 0 and paid > 0 else 1.0

    def price(self, kinds: Sequence[str], per: str) -> float:
        """Return what these kinds of work took, in plain steps, for each piece of the kind `per`."""
        count = self._accounts.get(per, (0.0, 0.0, 0))[2]
        return sum(self._accounts.get(kind, (0.0, 0.0, 0))[1] for kind in kinds) / count if count else 0.0

    def share(self, *kinds: str) -> float:
        """Return what these kinds of work took in all, relative to the plain work."""
        seconds = sum(self._accounts.get(kind, (0.0, 0.0, 0))[0 if self._exact else 1] for kind in kinds)
        return seconds / self.work if self.work else 0.0

    def accounts(self) -> dict[str, dict[str, float]]:
        """Return seconds, plain-step equivalents and count of every kind of work so far."""
        return {
            kind: {"seconds": seconds, "steps": steps, "count": count}
            for kind, (seconds, steps, count) in list(self._accounts.items())  # workers may be starting in a thread
        }

    def _account(self, kind: str) -> list[float]:
        return self._accounts.setdefault(kind, [0.0, 0.0, 0])
