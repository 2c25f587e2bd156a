"""Spot checks find what is not a function of the state, and leave the computation at the end of the leap."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from asc.errors import NonDeterministicStepError
from asc.predictors.linear import Linear
from asc.reference.programs import PROGRAMS, machine
from asc.reference.registers import Effect, Registers, run_superstep
from asc.speculators.executed.spotcheck import check_leap
from asc.testing.assembly import assemble
from asc.testing.checks import walk
from asc.testing.clock import Clock, Priced
from asc.words import Word


def drifting(after: int) -> Registers:
    """Return a machine whose steps depend on how many were taken in this process, from the `after`-th on."""
    calls = itertools.count()

    def step(words: Mapping[str, Any]) -> Mapping[str, Word]:
        return {"n": words["n"] + 1, "hidden": max(0, next(calls) - after)}

    return Registers(step, {"n": 0, "hidden": 0}, steps=20_000)


def test_a_leap_that_is_confirmed_is_taken() -> None:
    computation, plain = machine("count", 100), machine("count", 100)
    leap = plain.advance(10, record=True).recorded
    assert leap is not None
    check_leap(computation, leap)
    assert computation.digest() == plain.digest()


def test_a_leap_that_leads_elsewhere() -> None:
    computation = machine("count", 100)
    leap = run_superstep(PROGRAMS["count"].step, ["total"], computation.words, 0, steps=4)
    wrong = leap._replace(effect=Effect({"n": 99}, {}), source="worker 7")
    with pytest.raises(NonDeterministicStepError, match="4 steps from position 0 gave one state to worker 7"):
        check_leap(computation, wrong)


def test_the_first_leap_is_checked_whatever_that_costs() -> None:
    clock = Clock()
    prices = {"step": 1e-4, "snapshot": 10.0, "digest": 10.0, "restore": 10.0}
    engine = assemble(Priced(machine("count", 1_000), clock, prices), {"linear": Linear()}, every=8, clock=clock)
    while not engine.ledger.leaps:
        engine.boundary()
        engine.advance()
    booked = engine.ledger.accounts()["spot-check"]["seconds"]
    assert booked == pytest.approx(20.0, rel=1e-3)  # a snapshot and a comparison, and the steps
    assert engine.ledger.started == pytest.approx(20.0, rel=1e-3), "it is paid once, and rations nothing"
    assert engine.ledger.spent < 0.01


def test_later_leaps_are_checked_where_that_is_affordable() -> None:
    def checks(digest: float) -> int:
        clock = Clock()
        computation = Priced(machine("count", 40_000), clock, {"step": 1e-4, "digest": digest})
        engine = assemble(computation, {"linear": Linear()}, every=8, clock=clock)
        engine.run()
        return int(engine.ledger.accounts()["spot-check"]["count"]) - 2  # the start is one, and the first has two parts

    assert checks(1e-6) > 2
    assert checks(10.0) == 1


@pytest.mark.parametrize("after", [0, 100])
def test_the_engine_finds_a_step_that_is_not_deterministic(after: int) -> None:
    """The step depends on how many steps were taken, from the start on or later."""
    clock = Clock()
    computation = Priced(drifting(after), clock, {"step": 1e-4})
    with pytest.raises(NonDeterministicStepError, match=r"gave one state to worker.*--no-speculation"):
        assemble(computation, {"linear": Linear()}, every=4, clock=clock).run()


class Begun(Registers):
    """A machine that takes its first step in `begin`, on a clock."""

    def __init__(self, clock: Clock) -> None:
        program = PROGRAMS["count"]
        super().__init__(program.step, program.words, 100, program.sums)
        self.clock = clock

    def begin(self) -> None:
        self.clock.move(3.0)
        self.advance(1)


def test_a_run_with_speculation_begins_as_the_computation_says_and_books_that() -> None:
    clock = Clock()
    computation = Begun(clock)
    engine = assemble(computation, {"linear": Linear()}, clock=clock)
    engine.run()
    assert computation.digest() == walk(machine("count", 100))
    assert engine.ledger.accounts()["spot-check"]["seconds"] == 3.0
    assert engine.ledger.started == pytest.approx(3.0, abs=0.001)
