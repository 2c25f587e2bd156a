"""What workers execute: where tasks start and how long they are."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import ValidationError

from asc.ledger import Ledger
from asc.reference.programs import machine
from asc.speculators.executed.prices import Load
from asc.speculators.executed.scheduler import Crew, ExecutedScheduler
from asc.speculators.outcomes import Outcomes
from asc.testing.clock import Clock
from asc.types import Decision, Outcome, Plan


def rich(spent: float = 0.0, task: float = 0.0) -> Ledger:
    """Return a ledger with room for anything, on which a step takes a second; a task has taken `task` seconds."""
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000_000, 1e6)
    ledger.charge("dispatch", task)
    ledger.charge("observe", spent)
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
    sent: float = 0.0,
    nbytes: float = 0.0,
) -> list[Plan]:
    """Return the plans of a boundary, the second with supersteps of this length."""
    computation = machine("count", steps)
    computation.advance(position)
    crew = Crew(capacity, capacity, slowdown, sent, nbytes)
    subject.plans(computation, 10, crew._replace(idle=0), covered or {})
    return subject.plans(computation, 10, crew, covered or {})


def grown(task_length: int) -> ExecutedScheduler:
    """Return a scheduler whose candidates have been right so often that its tasks have their full length."""
    subject = scheduler("a", task_length=task_length)
    learn(subject, Plan("a", 10, 10), Outcome.ACCEPTED, times=10)
    return subject


def test_plans_cover_the_next_supersteps() -> None:
    subject = scheduler(task_length=1)
    assert plans(subject, capacity=3) == [Plan("a", 10, 10), Plan("a", 20, 10), Plan("a", 30, 10)]
    assert plans(subject, capacity=2, covered={10: 10, 30: 10}) == [Plan("a", 20, 10), Plan("a", 40, 10)]
    assert plans(subject, capacity=0) == []


def test_plans_end_where_the_run_does() -> None:
    expected = [Plan("a", 10, 10), Plan("a", 20, 10), Plan("a", 30, 5)]
    assert plans(scheduler(), capacity=9, position=965) == expected


def test_nothing_is_planned_while_the_length_of_a_superstep_changes() -> None:
    """The run would pass by the positions of these tasks."""
    subject, computation, crew = scheduler(task_length=1), machine("count", 1000), Crew(1, 1)
    found = [bool(subject.plans(computation, superstep, crew, {})) for superstep in (10, 20, 20, 40, 40, 40)]
    assert found == [False, False, True, False, True, True]


def test_tasks_double_where_a_candidate_is_accepted_and_halve_where_most_are_rejected() -> None:
    subject = scheduler(task_length=16)
    sizes = []
    for outcome in (*[Outcome.ACCEPTED] * 3, *[Outcome.REJECTED] * 3):
        [plan] = plans(subject, capacity=1, steps=100_000)
        sizes.append((plan.horizon, plan.steps))
        learn(subject, plan, outcome)
    [plan] = plans(subject, capacity=1, steps=100_000)
    assert sizes == [(20, 20), (40, 40), (90, 80), *[(180, 160)] * 3]
    assert (plan.horizon, plan.steps) == (90, 80)


def test_a_task_has_two_supersteps_at_least_so_that_the_main_thread_can_join_it_at_its_second_part() -> None:
    subject = scheduler()
    learn(subject, Plan("a", 10, 10), Outcome.REJECTED, times=3)
    assert [plan.steps for plan in plans(subject, capacity=1, steps=100_000)] == [20]


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
    assert [plan.horizon for plan in plans(scheduler(lookahead=2, task_length=1), capacity=9)] == [10, 20]


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
    subject = scheduler("a", "b", task_length=1)
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
    learn(subject, Plan("a", 10, 10), Outcome.REJECTED, times=5)
    assert plans(subject) == []
    assert plans(subject)
    assert plans(scheduler(ledger=rich(spent=40_000.0))) == []


def test_the_first_task_is_a_probe_and_its_price_counts_for_the_next() -> None:
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000, 1.0)
    subject = scheduler(ledger=ledger, task_length=1)
    assert len(plans(subject, capacity=8)) == 1
    ledger.charge("dispatch", 0.001)
    assert len(plans(subject, capacity=8)) == 8, "eight tasks of 1 ms are within the allowance of 34 ms"
    ledger.charge("dispatch", 0.007)
    assert len(plans(subject, capacity=8)) == 6, "a task takes 4 ms, and 27 ms are left"


def test_after_a_right_candidate_a_task_may_cost_more_than_the_allowance_covers() -> None:
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000, 10.0)
    subject = scheduler(ledger=ledger, task_length=1)
    [plan] = plans(subject)
    ledger.charge("dispatch", 0.2)
    assert plans(subject) == [], "0.1 s are left"
    learn(subject, plan, Outcome.ACCEPTED)
    assert len(plans(subject, capacity=8)) == 1
    learn(subject, plan, Outcome.REJECTED)
    assert plans(subject) == []


def test_for_four_boundaries_a_right_candidate_opens_even_an_overdrawn_ledger() -> None:
    subject = scheduler(ledger=rich(spent=40_000.0))
    assert (plans(subject), subject.trusted) == ([], False)
    learn(subject, Plan("a", 10, 10), Outcome.ACCEPTED)
    assert subject.trusted
    assert [len(plans(subject, capacity=8)) for _ in range(3)] == [1, 1, 0], "each looks at two boundaries"
    assert not subject.trusted


def test_a_first_task_waits_until_the_allowance_covers_what_it_copies() -> None:
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000, 1.0)
    subject = scheduler(ledger=ledger, task_length=1)
    assert plans(subject, sent=1e8) == [], "100 MB take 0.1 s, and 3 % of 1 s may be lost"
    assert subject.unprofitable
    assert len(plans(subject, sent=1e7)) == 3, "three tasks of 10 ms are within 30 ms and the free 5 ms"


def test_a_task_that_copies_more_than_the_recent_ones_costs_more() -> None:
    ledger = Ledger(lambda _: 0.0, timed=True, clock=Clock())
    ledger.progress(1_000, 10.0)
    subject = scheduler(ledger=ledger, task_length=1)
    assert plans(subject)
    ledger.charge("dispatch", 0.001)
    assert plans(subject)
    assert plans(subject, sent=1e9) == []


def test_tasks_that_are_queued_grow_by_their_price_with_each_right_candidate_in_a_row() -> None:
    """A task that costs 10 steps has 80 of them at least; two workers have two tasks to pay for."""
    computation, sizes = machine("count", 100_000), list[int]()
    subject, crew = scheduler(ledger=rich(task=10.0)), Crew(1, 1, queues=True)
    subject.plans(computation, 10, crew._replace(idle=0), {})
    for outcome in (*[Outcome.ACCEPTED] * 12, Outcome.REJECTED, None):
        [plan] = subject.plans(computation, 10, crew, {})
        sizes.append(plan.steps)
        if outcome is not None:
            learn(subject, plan, outcome)
    assert sizes == [*[80] * 9, 90, 100, 110, 120, 80]
    [plan] = subject.plans(computation, 10, Crew(1, 2, queues=True), {})
    assert plan.steps == 160


def test_a_task_is_worth_its_price_sixteen_times() -> None:
    """A task that costs 10 steps, or that moves 10 GB, which takes 10 s, has 160 steps."""
    assert [plan.steps for plan in plans(scheduler(ledger=rich(task=10.0)), capacity=1, steps=100_000)] == [160]
    assert [plan.steps for plan in plans(scheduler(), capacity=1, steps=100_000, nbytes=10e9)] == [160]


def test_tasks_that_cannot_pay_are_tried_less_and_less_often() -> None:
    subject = scheduler(ledger=rich(task=1000.0))
    tried = sum(bool(plans(subject, steps=100_000)) for _ in range(300))
    assert 1 < tried < 10
    assert subject.unprofitable


def test_an_unusual_price_is_soon_forgotten() -> None:
    ledger = rich(task=1000.0)
    subject = scheduler(ledger=ledger)
    plans(subject)
    for _ in range(3):
        ledger.charge("dispatch", 1.0)
        subject.price()
    assert subject.price() == 1.0


def test_the_load_of_a_task_is_a_mean_since_results_come_in_bursts() -> None:
    ledger = rich()
    load = Load(ledger)
    for tasks in range(1, 101):
        ledger.charge("dispatch", 1.0)
        ledger.charge("apply", 50.0 if tasks % 10 == 0 else 0.0)
        seconds = load.seconds()
    assert 5.0 < seconds < 8.0


@pytest.mark.parametrize("settings", [{"overdraft": -0.1}, {"lookahead": 0}, {"task_length": 0}])
def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ExecutedScheduler.Config.model_validate(settings)
