"""Spot checks: take a leap and its steps and compare, since only what is a function of the state can be predicted."""

from __future__ import annotations

from asc.computation import Executable
from asc.errors import NonDeterministicStepError
from asc.ledger import Ledger
from asc.types import Transition

_HINT = (
    "Speculation needs the next state to depend on the state alone: keep random generators, clocks and counters in the "
    "state's own words, or run with --no-speculation."
)


class SpotChecks:
    """Takes leaps, and checks the first one, whatever that costs, and later ones where that is affordable."""

    def __init__(self, ledger: Ledger, workers: int) -> None:
        self._ledger, self._workers = ledger, workers
        self._leaps = 0  # in this process: a resumed run begins anew
        self._next = 0  # number of the leap after which the next one is checked
        self._extra_s = 0.0  # what the latest check took beyond the steps of its leap

    def leap(self, computation: Executable, transition: Transition) -> None:
        """Apply a transition, or check it. Raises NonDeterministicStepError where its steps lead to another state."""
        self._leaps += 1
        plain = transition.steps * self._ledger.unit
        idle = self._workers if self._ledger.serving else 1  # while the main thread takes what workers take otherwise
        affordable = 32 * idle * (plain + self._extra_s) < self._ledger.allowance()
        if self._leaps == 1 or (self._leaps > self._next and affordable):
            self._next = 16 * self._leaps
            self._check(computation, transition, plain)
        else:
            with self._ledger.work("apply"):
                computation.apply(transition)

    def _check(self, computation: Executable, transition: Transition, plain: float) -> None:
        """Check a leap. What the first check takes beyond the `plain` steps is a cost of starting, paid once.

        Where steps wait, that is all of it, since the main thread has waited for the worker that took them.
        """
        ledger, began = self._ledger, self._ledger.clock()
        check_leap(computation, transition)
        taken = ledger.clock() - began
        self._extra_s = max(0.0, taken - plain)
        if self._leaps == 1:
            once = taken if ledger.serving else self._extra_s
            ledger.start("spot-check", once)
            taken -= once
        ledger.charge("spot-check", taken)
        ledger.forget_latest()  # the next boundary will not cost as much


def check_leap(computation: Executable, leap: Transition) -> None:
    """Take the leap's steps rather than the leap, and compare where both lead."""
    before = computation.snapshot()
    computation.advance(leap.steps)
    if not computation.is_end_of(leap, before):
        raise NonDeterministicStepError(
            f"The step function is not deterministic: the {leap.steps} steps from position {before.position} gave one "
            f"state to {leap.source} and another to the main thread. {_HINT}"
        )
