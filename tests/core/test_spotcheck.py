"""Spot checks find what is not a function of the state, and leave the computation where it was."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from asc.errors import NonDeterministicStepError
from asc.predictors.linear import Linear
from asc.reference.programs import PROGRAMS, machine
from asc.reference.registers import Effect, Registers, run_superstep
from asc.speculators.executed.spotcheck import check_first_step, check_leap
from asc.testing.assembly import assemble
from asc.testing.clock import Clock, Priced
from asc.words import Word


def drifting(after: int) -> Registers:
    """Return a machine whose steps depend on how many were taken in this process, from the `after`-th on."""
    calls = itertools.count()

    def step(words: Mapping[str, Any]) -> Mapping[str, Word]:
        return {"n": words["n"] + 1, "hidden": max(0, next(calls) - after)}

    return Registers(step, {"n": 0, "hidden": 0}, steps=20_000)


def test_a_first_step_that_is_a_function_of_the_state() -> None:
    computation = machine("mixed", 100)
    computation.advance(3)
    before = computation.digest()
    check_first_step(computation)
    assert computation.digest() == before
    assert computation.position() == 3


def test_a_first_step_that_is_not() -> None:
    with pytest.raises(NonDeterministicStepError, match="run twice from position 0, it gave two different states"):
        check_first_step(drifting(after=0))


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


def test_the_engine_finds_a_step_that_is_not_deterministic() -> None:
    with pytest.raises(NonDeterministicStepError, match="--no-speculation"):
        assemble(drifting(after=0), {"linear": Linear()}).run()


def test_the_engine_finds_one_that_only_becomes_so() -> None:
    """It looks deterministic at its first step; a leap is checked now and then, where that is affordable."""
    clock = Clock()
    computation = Priced(drifting(after=100), clock, {"step": 1e-4})
    with pytest.raises(NonDeterministicStepError, match="gave one state to worker"):
        assemble(computation, {"linear": Linear()}, every=4, clock=clock).run()
