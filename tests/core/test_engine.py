"""The loop: what happens at a boundary, in which order, and what never does."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from asc.cache import TrajectoryCache
from asc.computation import Computation
from asc.engine import Engine, Observer
from asc.ledger import Ledger
from asc.predictor import History, Predictor
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.recognizers.every import Every
from asc.recognizers.similarity import Similarity
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.executed.speculator import ExecutedSpeculator
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.pool import Pool
from asc.testing.assembly import assemble
from asc.testing.checks import check_same_end, drive, walk
from asc.testing.clock import Clock, Priced
from asc.testing.executors import Inline
from asc.testing.stand_ins import Accept, Raising, Silent
from asc.trajectory import Trajectory
from asc.types import Advanced, Boundary, Candidate, Combination, Decision, Fault, Outcome, Recognition, Verdict
from asc.validator import Validator
from asc.validators.strict import Strict

CHEAP = {"step": 1e-4, "predict": 1e-7, "dispatch": 1e-6, "observe": 1e-8}


def priced(program: str, steps: int, clock: Clock) -> Priced:
    return Priced(machine(program, steps), clock, CHEAP)


def judged(computation: Computation, *horizons: int, **parts: Any) -> Engine:
    return assemble(
        computation,
        parts.pop("predictors", {"linear": Linear()}),
        scheduler=JudgedScheduler.Config(horizons=horizons or (8,)),
        validator=parts.pop("validator", Accept(gain_steps=5.0)),
        **parts,
    )


class Reports(Observer):
    """Keeps what an engine reports, and acts at boundaries."""

    def __init__(self, act: Callable[[Boundary], object] = lambda boundary: None) -> None:
        self.recognitions: list[Recognition] = []
        self.boundaries: list[Boundary] = []
        self.faults: list[Fault] = []
        self.pauses = 0
        self._act = act

    def recognised(self, recognition: Recognition) -> None:
        self.recognitions.append(recognition)

    def boundary(self, boundary: Boundary) -> None:
        self.boundaries.append(boundary)
        self._act(boundary)

    def paused(self) -> None:
        self.pauses += 1

    def fault(self, fault: Fault) -> None:
        self.faults.append(fault)


class Watching(Linear):
    """A linear predictor that keeps the positions it was shown."""

    depth = 9

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[int, ...]] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        self.shown.append(history.positions)
        return super().predict(history, horizon)


def test_a_boundary_says_what_happened() -> None:
    clock = Clock()
    engine = assemble(priced("count", 2000, clock), {"linear": Linear()}, clock=clock)
    events = drive(engine)
    assert [event.position for event in events] == sorted({event.position for event in events})
    assert {event.label for event in events} <= {"every 8 steps", "between boundaries"}
    assert sum(len(event.leaps) for event in events) == engine.ledger.leaps > 10
    assert sum(leap.steps for event in events for leap in event.leaps) == engine.ledger.skipped
    assert engine.ledger.skipped + engine.ledger.executed == 2000
    launched = sum(decision.outcome is Outcome.LAUNCHED for event in events for decision in event.decisions)
    assert launched >= sum(len(event.spans) for event in events) > 0
    assert all(event.began <= event.ended for event in events)


@pytest.mark.parametrize("make", [lambda: machine("count", 400), lambda: Descent(400)])
def test_every_boundary_is_reported_once_however_the_engine_is_driven(make: Callable[[], Computation]) -> None:
    reports = Reports()
    engine = assemble(make(), {"linear": Linear()}, observer=reports)
    assert drive(engine) == reports.boundaries
    assert len(reports.boundaries) == len(reports.recognitions) > 1
    again = Reports()
    assemble(make(), {"linear": Linear()}, observer=again).run()
    assert [event.position for event in again.boundaries] == sorted({event.position for event in again.boundaries})
    assert len(again.boundaries) == len(again.recognitions) > 1


def test_differences_never_cross_a_judged_leap() -> None:
    watching = Watching()
    engine = judged(Descent(900), 0, 3, 8, predictors={"watching": watching, "mean": Mean()})
    leaps = [(event.position, event.leaps[0].steps) for event in drive(engine) if event.leaps]
    assert len(leaps) > 10
    assert len(watching.shown) > 10
    for positions in watching.shown:
        assert all(positions[-1] <= bend or positions[0] >= bend + steps for bend, steps in leaps)
    assert engine.trajectory.segment == len(leaps)


def test_a_judged_run_leaps_where_it_always_has() -> None:
    """A golden trajectory: whatever changes inside, the same run takes the same leaps."""
    events = drive(judged(Descent(400), 8, 16, validator=Strict()))
    leaps = [(event.position, leap.source, leap.steps) for event in events for leap in event.leaps]
    assert leaps == [(128, "linear", 16), (176, "linear", 8)]


def test_a_judged_leap_is_followed_by_steps() -> None:
    events = drive(judged(Descent(900), 3, 8))
    for event, following in pairwise(events):
        assert len(event.leaps) <= 1
        assert following.position > event.position + sum(leap.steps for leap in event.leaps)


def test_of_several_candidates_the_most_valuable_is_taken() -> None:
    engine = judged(Descent(900, noise=0.0), 2, 8, 16, validator=Strict())
    for event in drive(engine):
        room = [decision for decision in event.decisions if event.position + decision.plan.horizon <= 900]
        accepted = [decision.gain_steps for decision in room if decision.outcome is Outcome.ACCEPTED]
        assert [leap.gain_steps for leap in event.leaps] == ([max(accepted)] if accepted else [])
    assert engine.ledger.leaps > 0


def test_where_no_gain_is_known_the_largest_fall_is_taken() -> None:
    class Falls(Validator):
        def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
            return Verdict(True, 0.0, "", change=-float(candidate.horizon == 8))

    events = drive(judged(Descent(400), 2, 8, 16, validator=Falls()))
    assert {leap.steps for event in events for leap in event.leaps if event.position < 380} == {8}


class Average(Mean):
    """Updates the present state."""

    in_place = True


def test_an_update_in_place_skips_nothing() -> None:
    engine = judged(Descent(400), predictors={"average": Average()})
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
        done = super().advance(-(-max_steps // 8) * 8)
        return done._replace(hits=3 * done.steps // 8, misses=done.steps // 8, skipped=done.steps // 2)


def test_a_batch_of_hits_that_a_backend_reports_is_counted() -> None:
    clock = Clock()
    alone = ExecutedScheduler.Config(memoise=False)
    engine = assemble(Batching(machine("count", 800), clock, CHEAP), {}, every=8, clock=clock, scheduler=alone)
    engine.run()
    assert (engine.hits, engine.misses, engine.found) == (300, 101, 400)  # one boundary, at the start
    assert (engine.ledger.executed, engine.ledger.skipped) == (400, 400)
    assert engine.ledger.leaps == engine.recalled == 300
    assert engine.ledger.gained == pytest.approx(engine.ledger.plain)  # as many steps were skipped as were taken


class Seven(ExecutedSpeculator):
    """Chains seven leaps at most."""

    max_chain = 7


def test_hits_chain_up_to_the_cap() -> None:
    machines = [machine("count", 1000) for _ in range(20)]
    cache, clock = TrajectoryCache(), Clock()
    for i, recorded in enumerate(machines):
        recorded.advance(8 * i)
        transition = recorded.advance(8, record=True).recorded
        assert transition is not None
        cache.insert(transition)
    computation = priced("count", 1000, clock)
    ledger = Ledger(computation.take_price, timed=True, clock=clock)
    engine = Engine(
        computation,
        Every(Every.Config(steps=8)),
        Seven({}, Pool(Inline, 0), ledger),
        cache=cache,
        ledger=ledger,
        trajectory=Trajectory(),
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
    assert sum(decision.outcome is Outcome.ACCEPTED for event in events for decision in event.decisions) > 10
    assert sum(len(event.leaps) for event in events) > 10
    assert (engine.ledger.leaps, engine.ledger.skipped, engine.ledger.executed) == (0, 0, 2000)
    assert engine.shadow_speedup() is None, "what workers would have had ready in time is not known"
    descent = judged(Descent(400), shadow=True)
    assert any(event.leaps for event in drive(descent))
    assert descent.computation.digest() == walk(Descent(400))


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("method", ["recognise", "next_boundary"])
def test_a_run_continues_without_a_recognizer_that_raised(executed: bool, method: str) -> None:
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

    reports = Reports()

    def build(computation: Computation) -> Engine:
        recognizer = Failing(Every.Config(steps=10))
        return assemble(computation, {"silent": Silent()}, clock=clock, recognizer=recognizer, observer=reports)

    check_same_end(lambda: priced("count", 600, clock) if executed else Descent(600), build)
    ((kind, name, why, off),) = reports.faults
    assert (kind, name, off) == ("recognizer", "given", True)
    assert re.fullmatch(r"ValueError: no idea \(test_engine\.py, line \d+\)", why)
    after = [event for event in reports.boundaries if event.position > 110]
    assert {event.label for event in after} == {"no recognizer"}
    assert all(not event.decisions for event in after), "there is no place to predict from any more"
    assert {later.position - event.position for event, later in pairwise(after)} == {10}, "boundaries stay as far apart"


@pytest.mark.parametrize(
    ("method", "answer", "why"),
    [
        ("recognise", True, "answered True in recognise; expected asc.Recognition(speculate, label, score)"),
        ("recognise", None, "answered None in recognise; expected asc.Recognition(speculate, label, score)"),
        (
            "recognise",
            Recognition(True, "calm", None, furthest=0.5),  # type: ignore[arg-type]
            "answered Recognition(speculate=True, label='calm', score=None, furthest=0.5) in recognise; expected a "
            "whole number of steps or None as furthest",
        ),
        ("next_boundary", 20.0, "answered 20.0 in next_boundary; expected a whole number of steps"),
    ],
)
def test_a_recognizer_that_answers_something_else_is_switched_off(method: str, answer: object, why: str) -> None:
    recognizer, reports = Every(Every.Config(steps=10)), Reports()
    setattr(recognizer, method, lambda *_: answer)

    def build(computation: Computation) -> Engine:
        return assemble(computation, {}, recognizer=recognizer, observer=reports)

    engine = check_same_end(lambda: Descent(60), build)
    assert reports.faults == [Fault("recognizer", "given", f"it {why}", switched_off=True)]
    assert engine.explain(position=60, over=True) == (
        f"No speed-up: speculation was switched off after the recognizer given {why}."
    )


def test_a_judged_candidate_never_reaches_beyond_what_the_recognizer_expects_to_be_right() -> None:
    class Nearsighted(Every):
        def recognise(self, computation: Computation) -> Recognition:
            return super().recognise(computation)._replace(furthest=16 if computation.position() < 300 else None)

    reports = Reports()
    engine = judged(Descent(600), 8, 16, 17, recognizer=Nearsighted(Every.Config(steps=8)), observer=reports)
    engine.run()
    horizons: dict[bool, set[int]] = {True: set(), False: set()}
    for boundary in reports.boundaries:
        horizons[boundary.position < 300] |= {decision.plan.horizon for decision in boundary.decisions}
    assert horizons == {True: {8, 16}, False: {8, 16, 17}}
    sentence = engine.explain(position=600, over=True)
    assert re.search(r"Long horizons were left out at \d+ boundaries, lately those beyond 16 steps", sentence)


def test_a_recognizer_that_stands_still_does_not_stop_the_run() -> None:
    class Standing(Every):
        def next_boundary(self, position: int, computation: Computation) -> int:
            return position

    check_same_end(
        lambda: machine("lap", 200), lambda computation: assemble(computation, {}, recognizer=Standing(), workers=0)
    )


def test_a_predictor_that_raises_is_asked_once() -> None:
    reports = Reports()
    engine = judged(Descent(900), predictors={"raising": Raising(), "linear": Linear()}, observer=reports)
    events = drive(engine)
    failed = [a for event in events for a in event.decisions if a.outcome is Outcome.FAILED]
    assert [decision.plan.predictor for decision in failed] == ["raising"]
    why = "RuntimeError: this predictor always raises"
    assert reports.faults == [Fault("predictor", "raising", why, switched_off=True)]
    assert engine.ledger.leaps > 0


def test_a_run_stops_at_the_next_boundary_and_the_state_is_whole() -> None:
    clock = Clock()
    engine: Engine = assemble(
        priced("count", 4000, clock),
        {"linear": Linear()},
        clock=clock,
        observer=Reports(lambda event: engine.stop() if event.position >= 500 else None),
    )
    engine.run()
    position = engine.computation.position()
    assert 500 <= position < 4000
    plain = machine("count", 4000)
    plain.advance(position)
    assert engine.computation.digest() == plain.digest()


def test_what_the_main_thread_records_comes_back() -> None:
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


def test_a_recognizer_learns_what_became_of_the_candidates() -> None:
    class Curious(Every):
        def __init__(self) -> None:
            super().__init__(Every.Config(steps=8))
            self.learnt: list[Decision] = []

        def learn(self, decision: Decision) -> None:
            self.learnt.append(decision)

    curious = Curious()
    events = drive(judged(Descent(400), recognizer=curious))
    assert curious.learnt == [decision for event in events for decision in event.decisions]
    assert curious.learnt


def test_a_recognizer_that_raises_where_it_learns_is_switched_off() -> None:
    class Confused(Every):
        def learn(self, decision: Decision) -> None:
            raise ValueError("too much")

    reports = Reports()
    engine = judged(Descent(400), recognizer=Confused(), observer=reports)
    drive(engine)
    ((kind, name, why, off),) = reports.faults
    assert (kind, name, off) == ("recognizer", "given", True)
    assert why.startswith("ValueError: too much (test_engine.py, line ")
    assert engine.computation.position() == 400


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_a_result_that_was_used_in_a_chain_was_not_late(workers: int) -> None:
    clock = Clock()
    engine = assemble(priced("count", 4000, clock), {"linear": Linear()}, workers=workers, clock=clock)
    events = drive(engine)
    decisions = [decision for event in events for decision in event.decisions]
    assert not any(decision.outcome is Outcome.LATE for decision in decisions)
    assert sum(decision.gain_steps for decision in decisions) == engine.ledger.skipped > 1000


def test_a_judged_run_records_no_supersteps() -> None:
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
        observer=Reports(lambda event: engine.stop() if event.position >= 500 else None),
    )
    engine.run()
    assert engine.computation.position() == 504


def test_regimes_steer_a_judged_run() -> None:
    descent = Descent(900, noise=0.0, rate=0.002)
    engine = judged(descent, recognizer=Similarity(Similarity.Config(every=10)), validator=Strict())
    events = drive(engine)
    assert {event.label for event in events} > {"unknown", "stable"}
    assert any(event.decisions for event in events if event.label == "stable")
    assert not any(event.decisions for event in events if event.label in {"unknown", "between boundaries"})


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
    """Keeps the positions after judged leaps."""

    def __init__(self, fails: bool = False) -> None:
        super().__init__(Every.Config(steps=8))
        self.followed: list[int] = []
        self._fails = fails

    def follow(self, computation: Computation) -> None:
        self.followed.append(computation.position())
        if self._fails:
            raise RuntimeError("lost")


def test_a_recognizer_follows_judged_leaps() -> None:
    recognizer = Following()
    events = drive(judged(Descent(200), recognizer=recognizer))
    assert recognizer.followed
    assert len(recognizer.followed) == sum(len(event.leaps) for event in events)


def test_a_recognizer_that_raises_on_a_leap_is_switched_off() -> None:
    reports = Reports()
    engine = judged(Descent(200), recognizer=Following(fails=True), observer=reports)
    engine.run()
    assert engine.computation.finished()
    ((kind, name, why, off),) = reports.faults
    assert (kind, name, off) == ("recognizer", "given", True)
    assert why.startswith("RuntimeError: lost (test_engine.py, line ")


def test_executed_leaps_are_the_computation_s_own_movement() -> None:
    recognizer, clock = Following(), Clock()
    engine = assemble(priced("count", 2000, clock), {"linear": Linear()}, clock=clock, recognizer=recognizer)
    engine.run()
    assert engine.ledger.leaps > 0
    assert not recognizer.followed


def test_a_component_that_was_switched_off_stays_off_in_a_resumed_run() -> None:
    """Law 6: a resumed run equals an uninterrupted one, also after a recognizer or a predictor has raised."""

    class Failing(Every):
        def recognise(self, computation: Computation) -> Recognition:
            if computation.position() == 80:
                raise ValueError("no idea")
            return super().recognise(computation)

    def build(computation: Computation) -> tuple[Engine, Reports]:
        reports = Reports()
        predictors: dict[str, Predictor] = {"raising": Raising(), "linear": Linear()}
        recognizer = Failing(Every.Config(steps=8))
        return judged(computation, predictors=predictors, recognizer=recognizer, observer=reports), reports

    whole, _ = build(Descent(400))
    whole.run()
    first, reports = build(Descent(400))
    first.run(until=120)
    assert [fault.name for fault in reports.faults] == ["raising", "given"]
    resumed, again = build(first.computation)
    resumed.load_state(first.save_state())
    resumed.run()
    assert again.faults == []
    assert {event.label for event in again.boundaries} == {"no recognizer"}
    assert resumed.computation.digest() == whole.computation.digest()
    assert resumed.ledger.spent == whole.ledger.spent
    reason = resumed.explain(position=400, over=True)
    assert reason == whole.explain(position=400, over=True)
    assert " Speculation was switched off after the recognizer given raised ValueError: no idea (test_engi" in reason


class Interrupted(Descent):
    """Returns from `advance` after each step, as a slow computation does where a checkpoint is due."""

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        return super().advance(1)


def test_a_computation_that_returns_early_has_its_boundaries_where_it_had_them() -> None:
    reports, plain = Reports(), Reports()
    engine = judged(Interrupted(200), recognizer=Every(Every.Config(steps=8)), observer=reports)
    engine.run()
    whole = judged(Descent(200), recognizer=Every(Every.Config(steps=8)), observer=plain)
    whole.run()
    assert engine.computation.digest() == whole.computation.digest()
    assert [event.position for event in reports.boundaries] == [event.position for event in plain.boundaries]
    assert reports.pauses == sum(7 for event in plain.boundaries if event.position % 8 == 0)
    assert plain.pauses == 0


class Checking(Linear):
    """Looks back on three snapshots, and keeps how many it was shown."""

    depth = 3

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[int] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        self.shown.append(len(history.positions))
        return super().predict(history, horizon)


@pytest.mark.parametrize("executed", [True, False])
def test_a_predictor_sees_as_many_snapshots_as_it_looks_back_on(executed: bool) -> None:
    checking, clock = Checking(), Clock()
    computation = priced("count", 2000, clock) if executed else Descent(400)
    engine = assemble(computation, {"checking": checking}, clock=clock)
    drive(engine)
    assert max(checking.shown) == 3
    assert len(engine.trajectory.snapshots()) <= 3


def test_rates_and_horizons_are_those_counted_by_hand() -> None:
    """Of two horizons, one is accepted at every boundary with room, and the other rejected."""

    class Near(Validator):
        def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
            return Verdict(candidate.horizon == 8, 4.0, "")

    engine = judged(Descent(400), 8, 16, validator=Near())
    events = drive(engine)
    decisions = [decision for event in events for decision in event.decisions]
    settled = [decision for decision in decisions if decision.outcome in (Outcome.ACCEPTED, Outcome.REJECTED)]
    accepted = [decision for decision in settled if decision.outcome is Outcome.ACCEPTED]
    assert len(accepted) > 10
    outcomes = engine.speculator.outcomes
    assert outcomes.acceptance_rate == len(accepted) / len(settled)
    assert outcomes.mean_accepted_horizon == 8.0
    histogram = {steps: tuple(counts) for steps, counts in outcomes.horizons().items()}
    assert histogram == {
        8: (len(accepted), len(accepted)),
        16: (sum(decision.horizon == 16 for decision in settled), 0),
    }


def test_rates_and_horizons_survive_a_resume() -> None:
    whole = judged(Descent(400), 8, 16, validator=Strict())
    whole.run()
    first = judged(Descent(400), 8, 16, validator=Strict())
    first.run(until=200)
    resumed = judged(first.computation, 8, 16, validator=Strict())
    resumed.load_state(first.save_state())
    resumed.run()
    before, after = whole.speculator.outcomes, resumed.speculator.outcomes
    assert before.acceptance_rate not in (None, 0.0)
    assert after.acceptance_rate == before.acceptance_rate
    assert after.mean_accepted_horizon == before.mean_accepted_horizon
    assert after.horizons() == before.horizons()
    assert after.counts == before.counts
