"""Executed speculation: what is under way, what arrives when, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

import pytest

from asc.assemble import require_needs
from asc.cache import TrajectoryCache
from asc.errors import AscError
from asc.ledger import Ledger
from asc.predictor import History, Predictor
from asc.predictors.linear import Linear
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.reference.registers import Registers
from asc.speculators.executed.delivery import Delivery
from asc.speculators.executed.speculator import ExecutedSpeculator
from asc.speculators.pool import Pool
from asc.testing.clock import Clock
from asc.testing.executors import Deferred, Inline
from asc.testing.stand_ins import Raising, Silent
from asc.trajectory import Trajectory
from asc.types import Boundary, Decision, Direct, Outcome, Plan, Snapshot
from asc.words import Word

STEP_S = 2e-4
EVERY = 8


class Wrong(Predictor):
    """Predicts a state in which the step raises."""

    def predict(self, history: History, horizon: int) -> Direct:
        return Direct({"n": "seven"})


class Stated(Predictor):
    """Predicts the same words each time."""

    def __init__(self, **words: object) -> None:
        super().__init__()
        self._words = words

    def predict(self, history: History, horizon: int) -> Direct:
        return Direct(self._words)


class Bench:
    """A machine, a speculator and its executors; supersteps of eight steps, on a clock of its own."""

    def __init__(
        self, workers: int = 2, program: str = "count", start_s: float = 0.0, make: Any = None, queues: bool = False
    ) -> None:
        self.clock = Clock()
        self.computation = machine(program, 10_000)
        self.ledger = Ledger(self.computation.take_price, timed=True, clock=self.clock)
        self.cache, self.trajectory = TrajectoryCache(), Trajectory()
        self.pools: list[Any] = []
        self._make: Callable[[], Executor] = make or Deferred
        predictors: dict[str, Predictor] = {
            "linear": Linear(),
            "wrong": Wrong(),
            "typed": Stated(x=True),
            "misspelt": Stated(xx=3),
            "unheld": Stated(x=[3]),
            "raising": Raising(),
            "silent": Silent(),
        }
        pool = Pool(self.open, workers, start_s, background=False, queues=queues)
        self.executed = ExecutedSpeculator(predictors, pool, self.ledger)
        self.walk(0)
        self.walk()

    def open(self) -> Executor:
        self.pools.append(self._make())
        return self.pools[-1]  # type: ignore[no-any-return]

    @property
    def pool(self) -> Deferred:
        assert isinstance(self.pools[-1], Deferred)
        return self.pools[-1]

    def walk(self, steps: int = EVERY) -> None:
        self.computation.advance(steps)
        self.clock.move(steps * STEP_S)
        self.ledger.progress(steps, steps * STEP_S)
        self.trajectory.append(self.computation.observe())

    def launch(self, *ahead: int, predictor: str = "linear") -> list[Decision]:
        plans = [Plan(predictor, EVERY * distance, EVERY) for distance in ahead]
        return list(self.executed.launch(self.computation, self.trajectory.snapshots(), plans, EVERY))

    def launch_long(self, steps: int) -> None:
        """Send a task of several supersteps, which starts at the next boundary."""
        plans = [Plan("linear", EVERY, steps)]
        assert self.executed.launch(self.computation, self.trajectory.snapshots(), plans, EVERY)

    def speculate(self) -> list[Decision]:
        return list(self.executed.speculate(self.computation, self.trajectory.snapshots(), EVERY, self.cache))

    def collect(self) -> list[Decision]:
        return list(self.executed.collect(self.computation, self.cache))

    def outcomes(self) -> list[Outcome]:
        return [decision.outcome for decision in self.collect()]

    def idle(self) -> int:
        return self.executed.workers - self.executed.busy()

    def know_the_rate(self) -> None:
        """Let one result arrive, so that it is known what workers take: next to nothing."""
        self.launch(1)
        self.pool.finish()
        self.walk()
        assert self.outcomes() == [Outcome.ACCEPTED]


def test_a_right_candidate_arrives_and_is_found() -> None:
    bench = Bench()
    assert bench.launch(1) == [Decision(Plan("linear", 8, 8), Outcome.LAUNCHED)]
    assert bench.collect() == []
    bench.pool.finish()
    assert bench.collect() == []
    assert len(bench.cache) == 1
    bench.walk()
    assert bench.collect() == [Decision(Plan("linear", 8, 8), Outcome.ACCEPTED, 8)]
    leap = bench.cache.lookup(bench.computation)
    assert leap is not None
    assert (leap.start, leap.steps, leap.source) == (16, 8, "worker 1, linear")
    expected = machine("count", 10_000)
    expected.advance(24)
    bench.computation.apply(leap)
    assert bench.computation.digest() == expected.digest()


def test_a_wrong_candidate_is_rejected_when_its_position_is_reached() -> None:
    bench = Bench(program="congruential")
    bench.launch(1)
    bench.pool.finish()
    bench.walk()
    (decision,) = bench.collect()
    assert (decision.outcome, decision.gain_steps) == (Outcome.REJECTED, 0.0)
    assert decision.reason == "`x` was predicted wrong"
    assert bench.cache.lookup(bench.computation) is None


def test_a_crash_in_a_worker_is_a_rejected_candidate() -> None:
    bench = Bench()
    bench.launch(1, predictor="wrong")
    bench.pool.finish()
    bench.walk()
    (decision,) = bench.collect()
    assert decision.outcome is Outcome.REJECTED
    assert decision.reason.startswith("TypeError: ")
    assert decision.reason.endswith("; `n` was predicted as a str, and is an int")
    assert len(bench.cache) == 0


MISSPELT = '`xx` was predicted, and the state has no such word (did you mean "x"?)'


@pytest.mark.parametrize(
    ("predictor", "reason"),
    [
        ("typed", "`x` was predicted as a bool, and is an int"),
        ("misspelt", f"`x` was predicted wrong; {MISSPELT}"),
    ],
)
def test_a_rejection_says_what_was_hardly_right_about_the_predicted_words(predictor: str, reason: str) -> None:
    bench = Bench(program="congruential")
    bench.launch(1, predictor=predictor)
    bench.pool.finish()
    bench.walk()
    (decision,) = bench.collect()
    assert decision.outcome is Outcome.REJECTED
    assert decision.reason == reason


def test_a_misspelt_word_beside_right_ones_does_no_harm() -> None:
    bench = Bench()
    bench.executed._predictors = {"misspelt": Stated(n=41, xx=3)}  # type: ignore[dict-item]
    bench.launch(1, predictor="misspelt")
    bench.pool.finish()
    bench.walk()
    (decision,) = bench.collect()
    assert (decision.outcome, decision.reason) == (Outcome.ACCEPTED, "")


def test_a_value_that_no_word_can_hold_is_an_error_of_the_predictor() -> None:
    (decision,) = Bench(program="congruential").launch(1, predictor="unheld")
    assert decision.outcome is Outcome.FAILED
    assert decision.reason.startswith("it answered [3] in predict; expected for x, a value that a state word can hold")


def test_idle_workers_and_covered_positions() -> None:
    bench = Bench(workers=3)
    assert (bench.idle(), set(bench.executed.covered())) == (3, set())
    bench.launch(1, 3)
    assert (bench.idle(), set(bench.executed.covered())) == (1, {16, 32})
    bench.pool.finish(1)
    bench.collect()
    assert (bench.idle(), set(bench.executed.covered())) == (2, {16, 32})
    bench.walk()
    bench.pool.finish()
    bench.collect()
    assert (bench.idle(), set(bench.executed.covered())) == (3, {32})


def test_a_late_result_is_kept_all_the_same() -> None:
    bench = Bench()
    bench.know_the_rate()
    bench.launch(1)
    bench.pool.begin()
    bench.clock.move(EVERY * STEP_S)  # so long that it is not waited for
    bench.walk()
    assert bench.collect() == []
    bench.walk()
    bench.pool.finish()
    assert bench.outcomes() == [Outcome.LATE]
    assert len(bench.cache) == 2
    assert bench.executed.covered() == {}


def test_a_late_result_whose_candidate_was_seen_to_be_wrong_is_rejected() -> None:
    bench = Bench(program="congruential")
    bench.launch(1)
    bench.pool.begin()
    bench.walk()
    assert bench.collect() == []
    bench.walk()
    bench.pool.finish()
    assert bench.collect() == [
        Decision(Plan("linear", 8, 8), Outcome.REJECTED, reason="a state word was predicted wrong")
    ]


def test_a_task_that_has_not_begun_is_taken_back() -> None:
    bench = Bench()
    bench.launch(1, 2)
    (awaited, ahead) = bench.pool.calls
    bench.walk()
    assert bench.collect() == []
    assert awaited.future.cancelled()
    assert not ahead.future.cancelled()
    assert set(bench.executed.covered()) == {24}
    assert bench.idle() == 1


def awaited(prompt: bool = True, program: str = "count") -> Bench:
    """Return a bench at a position from which a task is under way, where it is known how long a task takes."""
    bench = Bench(make=partial(Deferred, prompt), program=program)
    bench.launch(1)
    bench.pool.finish()
    bench.walk()
    assert len(bench.collect()) == 1
    bench.launch(1)
    bench.pool.begin()
    bench.computation.advance(EVERY)
    return bench


def test_one_that_is_about_to_arrive_is_waited_for() -> None:
    bench = awaited()
    future = bench.pool.calls[0].future
    assert bench.outcomes() == [Outcome.ACCEPTED]
    assert future.waits == [pytest.approx(EVERY * STEP_S)]  # no longer than the main thread itself would take
    assert bench.ledger.accounts()["wait"]["count"] == 1
    assert bench.cache.lookup(bench.computation) is not None


def test_one_that_takes_longer_than_it_should_is_not_waited_for() -> None:
    bench = awaited()
    bench.clock.move(EVERY * STEP_S)
    assert bench.collect() == []
    assert bench.pool.calls[0].future.waits == []
    assert set(bench.executed.covered()) == {24}


def test_one_that_started_from_a_wrong_candidate_is_not_waited_for() -> None:
    bench = awaited(program="congruential")
    assert bench.collect() == []
    assert bench.pool.calls[0].future.waits == []


def forgetful(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """Forget the mode in each eighth step."""
    n = words["n"]
    return {"n": n + 1, "mode": words["mode"] * 5 % 7 if n % 8 != 4 else 3}


class Forgetful(Bench):
    """A bench whose program soon forgets what was wrong, and whose tasks of 32 steps start with a wrong mode."""

    def __init__(self) -> None:
        super().__init__()
        self.computation = Registers(forgetful, {"n": 0, "mode": 3}, 10_000)
        self.walk(8)
        self.walk(8)
        self.plan = Plan("wrong mode", 32, 32)
        self.executed = ExecutedSpeculator(
            {"wrong mode": WrongMode()}, Pool(self.open, 1, background=False), self.ledger
        )

    def launch_one(self) -> None:
        snapshots = self.trajectory.snapshots()
        assert self.executed.launch(self.computation, snapshots, [self.plan], EVERY)


class WrongMode(Predictor):
    """Right about the position alone."""

    def predict(self, history: History, horizon: int) -> Direct:
        return Direct({"n": history.positions[-1] + horizon, "mode": 6})


def test_a_task_comes_in_two_parts_its_first_superstep_and_the_rest() -> None:
    bench = Forgetful()
    bench.launch_one()
    bench.pool.finish()
    bench.collect()
    assert bench.executed.covered() == {48: 32, 56: 24}
    assert len(bench.cache) == 2


def test_where_a_candidate_was_wrong_the_main_thread_joins_at_the_second_part() -> None:
    """The task starts at step 48 with another mode; at step 56 both are the same again."""
    bench = Forgetful()
    bench.launch_one()
    bench.pool.finish()
    for _ in range(5):
        assert bench.collect() == []
        assert bench.cache.lookup(bench.computation) is None
        bench.walk()
    assert bench.computation.position() == 56
    assert bench.collect() == [Decision(bench.plan, Outcome.ACCEPTED, 24)]
    leap = bench.cache.lookup(bench.computation)
    assert leap is not None
    assert (leap.start, leap.steps) == (56, 24)
    expected = Registers(forgetful, {"n": 0, "mode": 3}, 10_000)
    expected.advance(80)
    bench.computation.apply(leap)
    assert bench.computation.digest() == expected.digest()


def test_a_result_that_comes_late_is_joined_at_its_second_part() -> None:
    bench = Forgetful()
    bench.launch_one()
    bench.pool.begin()
    bench.walk(40)
    assert bench.collect() == []
    bench.pool.finish()
    assert bench.collect() == [Decision(bench.plan, Outcome.ACCEPTED, 24)]


def test_a_task_that_the_main_thread_can_still_join_is_waited_for() -> None:
    bench = Bench(make=partial(Deferred, True))
    bench.know_the_rate()
    bench.launch_long(8 * EVERY)
    bench.pool.begin()
    bench.computation.advance(2 * EVERY)
    assert bench.collect() == [Decision(Plan("linear", 8, 8 * EVERY), Outcome.ACCEPTED, 7 * EVERY)]


class Breaking(Bench):
    """A bench whose step raises in the second part of a task."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__()

        def step(words: Mapping[str, Any]) -> Mapping[str, Word]:
            if words["n"] == 35:
                raise error("no more")
            return {"n": words["n"] + 1}

        self.computation = Registers(step, {"n": 0}, 10_000)
        for _ in range(2):
            self.walk()
        self.launch_long(2 * EVERY)
        self.pool.finish()


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
def test_what_was_done_before_an_error_is_used(error: type[BaseException]) -> None:
    bench = Breaking(error)
    bench.walk()
    assert bench.collect() == [Decision(Plan("linear", 8, 2 * EVERY), Outcome.ACCEPTED, EVERY)]


class Unskippable(BaseException):
    """Says by itself what stands in the way."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ValueError, "ValueError: no more"),
        (SystemExit, "SystemExit: no more"),
        (KeyboardInterrupt, "KeyboardInterrupt: no more"),
        (Unskippable, "no more"),
    ],
)
def test_the_reason_of_a_rejection_is_what_the_worker_raised(error: type[BaseException], reason: str) -> None:
    bench = Breaking(error)
    bench.computation.restore(Snapshot(24, 0, {"n": -1}, 0))  # so that the first part does not match either
    assert bench.collect() == [Decision(Plan("linear", 8, 2 * EVERY), Outcome.REJECTED, reason=reason)]


def test_one_that_is_not_there_in_time_is_left_under_way() -> None:
    bench = awaited(prompt=False)
    assert bench.collect() == []
    assert len(bench.pool.calls[0].future.waits) == 1
    assert set(bench.executed.covered()) == {24}
    bench.walk()
    bench.pool.finish()
    assert bench.outcomes() == [Outcome.LATE]


def test_a_pool_that_breaks_down_loses_what_is_under_way_and_is_replaced() -> None:
    bench = Bench(workers=3)
    bench.launch(1, 2, 3)
    bench.pool.break_down()
    assert bench.collect() == []
    assert (bench.idle(), set(bench.executed.covered())) == (3, set())
    assert bench.executed.fault == ""
    assert bench.launch(1, 2) == [Decision(Plan("linear", 8 * i, 8), Outcome.LAUNCHED) for i in (1, 2)]
    assert len(bench.pools) == 2
    bench.pool.finish()
    bench.walk()
    assert bench.outcomes() == [Outcome.ACCEPTED]


def test_one_breakdown_is_counted_once_however_many_results_it_took() -> None:
    bench = Bench(workers=8)
    for _ in range(3):
        bench.launch(1, 2, 3, 4, 5, 6, 7, 8)
        bench.pool.break_down()
        bench.collect()
    assert bench.executed.fault == ""


def test_after_breakdowns_in_a_row_the_pool_is_given_up() -> None:
    bench = Bench()
    for _ in range(4):
        assert bench.executed.fault == ""
        assert len(bench.launch(1)) == 1
        bench.pool.break_down()
        bench.collect()
    assert bench.executed.fault == "the workers broke down 4 times in a row (BrokenExecutor: a worker died)"
    assert bench.executed.busy() == 0
    assert bench.launch(1) == []
    assert bench.speculate() == []
    assert len(bench.pools) == 4


def test_a_result_between_breakdowns_forgives_those_before() -> None:
    bench = Bench()
    for _ in range(10):
        bench.launch(1)
        bench.pool.finish()
        bench.collect()
        bench.launch(2)
        bench.pool.break_down()
        bench.collect()
    assert bench.executed.fault == ""
    assert len(bench.pools) == 10


def test_a_pool_that_was_shut_down_from_outside_is_replaced() -> None:
    bench = Bench(workers=3)
    bench.launch(1)
    bench.pool.shutdown(cancel_futures=True)
    assert bench.launch(2, 3) == []
    assert bench.executed.covered() == {}
    assert len(bench.launch(1, 2, 3)) == 3
    assert bench.executed.fault == ""
    for i in range(3):
        bench.pool.shutdown(cancel_futures=True)
        bench.collect()
        bench.launch(1)
        assert bench.executed.fault == "" or i == 2


def test_a_stuck_worker_costs_its_pool() -> None:
    bench = Bench()
    bench.know_the_rate()
    bench.launch(1, 2)
    bench.pool.begin()
    bench.clock.move(5.0)
    assert bench.collect() == []
    assert set(bench.executed.covered()) == {24, 32}
    bench.clock.move(5.0)
    assert bench.collect() == []
    assert bench.executed.covered() == {}
    assert bench.pool.closed
    bench.launch(1)
    assert len(bench.pools) == 2
    for _ in range(3):
        bench.clock.move(10.0)
        bench.collect()
        bench.launch(1)
    assert bench.executed.fault.endswith("(TimeoutError: a worker did not come back from 8 steps)")


def test_before_any_result_the_plain_price_tells_who_is_stuck() -> None:
    bench = Bench()
    bench.launch(1)
    bench.pool.begin()
    bench.clock.move(5.0)
    assert bench.collect() == []
    assert set(bench.executed.covered()) == {16}
    bench.clock.move(5.0)
    assert bench.collect() == []
    assert bench.executed.covered() == {}


def test_a_result_that_does_not_unpickle_is_a_rejected_candidate() -> None:
    bench = Bench()
    bench.launch(1)
    bench.pool.fail(AttributeError("cannot find the class"))
    bench.walk()
    assert bench.collect() == [
        Decision(Plan("linear", 8, 8), Outcome.REJECTED, reason="AttributeError: cannot find the class")
    ]
    assert bench.executed.fault == ""


def test_predictors_that_are_silent_or_raise() -> None:
    bench = Bench()
    (silent,) = bench.launch(1, predictor="silent")
    assert silent.outcome is Outcome.SILENT
    (raising,) = bench.launch(1, predictor="raising")
    assert raising == Decision(
        Plan("raising", 8, 8), Outcome.FAILED, reason="RuntimeError: this predictor always raises"
    )
    (unknown,) = bench.launch(1, predictor="unheard of")
    assert unknown.outcome is Outcome.FAILED
    assert bench.executed.covered() == {}
    assert bench.ledger.accounts()["predict"]["count"] == 3


def test_spans_tell_what_the_workers_did() -> None:
    bench = Bench()
    bench.launch(1, 2)
    bench.pool.finish(1)
    bench.pool.finish(0)
    bench.collect()
    spans = bench.executed.spans()
    assert [(span.worker, span.start, span.steps) for span in spans] == [("worker 1", 24, 8), ("worker 1", 16, 8)]
    assert all(span.began <= span.ended for span in spans)
    assert bench.executed.spans() == []


def test_a_worker_whose_clock_has_another_zero_is_placed_by_the_clock_of_the_main_thread() -> None:
    here = Delivery((), "", "w", 5.0, 7.0)
    assert here.within(4.0, 8.0) == (5.0, 7.0)
    assert here._replace(began=905.0, ended=907.0).within(4.0, 8.0) == (6.0, 8.0)
    assert here._replace(began=-95.0, ended=-90.0).within(4.0, 8.0) == (4.0, 8.0)


def test_slowdown_is_what_workers_take_over_the_plain_price() -> None:
    bench = Bench()
    assert bench.executed.slowdown() is None
    bench.know_the_rate()
    slowdown = bench.executed.slowdown()
    assert slowdown is not None
    span = bench.executed.spans()[0]
    assert slowdown == pytest.approx((span.ended - span.began) / EVERY / STEP_S)


def test_a_short_run_does_without_workers() -> None:
    bench = Bench(start_s=4.0)  # ten thousand steps take two seconds
    assert bench.launch(1) == []
    assert bench.pools == []
    assert len(Bench(start_s=1.0).launch(1)) == 1


def test_a_run_of_unknown_length_has_workers_once_it_has_lasted_as_long_as_they_take_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench(start_s=2 * EVERY * STEP_S)
    monkeypatch.setattr(bench.computation, "total", lambda: None)
    assert bench.launch(1) == []
    assert bench.pools == []
    bench.walk()
    assert len(bench.launch(1)) == 1


def test_closing_takes_back_what_has_not_begun() -> None:
    bench = Bench()
    bench.launch(1, 2)
    bench.pool.begin()
    begun, waiting = bench.pool.calls
    bench.executed.close()
    assert waiting.future.cancelled()
    assert not begun.future.cancelled()
    assert bench.pool.closed
    assert bench.executed.covered() == {}
    bench.executed.close()


def test_closing_before_anything_was_opened() -> None:
    bench = Bench()
    bench.executed.close()
    assert bench.pools == []


def test_a_computation_that_cannot_run_from_a_candidate_is_refused() -> None:
    computation, trajectory = Descent(100), Trajectory()
    ledger = Ledger(computation.take_price, timed=True)
    for _ in range(2):
        computation.advance(8)
        trajectory.append(computation.observe())
    executed = ExecutedSpeculator({"linear": Linear()}, Pool(Inline, 1, background=False), ledger)
    with pytest.raises(AscError, match="cannot run on from a predicted state"):
        executed.begin(computation)
    with pytest.raises(AscError, match="cannot run on from a predicted state"):
        executed.launch(computation, trajectory.snapshots(), [Plan("linear", 8, 8)], EVERY)
    executed.close()


def test_needs_that_the_backend_cannot_meet_are_refused() -> None:
    needs = frozenset({"words", "optimizer"})
    require_needs("predictor", "linear", Linear().needs, Descent(10))
    with pytest.raises(AscError, match='The predictor "mine" needs optimizer, words, which this backend does not'):
        require_needs("predictor", "mine", needs, Descent(10))
    with pytest.raises(AscError, match="it offers words"):
        require_needs("recognizer", "mine", needs, machine("count", 10))


def test_what_it_plans_itself_goes_to_idle_workers_only() -> None:
    """The task that workers warm up on shows what a task costs."""
    bench = Bench(workers=3)
    bench.clock.move(1.0)
    bench.walk(8000)  # so that there is plain work to ration by
    launched = [len(bench.speculate()) for _ in range(4)]
    assert launched == [0, 0, 3, 0]
    assert bench.executed.busy() == 3


@pytest.mark.parametrize(("queues", "tasks"), [(True, 2), (False, 1)])
def test_where_tasks_queue_the_next_one_is_sent_before_the_worker_has_ended(queues: bool, tasks: int) -> None:
    """By what is known of its rate, the one worker will have ended its task before the next boundary."""
    bench = Bench(workers=1, queues=queues)
    bench.clock.move(1.0)
    bench.walk(8000)  # so that there is plain work to ration by
    bench.know_the_rate()
    accepted = Decision(Plan("linear", EVERY, EVERY), Outcome.ACCEPTED, EVERY)
    bench.executed.settle(Boundary(0, "", (), (accepted,), (), 0.0, 0.0), applied=True)
    bench.launch_long(2 * EVERY)
    for _ in range(2):
        bench.walk()
        bench.speculate()
    assert len(bench.pool.calls) == tasks
    assert bench.executed.busy() == 1


def test_a_boundary_is_where_a_task_starts_although_the_distance_of_boundaries_has_changed() -> None:
    bench = Bench()
    here = bench.computation.position()
    assert bench.executed.awaits(here, here + 64) == here + 64
    bench.launch(3)
    assert bench.executed.awaits(here, here + 64) == here + 3 * EVERY
    assert bench.executed.awaits(here, here + 16) == here + 16


def test_a_rest_ends_where_a_result_is_wanted() -> None:
    bench = Bench()
    assert bench.executed.rest(EVERY) == 1
    bench.ledger.charge("observe", 1.0)
    assert bench.executed.rest(EVERY) > 50
    bench.ledger.charge("observe", 1.0)
    bench.launch(5)
    bench.collect()
    assert bench.executed.rest(EVERY) == 5
