"""Laws 1 and 2 over programs, predictors, distances and executors, whatever their timing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.cache import TrajectoryCache
from asc.computation import Computation
from asc.engine import Engine, Observer
from asc.predictor import Predictor
from asc.predictors.ensemble import BUILT_IN, Ensemble
from asc.reference.descent import Descent
from asc.reference.programs import PROGRAMS, machine
from asc.reference.registers import Registers
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.testing.assembly import assemble
from asc.testing.checks import PRICES, check_driven, check_rejection, check_same_end, decisions, drive, walk
from asc.testing.clock import Clock, Priced, Slow
from asc.testing.executors import Deferred
from asc.testing.stand_ins import Accept, Break, Garbage, Raising, Reject, Silent
from asc.types import Boundary
from asc.validator import Validator
from asc.validators.adaptive import Adaptive
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.strict import Strict

LAW = settings(max_examples=40)

PREDICTORS: Mapping[str, Callable[[], Predictor]] = {
    **BUILT_IN,
    "ensemble": Ensemble,
    "silent": Silent,
    "raising": Raising,
    "garbage": Garbage,
}
VALIDATORS: Mapping[str, Callable[[], Validator]] = {
    "adaptive": Adaptive,
    "paired": Paired,
    "proximity": Proximity,
    "strict": Strict,
    "everything": lambda: Accept(gain_steps=5.0),
}

CHEAP: Mapping[str, float] = {"step": 1e-4, "predict": 1e-6, "dispatch": 1e-6}
COSTLY: Mapping[str, float] = {**PRICES, "predict": 1e-3, "track": 1e-4}

programs = st.sampled_from(sorted(PROGRAMS))
without_needs = [name for name, create in PREDICTORS.items() if not create().needs]
several_predictors = st.lists(st.sampled_from(sorted(PREDICTORS)), min_size=1, max_size=3, unique=True)
prices = st.sampled_from((CHEAP, CHEAP, PRICES, COSTLY))
distances = st.integers(1, 40)
scripts = st.lists(st.sampled_from(("begin", "finish", "last", "fail", "break", "nothing")), min_size=1, max_size=30)


class Unreliable(Observer):
    """Makes deferred executors, and at each boundary does the next thing of a script to the newest, over and over.

    It checks that no more calls are under way than there are workers.
    """

    def __init__(self, script: list[str], workers: int, prompt: bool) -> None:
        self._script: Iterator[str] = cycle(script)
        self._workers, self._prompt = workers, prompt
        self._made: list[Deferred] = []

    def make(self) -> Executor:
        self._made.append(Deferred(self._prompt))
        return self._made[-1]

    def boundary(self, boundary: Boundary) -> None:
        if not self._made:
            return
        executor, action = self._made[-1], next(self._script)
        assert sum(not call.future.cancelled() for call in executor.calls) <= self._workers
        if action == "break":
            executor.break_down()
        elif executor.calls and action == "begin":
            executor.begin()
        elif executor.calls and action == "finish":
            executor.finish()
        elif executor.calls and action == "last":
            executor.finish(-1)
        elif executor.calls and action == "fail":
            executor.fail(ValueError("this result does not unpickle"))


def made(names: list[str]) -> dict[str, Predictor]:
    return {name: PREDICTORS[name]() for name in names}


def priced(
    computation: Computation, predictors: Mapping[str, Predictor], price: Mapping[str, float], **parts: Any
) -> Engine:
    """Assemble an engine on a clock of its own, so that it does the same on any machine."""
    assert isinstance(computation, Registers)
    clock = Clock()
    return assemble(Priced(computation, clock, price), predictors, clock=clock, **parts)


@LAW
@given(programs, several_predictors, distances, st.integers(0, 4), prices)
def test_exact_with_results_that_are_there_at_once(
    program: str, names: list[str], every: int, workers: int, price: Mapping[str, float]
) -> None:
    check_same_end(
        lambda: machine(program, 900),
        lambda computation: priced(computation, made(names), price, every=every, workers=workers),
    )


@LAW
@given(programs, several_predictors, distances, st.integers(1, 4), scripts, st.booleans())
def test_exact_with_results_in_any_order_or_never_or_lost(
    program: str, names: list[str], every: int, workers: int, script: list[str], prompt: bool
) -> None:
    def build(computation: Computation) -> Engine:
        pool = Unreliable(script, workers, prompt)
        return priced(
            computation,
            made(names),
            CHEAP,
            every=every,
            workers=workers,
            executor=pool.make,
            observer=pool,
        )

    check_same_end(lambda: machine(program, 900), build)


@LAW
@given(
    programs,
    several_predictors,
    distances,
    st.sampled_from((1e-7, 1e-5, 1e-3)),
    st.fixed_dictionaries({kind: st.floats(0, 1e-3) for kind in PRICES}),
)
def test_exact_whatever_things_cost(
    program: str, names: list[str], every: int, slowness: float, price: Mapping[str, float]
) -> None:
    def build(computation: Computation) -> Engine:
        assert isinstance(computation, Registers)
        clock = Clock()
        slow = {name: Slow(predictor, clock, slowness) for name, predictor in made(names).items()}
        return assemble(Priced(computation, clock, price), slow, every=every, clock=clock)

    check_same_end(lambda: machine(program, 900), build)


@LAW
@given(programs, several_predictors, distances)
def test_exact_on_a_real_clock(program: str, names: list[str], every: int) -> None:
    check_same_end(lambda: machine(program, 900), lambda computation: assemble(computation, made(names), every=every))


@LAW
@given(programs, distances, st.integers(0, 3), st.integers(0, 3), st.booleans())
def test_exact_within_any_bounds(program: str, every: int, entries: int, lookahead: int, memoise: bool) -> None:
    bounds = TrajectoryCache.Config(max_entries=entries)
    scheduler = ExecutedScheduler.Config(lookahead=lookahead + 1, memoise=memoise)
    check_same_end(
        lambda: machine(program, 900),
        lambda computation: priced(
            computation, made(["affine", "memory"]), CHEAP, every=every, cache=bounds, scheduler=scheduler
        ),
    )


@LAW
@given(programs, several_predictors, distances, st.lists(st.integers(1, 300), min_size=1, max_size=5))
def test_a_run_in_parts_arrives_at_the_end_of_each_and_at_the_same_end(
    program: str, names: list[str], every: int, parts: list[int]
) -> None:
    plain, engine = machine(program, 900), priced(machine(program, 900), made(names), CHEAP, every=every)
    for steps in parts:
        until = min(900, plain.position() + steps)
        plain.advance(steps)
        engine.run(until=until)
        assert engine.computation.position() == until
        assert engine.computation.digest() == plain.digest()
    engine.run()
    assert engine.computation.digest() == walk(plain)


@LAW
@given(programs, several_predictors, distances)
def test_shadow_runs_end_like_plain_ones(program: str, names: list[str], every: int) -> None:
    engine = check_same_end(
        lambda: machine(program, 300),
        lambda computation: priced(computation, made(names), CHEAP, every=every, shadow=True),
    )
    assert engine.ledger.leaps == engine.ledger.skipped == 0


@LAW
@given(
    st.integers(0, 99),
    st.lists(st.sampled_from(without_needs), min_size=1, max_size=3, unique=True),
    distances,
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
)
def test_judged_runs_are_transparent_where_nothing_is_accepted(
    seed: int, names: list[str], every: int, horizons: list[int]
) -> None:
    validators: tuple[Validator, ...] = (Reject(), Break())
    for validator in validators:

        def build(computation: Computation, validator: Validator = validator) -> Engine:
            scheduler = JudgedScheduler.Config(horizons=tuple(horizons))
            return assemble(computation, made(names), every=every, validator=validator, scheduler=scheduler)

        assert check_same_end(lambda: Descent(300, seed), build).ledger.leaps == 0
        if isinstance(validator, Reject) and "linear" in names and "raising" not in names:
            check_rejection(lambda: Descent(300, seed), build)


@LAW
@given(
    st.integers(0, 99),
    st.sampled_from(sorted(VALIDATORS)),
    distances,
    st.lists(st.integers(0, 30), min_size=1, max_size=4),
    st.booleans(),
)
def test_judged_runs_are_functions_of_their_seed(
    seed: int, validator: str, every: int, horizons: list[int], shadow: bool
) -> None:
    def build(computation: Computation) -> Engine:
        return assemble(
            computation,
            made(["linear", "mean", "garbage"]),
            every=every,
            validator=VALIDATORS[validator](),
            scheduler=JudgedScheduler.Config(horizons=tuple(horizons)),
            shadow=shadow,
        )

    one, other = build(Descent(300, seed)), build(Descent(300, seed))
    assert decisions(drive(one)) == decisions(drive(other))
    assert one.computation.digest() == other.computation.digest()
    assert one.computation.position() == 300
    if shadow:
        assert one.computation.digest() == walk(Descent(300, seed))
    check_driven(lambda: Descent(300, seed), build)


@pytest.mark.parametrize(
    ("program", "predictor", "every", "least"),
    [
        ("count", "linear", 8, 1000),
        ("congruential", "affine", 7, 1000),
        ("lap", "memory", 8, 1000),
        ("collatz", "memory", 20, 200),
        ("mixed", "memory", 5, 1000),
    ],
)
def test_what_is_predictable_is_leapt_over(program: str, predictor: str, every: int, least: int) -> None:
    """The laws above would hold for an engine that never leaps; this one does."""
    engine = priced(machine(program, 4000), made([predictor]), CHEAP, every=every)
    engine.run()
    assert engine.computation.digest() == walk(machine(program, 4000))
    assert engine.ledger.skipped > least


@pytest.mark.parametrize("validator", sorted(VALIDATORS))
def test_judged_runs_leap(validator: str) -> None:
    engine = assemble(
        Descent(1500, rate=0.002, noise=0.01),
        made(["linear"]),
        every=5,
        validator=VALIDATORS[validator](),
        scheduler=JudgedScheduler.Config(horizons=(5, 10)),
    )
    events = drive(engine)
    assert engine.ledger.leaps > 0
    assert all(len(event.leaps) <= 1 for event in events)
