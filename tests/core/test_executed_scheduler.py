"""What workers execute: where tasks start and how long they are; and what the main thread records."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from asc.ledger import Ledger
from asc.reference.programs import machine
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.outcomes import Outcomes
from asc.testing.clock import Clock
from asc.types import Decision, Outcome, Plan


def rich(insert: float = 0.0) -> Ledger:
    """Return a ledger with room for anything, on which a step takes a second; `insert` seconds are booked."""
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000_000, 1e6)
    if insert:
        ledger.charge("insert", insert)
    return ledger


def scheduler(*predictors: str, ledger: Ledger | None = None, **settings: object) -> ExecutedScheduler:
    config = ExecutedScheduler.Config.model_validate(settings)
    return ExecutedScheduler(config, predictors or ("a",), ledger or rich(), Outcomes())


def learn(subject: ExecutedScheduler, plan: Plan, outcome: Outcome, times: int = 1, gain: float = 0.0) -> None:
    for _ in range(times):
        subject.learn(Decision(plan, outcome, gain))


def plans(
    subject: ExecutedScheduler,
    capacity: int = 4,
    covered: Mapping[int, int] | None = None,
    slowdown: float = 1.0,
    steps: int = 1000,
    position: int = 0,
) -> list[Plan]:
    computation = machine("count", steps)
    computation.advance(position)
    return subject.plans(computation, 10, capacity, covered or {}, slowdown)


def grown(task_length: int) -> ExecutedScheduler:
    """Return a scheduler whose candidates have been right so often that its tasks have their full length."""
    subject = scheduler("a", task_length=task_length)
    learn(subject, Plan("a", 10, 10), Outcome.ACCEPTED, times=10)
    return subject


def test_plans_cover_the_next_supersteps() -> None:
    subject = scheduler()
    assert plans(subject, capacity=3) == [Plan("a", 10, 10), Plan("a", 20, 10), Plan("a", 30, 10)]
    assert plans(subject, capacity=2, covered={10: 10, 30: 10}) == [Plan("a", 20, 10), Plan("a", 40, 10)]
    assert plans(subject, capacity=0) == []


def test_plans_end_where_the_run_does() -> None:
    expected = [Plan("a", 10, 10), Plan("a", 20, 10), Plan("a", 30, 5)]
    assert plans(scheduler(), capacity=9, position=965) == expected


def test_tasks_grow_while_candidates_are_accepted_and_shrink_when_one_is_rejected() -> None:
    subject = scheduler(task_length=4)
    sizes = []
    for outcome in (Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REJECTED):
        [plan] = plans(subject, capacity=1, steps=100_000)
        sizes.append((plan.horizon, plan.steps))
        learn(subject, plan, outcome)
    [plan] = plans(subject, capacity=1, steps=100_000)
    assert sizes == [(10, 10), (20, 20), (40, 40), (40, 40)]
    assert (plan.horizon, plan.steps) == (10, 10)


@pytest.mark.parametrize(("slowdown", "horizon"), [(0.1, 10), (1.0, 90), (1.5, 140), (3.0, 270)])
def test_a_task_starts_where_the_main_thread_will_be_when_it_is_done(slowdown: float, horizon: int) -> None:
    """Eight supersteps, an eighth of slack, whole supersteps of the main thread's own."""
    first, second = plans(grown(8), capacity=2, slowdown=slowdown, steps=100_000)
    assert (first.horizon, first.steps) == (horizon, 80)
    assert (second.horizon, second.steps) == (horizon + 80, 80)


def test_a_task_starts_behind_what_is_under_way() -> None:
    """Two supersteps before it and six behind it are the main thread's own; a gap is filled as far as it reaches."""
    subject = grown(8)
    assert plans(subject, 1, {20: 80}, 0.9, steps=100_000) == [Plan("a", 160, 80)]
    assert plans(subject, 1, {0: 50, 200: 80}, 0.9, steps=100_000) == [Plan("a", 130, 70)]


def test_tasks_shrink_so_that_all_are_done_at_the_end() -> None:
    subject = grown(16)
    assert plans(subject, capacity=1, position=900) == [Plan("a", 60, 40)]
    assert plans(subject, capacity=4, position=900) == [Plan("a", 20 + 20 * task, 20) for task in range(4)]


def test_lookahead_is_bounded() -> None:
    assert [plan.horizon for plan in plans(scheduler(lookahead=2), capacity=9)] == [10, 20]


def test_the_more_probable_predictor_is_asked() -> None:
    subject = scheduler("a", "b")
    learn(subject, Plan("b", 10, 10), Outcome.ACCEPTED, gain=10.0)
    assert [plan.predictor for plan in plans(subject, capacity=1)] == ["b"]
    learn(subject, Plan("b", 10, 10), Outcome.REJECTED, times=2)
    assert [plan.predictor for plan in plans(subject, capacity=1)] == ["a"]


def test_silence_counts_a_little() -> None:
    subject = scheduler("a", "b")
    learn(subject, Plan(plans(subject, capacity=1)[0].predictor, 10, 10), Outcome.SILENT)
    learn(subject, Plan("a", 10, 10), Outcome.SILENT)
    assert plans(subject, capacity=1)[0].predictor == "b"
    learn(subject, Plan("b", 10, 10), Outcome.REJECTED)
    assert plans(subject, capacity=1)[0].predictor == "a"


def test_distances_of_like_magnitude_share_their_outcomes() -> None:
    subject = scheduler("a", "b")
    learn(subject, Plan("a", 40, 10), Outcome.REJECTED)
    chosen = {plan.horizon: plan.predictor for plan in plans(subject, capacity=8)}
    assert chosen == {10: "a", 20: "a", 30: "a", 40: "b", 50: "b", 60: "b", 70: "b", 80: "a"}


def test_a_predictor_that_raised_is_not_asked_again() -> None:
    subject = scheduler("a", "b")
    assert subject.learn(Decision(Plan("a", 10, 10), Outcome.FAILED))
    assert not subject.learn(Decision(Plan("a", 10, 10), Outcome.FAILED))
    assert {plan.predictor for plan in plans(subject)} == {"b"}
    subject.learn(Decision(Plan("b", 10, 10), Outcome.FAILED))
    assert plans(subject) == []


def test_rejections_in_a_row_pause_it_and_an_overdrawn_ledger_does() -> None:
    subject = scheduler()
    learn(subject, Plan("a", 10, 10), Outcome.REJECTED, times=4)
    assert [bool(plans(subject)) for _ in range(3)] == [False, True, True]
    assert plans(scheduler(ledger=rich(insert=40_000.0))) == []


def test_a_loss_is_made_up_for_before_the_next_boundary() -> None:
    ledger = rich()
    subject = scheduler(ledger=ledger)
    assert subject.rest(10) == 1
    cheap = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    cheap.progress(1_000_000, 1.0)
    cheap.charge("predict", 0.04)
    assert scheduler(ledger=cheap).rest(10) > 1


def recorded(subject: ExecutedScheduler, supersteps: int, recalled: int = 0) -> int:
    return sum(subject.remembers(recalled) for _ in range(supersteps))


def test_what_is_recorded_for_nothing_is_paused() -> None:
    subject = scheduler(ledger=rich(insert=20_000.0))
    assert recorded(subject, 100) > 50
    recorded(subject, 400)
    assert recorded(subject, 200) == 0
    assert recorded(subject, 2000) > 100


def test_what_comes_back_is_recorded_on_and_on() -> None:
    subject = scheduler(ledger=rich(insert=20_000.0))
    assert all(recorded(subject, 100, recalled=i) > 80 for i in range(1, 30))


def test_now_and_then_a_superstep_stays_plain() -> None:
    subject = scheduler()
    tracked = [subject.remembers(1) for _ in range(1000)]
    assert 0 < tracked.count(False) < 100


def test_supersteps_that_are_recorded_have_a_boundary_each() -> None:
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000_000, 1.0)
    subject = scheduler(ledger=ledger)
    assert subject.remembers(0)
    ledger.charge("predict", 0.04)
    assert subject.rest(10) == 1
    recorded(subject, 63)
    assert subject.rest(10) > 1


def test_nothing_is_recorded_where_that_was_not_wanted_or_cannot_be_paid() -> None:
    assert recorded(scheduler(memoise=False), 100) == 0
    assert recorded(scheduler(ledger=Ledger(lambda _: 0.0, timed=True, clock=Clock())), 100) == 0
    assert recorded(scheduler(ledger=rich(insert=40_000.0)), 100) == 0


@pytest.mark.parametrize("settings", [{"overdraft": -0.1}, {"lookahead": 0}, {"task_length": 0}])
def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ExecutedScheduler.Config.model_validate(settings)
