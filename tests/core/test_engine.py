"""The loop: what happens at a boundary, in which order, and what never does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import pytest

from asc.allocator import Allocator
from asc.cache import TrajectoryCache
from asc.computation import Computation, History
from asc.engine import Engine
from asc.ledger import Ledger
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.recognizers.every import Every
from asc.recognizers.similarity import Similarity
from asc.reference.programs import Descent, machine
from asc.speculators import Executed
from asc.testing.assembly import assemble
from asc.testing.checks import check_same_end, drive, walk
from asc.testing.clock import Clock, Priced
from asc.testing.executors import Inline
from asc.testing.stand_ins import Accept, Raising, Silent
from asc.types import Advanced, Attempt, Boundary, Candidate, Combination, Outcome, Recognition, Verdict
from asc.validators.strict import Strict

CHEAP = {"step": 1e-4, "predict": 1e-7, "dispatch": 1e-6, "observe": 1e-8}


def priced(program: str, steps: int, clock: Clock) -> Priced:
    return Priced(machine(program, steps), clock, CHEAP)


def judged(computation: Computation, *horizons: int, **parts: Any) -> Engine:
    rationing = Allocator.Config(horizons=horizons or (8,))
    return assemble(
        computation,
        parts.pop("predictors", {"linear": Linear()}),
        allocator=rationing,
        validator=parts.pop("validator", Accept(gain_steps=5.0)),
        **parts,
    )


class Watching:
    """A linear predictor that keeps the positions it was shown."""

    needs: frozenset[str] = frozenset()

    def __init__(self) -> None:
        self.shown: list[tuple[int, ...]] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        self.shown.append(history.positions)
        return Linear().predict(history, horizon)


def test_a_boundary_says_what_happened() -> None:
    clock = Clock()
    engine = assemble(priced("count", 2000, clock), {"linear": Linear()}, clock=clock)
    events = drive(engine)
    assert [event.position for event in events] == sorted({event.position for event in events})
    assert {event.label for event in events} <= {"every 8 steps", "between boundaries"}
    assert sum(len(event.leaps) for event in events) == engine.ledger.leaps > 10
    assert sum(leap.steps for event in events for leap in event.leaps) == engine.ledger.skipped
    assert engine.ledger.skipped + engine.ledger.executed == 2000
    launched = sum(attempt.outcome is Outcome.LAUNCHED for event in events for attempt in event.attempts)
    assert launched >= sum(len(event.spans) for event in events) > 0
    assert all(event.began <= event.ended for event in events)


def test_every_boundary_is_told() -> None:
    told: list[Boundary] = []
    engine = assemble(machine("count", 400), {"linear": Linear()}, on_boundary=told.append)
    assert drive(engine) == told
    assert len(told) > 1


def test_differences_never_cross_a_judged_leap() -> None:
    watching = Watching()
    engine = judged(Descent(900), 0, 3, 8, predictors={"watching": watching, "mean": Mean()})
    leaps = [(event.position, event.leaps[0].steps) for event in drive(engine) if event.leaps]
    assert len(leaps) > 10
    assert len(watching.shown) > 10
    for positions in watching.shown:
        assert all(positions[-1] <= bend or positions[0] >= bend + steps for bend, steps in leaps)
    assert engine.trajectory.segment == len(leaps)


def test_a_judged_leap_is_followed_by_steps() -> None:
    events = drive(judged(Descent(900), 3, 8))
    for event, following in pairwise(events):
        assert len(event.leaps) <= 1
        assert following.position > event.position + sum(leap.steps for leap in event.leaps)


def test_of_several_candidates_the_most_valuable_is_taken() -> None:
    engine = judged(Descent(900, noise=0.0), 2, 8, 16, validator=Strict())
    for event in drive(engine):
        room = [attempt for attempt in event.attempts if event.position + attempt.plan.horizon <= 900]
        accepted = [attempt.gain_steps for attempt in room if attempt.outcome is Outcome.ACCEPTED]
        assert [leap.gain_steps for leap in event.leaps] == ([max(accepted)] if accepted else [])
    assert engine.ledger.leaps > 0


def test_where_no_gain_is_known_the_largest_fall_is_taken() -> None:
    class Falls:
        def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
            return Verdict(True, 0.0, "", change=-float(candidate.horizon == 8))

    events = drive(judged(Descent(400), 2, 8, 16, validator=Falls()))
    assert {leap.steps for event in events for leap in event.leaps if event.position < 380} == {8}


def test_an_update_in_place_skips_nothing() -> None:
    engine = judged(Descent(400), 0, predictors={"mean": Mean()})
    events = drive(engine)
    assert engine.ledger.leaps == sum(len(event.leaps) for event in events) > 0
    assert engine.ledger.skipped == 0
    assert engine.ledger.executed == 400
    assert engine.computation.digest() != walk(Descent(400))


@pytest.mark.parametrize("until", [1, 7, 50, 399, 400])
def test_nothing_leaps_past_where_the_run_is_to_stop(until: int) -> None:
    engine = judged(Descent(400), 5, 30)
    engine.run(until=until)
    assert engine.computation.position() == until


class Batching(Priced):
    """Leaps over half of each superstep by itself, as a compiled backend with a cache of its own does."""

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        done = super().advance(max_steps)
        return done._replace(hits=3, misses=1, skipped=done.steps // 2)


def test_a_batch_of_hits_that_a_backend_reports_is_counted() -> None:
    clock = Clock()
    engine = assemble(Batching(machine("count", 800), clock, CHEAP), {}, every=8, clock=clock)
    engine.run()
    assert (engine.hits, engine.misses, engine.found) == (300, 100, 400)
    assert (engine.ledger.executed, engine.ledger.skipped) == (400, 400)


def test_hits_chain_up_to_the_cap() -> None:
    learnt = [machine("count", 1000) for _ in range(20)]
    cache, ledger, clock = TrajectoryCache(), Ledger(True, clock=Clock()), Clock()
    for i, computation in enumerate(learnt):
        computation.advance(8 * i)
        transition = computation.advance(8, record=True).learnt
        assert transition is not None
        cache.insert(transition)
    engine = Engine(
        priced("count", 1000, clock),
        Every(Every.Config(steps=8)),
        Executed({}, Inline, 0, ledger),
        cache=cache,
        allocator=Allocator(Allocator.Config(), [], ledger),
        ledger=ledger,
        chain=7,
    )
    assert len(engine.boundary().leaps) == 7
    assert engine.computation.position() == 56
    assert len(engine.boundary().leaps) == 7
    assert len(engine.boundary().leaps) == 6
    assert len(engine.boundary().leaps) == 0
    engine.run()
    assert engine.computation.digest() == walk(machine("count", 1000))


def test_a_shadow_run_counts_and_applies_nothing() -> None:
    clock = Clock()
    engine = assemble(priced("count", 2000, clock), {"linear": Linear()}, clock=clock, shadow=True)
    events = drive(engine)
    assert sum(attempt.outcome is Outcome.ACCEPTED for event in events for attempt in event.attempts) > 10
    assert sum(len(event.leaps) for event in events) > 10
    assert (engine.ledger.leaps, engine.ledger.skipped, engine.ledger.executed) == (0, 0, 2000)
    descent = judged(Descent(400), shadow=True)
    assert any(event.leaps for event in drive(descent))
    assert descent.computation.digest() == walk(Descent(400))


@pytest.mark.parametrize("exact", [True, False])
@pytest.mark.parametrize("method", ["recognise", "next_boundary"])
def test_a_recognizer_that_raises_is_done_without(exact: bool, method: str) -> None:
    clock = Clock()

    class Failing(Every):
        def recognise(self, computation: Computation) -> Recognition:
            if method == "recognise" and computation.position() > 100:
                raise ValueError("no idea")
            return super().recognise(computation)

        def next_boundary(self, position: int, computation: Computation) -> int:
            if method == "next_boundary" and position > 100:
                raise ValueError("no idea")
            return super().next_boundary(position, computation)

    faults: list[tuple[str, str]] = []

    def build(computation: Computation) -> Engine:
        recognizer = Failing(Every.Config(steps=10))
        parts: Mapping[str, Any] = {"recognizer": recognizer, "on_fault": lambda *fault: faults.append(fault)}
        return assemble(computation, {"silent": Silent()}, clock=clock, **parts)

    check_same_end(lambda: priced("count", 600, clock) if exact else Descent(600), build)
    ((name, why),) = faults
    assert name == "Failing"
    assert re.fullmatch(r"ValueError: no idea \(test_engine\.py, line \d+\)", why)


def test_a_recognizer_that_stands_still_does_not_stop_the_run() -> None:
    class Standing(Every):
        def next_boundary(self, position: int, computation: Computation) -> int:
            return position

    check_same_end(
        lambda: machine("lap", 200), lambda computation: assemble(computation, {}, recognizer=Standing(), workers=0)
    )


def test_a_predictor_that_raises_is_asked_once() -> None:
    faults: list[tuple[str, str]] = []
    engine = judged(
        Descent(900),
        predictors={"raising": Raising(), "linear": Linear()},
        on_fault=lambda *fault: faults.append(fault),
    )
    events = drive(engine)
    failed = [a for event in events for a in event.attempts if a.outcome is Outcome.FAILED]
    assert [attempt.plan.predictor for attempt in failed] == ["raising"]
    assert faults == [("raising", "RuntimeError: this predictor always raises")]
    assert engine.ledger.leaps > 0


def test_a_run_stops_at_the_next_boundary_and_the_state_is_whole() -> None:
    clock = Clock()
    engine: Engine = assemble(
        priced("count", 4000, clock),
        {"linear": Linear()},
        clock=clock,
        on_boundary=lambda event: engine.stop() if event.position >= 500 else None,
    )
    engine.run()
    position = engine.computation.position()
    assert 500 <= position < 4000
    plain = machine("count", 4000)
    plain.advance(position)
    assert engine.computation.digest() == plain.digest()


def test_what_the_main_thread_remembers_comes_back() -> None:
    clock = Clock()
    engine = assemble(priced("lap", 3000, clock), {}, clock=clock, workers=0)
    engine.run()
    assert engine.computation.digest() == walk(machine("lap", 3000))
    assert engine.recalled == engine.ledger.leaps > 100


def test_the_words_that_change_are_noted() -> None:
    clock = Clock()
    engine = assemble(priced("collatz", 500, clock), {"linear": Linear()}, clock=clock)
    engine.run()
    assert engine.excited.names == {"start", "x", "done", "steps"}
    assert assemble(Descent(10), {}).excited.names == set()


def test_a_recognizer_that_learns_is_told_what_became_of_the_attempts() -> None:
    class Curious(Every):
        def __init__(self) -> None:
            super().__init__(Every.Config(steps=8))
            self.told: list[Attempt] = []

        def learn(self, attempt: Attempt) -> None:
            self.told.append(attempt)

    curious = Curious()
    events = drive(judged(Descent(400), recognizer=curious))
    assert curious.told == [attempt for event in events for attempt in event.attempts]
    assert curious.told


def test_a_recognizer_that_raises_where_it_learns_is_done_without() -> None:
    class Confused(Every):
        def learn(self, attempt: Attempt) -> None:
            raise ValueError("too much")

    faults: list[tuple[str, str]] = []
    engine = judged(Descent(400), recognizer=Confused(), on_fault=lambda *fault: faults.append(fault))
    drive(engine)
    ((name, why),) = faults
    assert name == "Confused"
    assert why.startswith("ValueError: too much (test_engine.py, line ")
    assert engine.computation.position() == 400


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_result_that_was_used_in_a_chain_was_not_late(workers: int) -> None:
    clock = Clock()
    engine = assemble(priced("count", 4000, clock), {"linear": Linear()}, workers=workers, clock=clock)
    events = drive(engine)
    outcomes = [attempt.outcome for event in events for attempt in event.attempts]
    assert outcomes.count(Outcome.LATE) == 0
    assert outcomes.count(Outcome.ACCEPTED) == engine.ledger.leaps - engine.recalled > 20


def test_a_judged_run_remembers_no_supersteps() -> None:
    engine = judged(Descent(400))
    drive(engine)
    assert "track" not in engine.ledger.accounts()


def test_no_step_is_taken_after_a_stop() -> None:
    clock = Clock()
    engine: Engine = assemble(
        priced("digest", 4000, clock),
        {},
        workers=0,
        clock=clock,
        on_boundary=lambda event: engine.stop() if event.position >= 500 else None,
    )
    engine.run()
    assert engine.computation.position() == 504


def test_regimes_steer_a_judged_run() -> None:
    descent = Descent(900, noise=0.0, rate=0.002)
    engine = judged(descent, recognizer=Similarity(Similarity.Config(every=10)), validator=Strict())
    events = drive(engine)
    assert {event.label for event in events} > {"unknown", "stable"}
    assert any(event.attempts for event in events if event.label == "stable")
    assert not any(event.attempts for event in events if event.label in {"unknown", "between boundaries"})


def test_the_first_step_is_checked_once() -> None:
    clock = Clock()
    engine = assemble(priced("digest", 300, clock), {}, clock=clock, workers=0)
    for until in (10, 20, 300):
        engine.run(until=until)
    assert engine.ledger.accounts()["spot-check"]["count"] == 1
    assert engine.computation.digest() == walk(machine("digest", 300))


def test_a_run_that_is_over_does_nothing() -> None:
    computation = machine("count", 40)
    walk(computation)
    engine = assemble(computation, {"linear": Linear()})
    engine.run()
    assert engine.ledger.accounts() == {}


class Following(Every):
    """Keeps where it was told of leaps."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__(Every.Config(steps=8))
        self.followed: list[int] = []
        self._fails = fails

    def follow(self, computation: Computation) -> None:
        self.followed.append(computation.position())
        if self._fails:
            raise RuntimeError("lost")


def test_a_recognizer_hears_of_judged_leaps() -> None:
    recognizer = Following()
    events = drive(judged(Descent(200), recognizer=recognizer))
    assert recognizer.followed
    assert len(recognizer.followed) == sum(len(event.leaps) for event in events)


def test_a_recognizer_that_raises_on_a_leap_is_switched_off() -> None:
    faults: list[tuple[str, str]] = []
    engine = judged(Descent(200), recognizer=Following(fails=True), on_fault=lambda *fault: faults.append(fault))
    engine.run()
    assert engine.computation.finished()
    ((name, why),) = faults
    assert name == "Following"
    assert why.startswith("RuntimeError: lost (test_engine.py, line ")


def test_executed_leaps_are_the_computation_s_own_way() -> None:
    recognizer, clock = Following(), Clock()
    engine = assemble(priced("count", 2000, clock), {"linear": Linear()}, clock=clock, recognizer=recognizer)
    engine.run()
    assert engine.ledger.leaps > 0
    assert not recognizer.followed
