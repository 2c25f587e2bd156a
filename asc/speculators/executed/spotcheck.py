"""Spot checks: run the same thing twice and compare, since only what is a function of the state can be predicted."""

from __future__ import annotations

from asc.computation import Computation
from asc.errors import NonDeterministicStepError
from asc.types import Transition

_HINT = (
    "Speculation needs the next state to depend on the state alone: keep random generators, clocks and counters in the "
    "state's own words, or run with --no-speculation."
)


def check_first_step(computation: Computation) -> None:
    """Take one step twice from the same state; the computation is left where it was."""
    before = computation.snapshot()
    digests = []
    for _ in range(2):
        computation.advance(1)
        digests.append(computation.digest())
        computation.restore(before)
    if digests[0] != digests[1]:
        raise NonDeterministicStepError(
            f"The step function is not deterministic: run twice from position {before.position}, it gave two different "
            f"states. {_HINT}"
        )


def check_leap(computation: Computation, leap: Transition) -> None:
    """Take the leap's steps as well as the leap, and compare; the computation is left at the leap's end."""
    before = computation.snapshot()
    computation.advance(leap.steps)
    expected = computation.digest()
    computation.restore(before)
    computation.apply(leap)
    if computation.digest() != expected:
        raise NonDeterministicStepError(
            f"The step function is not deterministic: the {leap.steps} steps from position {before.position} gave one "
            f"state to {leap.source} and another to the main thread. {_HINT}"
        )
