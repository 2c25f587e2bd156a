"""Decides whether the main thread records its own supersteps, so that it can leap where a state comes back."""

from __future__ import annotations

from collections.abc import Callable

from asc.ledger import Ledger

RECORDING = ("track", "insert", "lookup")
"""Kinds of work that recording costs the main thread."""

_WINDOW = 128  # supersteps recorded before it is asked whether any came back
_CHEAP = 0.005  # share of the work up to which recording needs no proof that it pays
_PART = 0.5  # of the overdraft may go into recording
_LONGEST_PAUSE = 256  # supersteps, where recording is too dear
_LOOKS = 4  # a recording looks at the state so many times as often as the preparation of a run
_PLAIN_EVERY = 64  # one superstep in so many stays untracked, so that the price of a plain step stays known
_PLAIN_FIRST = 8  # and more of them at first


class Remembering:
    """Records while that is cheap, or while recorded supersteps come back.

    Steps are recorded only where the ledger's allowance covers what that is expected to cost. What it costs is found by
    trials: first one step, then twice as many as before, up to a superstep. Where that is too dear, it is asked again
    after pauses that double. The first one is a probe: what it is expected to cost at most is compared with what may be
    lost in all the work that is left. Where recording takes a noticeable share of the work and nothing comes back
    within a window of recorded supersteps, it pauses; windows and the pauses between them double.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._trial = 1  # steps that are recorded in a row at most; 0 once that was a whole superstep
        self._passed = 0  # supersteps
        self._resumes = 0  # the superstep at which a pause ends
        self._window = 0  # how many windows ended without a state that came back
        self._refused = 0  # times in a row that recording was too dear
        self._recorded = 0  # supersteps in this window
        self._recalled = 0  # recorded supersteps that had been used when this window began
        self._gained = 0.0  # by recorded supersteps, in the unit of the ledger
        self._spent = 0.0  # seconds that recording has likely taken; the ledger has what is certain
        self._guess = 0.0  # seconds that a first recording is expected to take
        self._ask: Callable[[], float] = lambda: 0.0  # for what it is expected to take, in steps
        self._left: Callable[[], int] = lambda: 0  # for the steps that are left

    def steps(self, superstep: int, recalled: int) -> int:
        """Return how many of the next steps to record: a superstep, none, or some as a trial.

        `recalled` recorded supersteps have been used so far.
        """
        self._passed += 1
        steps = min(self._trial or superstep, superstep)
        if not self._ledger.unit or self._passed < self._resumes:
            return 0
        if not self._is_affordable(steps):
            self._refused += 1
            self._resumes = self._passed + min(_LONGEST_PAUSE, 2**self._refused)
            return 0
        self._refused = 0
        if steps < superstep:
            self._trial *= 2
            return self._recording(steps)
        self._trial = 0
        if recalled > self._recalled or self._ledger.share(*RECORDING) < _CHEAP:
            self._recalled, self._recorded = recalled, 0
        elif self._recorded >= _WINDOW << self._window:
            self._window += 1
            self._resumes, self._recorded = self._passed + 3 * (_WINDOW << self._window), 0
            return 0
        if self._passed % (_PLAIN_EVERY if self._passed > _PLAIN_EVERY else _PLAIN_FIRST) == 0:
            return 0
        self._recorded += 1
        return self._recording(superstep)

    def pause(self) -> int:
        """Return for how many supersteps from the next one on nothing is recorded."""
        return max(0, self._resumes - self._passed - 1)

    def passed(self, supersteps: int) -> None:
        """Count supersteps that are passed over."""
        self._passed += supersteps

    def begun(self, seconds: float, price: Callable[[], float], left: Callable[[], int]) -> None:
        """Note what it took to prepare the computation, and how to ask for its own price of a recording, in steps.

        A first recording looks at the state several times as well. `left` returns the steps that are left.
        """
        self._guess, self._ask, self._left = _LOOKS * seconds, price, left

    def leapt(self, steps: int) -> None:
        """Note a leap by a recorded superstep."""
        self._gained += steps * self._ledger.unit

    def _recording(self, steps: int) -> int:
        self._spent += self._ledger.recording(steps)
        return steps

    def _is_affordable(self, steps: int) -> bool:
        """Whether recording stays within what it gained and its part of the overdraft, and the allowance covers it."""
        ledger = self._ledger
        if not ledger.count("track"):
            price = max(self._guess, self._ask() * ledger.unit)
            return ledger.allowance() > 0 and price <= _PART * ledger.permitted(self._left() * ledger.unit)
        price, allowance = ledger.recording(steps), ledger.allowance()
        permitted = self._gained + _PART * ledger.overdraft()
        spent = max(ledger.cost(*RECORDING), self._spent + ledger.cost("insert", "lookup"))
        return allowance > 0 and price <= allowance and spent + price <= permitted
