"""The allocator: what pays comes first, what does not pay is paused, what is owed is not overdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import pytest
from pydantic import ValidationError

from asc.allocator import NOTHING, Allocator
from asc.ledger import Ledger
from asc.reference.programs import machine
from asc.testing.clock import Clock
from asc.types import Attempt, Outcome, Plan

EXECUTED = machine("count", 1000)


def rich(exact: bool = False) -> Ledger:
    """Return a ledger with room for anything; the unit is one step."""
    clock = Clock()
    ledger = Ledger(exact, clock=clock)
    clock.move(1e6)
    ledger.progress(1_000_000, 0.0)
    return ledger


def allocator(ledger: Ledger, *predictors: str, **settings: object) -> Allocator:
    return Allocator(Allocator.Config.model_validate(settings), predictors, ledger)


def learn(subject: Allocator, plan: Plan, outcome: Outcome, times: int = 1, gain: float = 0.0) -> None:
    for _ in range(times):
        subject.learn(Attempt(plan, outcome, gain))


def plans(subject: Allocator, capacity: int = 4, covered: Mapping[int, int] = NOTHING) -> list[Plan]:
    return subject.plans(EXECUTED, 10, capacity, covered)


def test_executed_plans_cover_the_next_supersteps() -> None:
    subject = allocator(rich(), "a")
    assert plans(subject, capacity=3) == [Plan("a", 10, 10), Plan("a", 20, 10), Plan("a", 30, 10)]
    assert plans(subject, capacity=2, covered={10: 10, 30: 10}) == [Plan("a", 20, 10), Plan("a", 40, 10)]
    assert plans(subject, capacity=0) == []


def test_executed_plans_end_where_the_run_does() -> None:
    computation = machine("count", 1000)
    computation.advance(965)
    subject = allocator(rich(), "a")
    assert subject.plans(computation, 10, 9, NOTHING) == [Plan("a", 10, 10), Plan("a", 20, 10), Plan("a", 30, 5)]


def test_tasks_grow_while_guesses_are_right_and_shrink_when_one_is_not() -> None:
    subject = allocator(rich(), "a", stretch=4)
    sizes = []
    for outcome in (Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REJECTED):
        [plan] = subject.plans(machine("count", 100_000), 10, 1)
        sizes.append((plan.horizon, plan.steps))
        learn(subject, plan, outcome)
    [plan] = subject.plans(machine("count", 100_000), 10, 1)
    assert sizes == [(10, 10), (20, 20), (40, 40), (40, 40)]
    assert (plan.horizon, plan.steps) == (10, 10)


@pytest.mark.parametrize(("slowdown", "horizon"), [(0.1, 10), (1.0, 90), (1.5, 140), (3.0, 270)])
def test_a_task_starts_where_the_main_thread_will_be_when_it_is_done(slowdown: float, horizon: int) -> None:
    """Eight supersteps, an eighth of slack, whole supersteps of the main thread's own."""
    subject = grown(8)
    first, second = subject.plans(machine("count", 100_000), 10, 2, NOTHING, slowdown)
    assert (first.horizon, first.steps) == (horizon, 80)
    assert (second.horizon, second.steps) == (horizon + 80, 80)


def test_a_task_starts_behind_what_is_under_way() -> None:
    """Two supersteps before it and six behind it are the main thread's own; a gap is filled as far as it reaches."""
    subject = grown(8)
    assert subject.plans(machine("count", 100_000), 10, 1, {20: 80}, 0.9) == [Plan("a", 160, 80)]
    assert subject.plans(machine("count", 100_000), 10, 1, {0: 50, 200: 80}, 0.9) == [Plan("a", 130, 70)]


def test_tasks_shrink_so_that_all_are_done_at_the_end() -> None:
    computation, subject = machine("count", 1000), grown(16)
    computation.advance(900)
    assert subject.plans(computation, 10, 1) == [Plan("a", 60, 40)]
    assert subject.plans(computation, 10, 4) == [Plan("a", 20 + 20 * place, 20) for place in range(4)]


def grown(stretch: int) -> Allocator:
    """An allocator whose guesses have been right so often that its tasks have their full length."""
    subject = allocator(rich(), "a", stretch=stretch)
    learn(subject, Plan("a", 10, 10), Outcome.ACCEPTED, times=10)
    return subject


def test_lookahead_is_bounded() -> None:
    subject = allocator(rich(), "a", lookahead=2)
    assert [plan.horizon for plan in plans(subject, capacity=9)] == [10, 20]


def test_judged_plans_are_the_horizons() -> None:
    subject = allocator(rich(), "a", "b", horizons=(5, 25))
    assert {(plan.predictor, plan.horizon, plan.steps) for plan in plans(subject)} == {("a", 5, 0), ("a", 25, 0)}
    learn(subject, Plan("a", 5), Outcome.REJECTED)
    assert {(plan.predictor, plan.horizon) for plan in plans(subject)} == {("b", 5), ("a", 25)}


def test_the_more_probable_predictor_is_asked() -> None:
    subject = allocator(rich(), "a", "b")
    learn(subject, Plan("b", 10, 10), Outcome.ACCEPTED, gain=10.0)
    assert [plan.predictor for plan in plans(subject, capacity=1)] == ["b"]
    learn(subject, Plan("b", 10, 10), Outcome.REJECTED, times=2)
    assert [plan.predictor for plan in plans(subject, capacity=1)] == ["a"]


def test_the_more_profitable_predictor_is_asked() -> None:
    subject = allocator(rich(), "a", "b", horizons=(50,))
    learn(subject, Plan("a", 50), Outcome.ACCEPTED, gain=2.0)
    learn(subject, Plan("b", 50), Outcome.ACCEPTED, gain=30.0)
    assert [plan.predictor for plan in plans(subject)] == ["b"]


def test_outcomes_fade() -> None:
    subject = allocator(rich(), "a", "b", horizons=(50,))
    learn(subject, Plan("a", 50), Outcome.ACCEPTED, times=50, gain=50.0)
    assert plans(subject)[0].predictor == "a"
    learn(subject, Plan("a", 50), Outcome.REJECTED, times=50)
    learn(subject, Plan("b", 50), Outcome.ACCEPTED, times=2, gain=50.0)
    assert plans(subject)[0].predictor == "b"


def test_silence_counts_a_little() -> None:
    subject = allocator(rich(), "a", "b")
    learn(subject, Plan("a", 10, 10), Outcome.SILENT)
    assert plans(subject, capacity=1)[0].predictor == "b"
    assert not subject.paused
    learn(subject, Plan("b", 10, 10), Outcome.REJECTED)
    assert plans(subject, capacity=1)[0].predictor == "a"


def dear(*horizons: int) -> Allocator:
    """Return one whose attempts cost ten steps each, half of which they hope to gain."""
    ledger = rich()
    ledger.charge("predict", ledger.clock(), 1.0)
    ledger.charge("validate", ledger.clock(), 9.0)
    return allocator(ledger, "a", horizons=horizons)


def test_what_may_gain_more_than_it_costs_comes_first() -> None:
    assert [plan.horizon for plan in plans(dear(10, 40))] == [40]


def test_what_costs_more_than_it_may_gain_is_put_to_the_test_less_and_less_often() -> None:
    subject = dear(10)
    tried = [boundary for boundary in range(5000) if plans(subject)]
    pauses = [later - earlier for earlier, later in pairwise(tried)]
    assert pauses[:10] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert set(pauses[10:]) == {1024}


def test_an_update_in_place_has_its_turn() -> None:
    subject = allocator(rich(), "average", horizons=(0,))
    assert plans(subject) == [Plan("average", 0)]
    learn(subject, Plan("average", 0), Outcome.ACCEPTED, gain=3.0)
    assert plans(subject) == [Plan("average", 0)]
    learn(subject, Plan("average", 0), Outcome.ACCEPTED, times=200, gain=-3.0)
    assert plans(subject) == []


def pause(subject: Allocator) -> int:
    """Return for how many boundaries nothing is planned."""
    for boundaries in range(5000):
        if plans(subject):
            return boundaries
    raise AssertionError("speculation never came back")


def test_pauses_double_and_one_acceptance_ends_them() -> None:
    subject = allocator(rich(), "a")
    plan = Plan("a", 10, 10)
    pauses = []
    learn(subject, plan, Outcome.REJECTED, times=3)
    assert plans(subject)
    assert not subject.paused
    for _ in range(12):
        learn(subject, plan, Outcome.REJECTED)
        assert subject.paused
        pauses.append(1 + pause(subject))
    assert pauses[:9] == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert pauses[9:] == [1024] * 3
    learn(subject, plan, Outcome.REJECTED)
    assert plans(subject) == []
    learn(subject, plan, Outcome.ACCEPTED, gain=10.0)
    assert not subject.paused
    assert plans(subject)
    learn(subject, plan, Outcome.REJECTED, times=3)
    assert plans(subject)


@pytest.mark.parametrize("outcome", [Outcome.LATE, Outcome.LAUNCHED, Outcome.FAILED])
def test_what_says_nothing_about_a_guess_changes_nothing(outcome: Outcome) -> None:
    subject = allocator(rich(), "a", "b")
    learn(subject, Plan("a", 10, 10), outcome, times=20)
    assert plans(subject, capacity=1) == [Plan("a", 10, 10)]
    assert not subject.paused


def test_a_dropped_predictor_is_not_asked_again() -> None:
    subject = allocator(rich(), "a", "b")
    subject.drop("a")
    subject.drop("a")
    assert {plan.predictor for plan in plans(subject)} == {"b"}
    subject.drop("b")
    assert plans(subject) == []
    assert subject.paused


def test_nothing_is_planned_on_credit() -> None:
    ledger = Ledger(False, clock=Clock())
    subject = allocator(ledger, "a")
    assert plans(subject) == []
    ledger.progress(1000, 0.0)
    assert plans(subject)
    ledger.charge("validate", 0.0, 31.0)
    assert plans(subject) == []
    assert subject.rest(10) > 1
    ledger.leap(5, 2.0)
    assert plans(subject)
    assert subject.rest(10) == 1


def test_distances_of_like_magnitude_share_their_outcomes_where_executed() -> None:
    subject = allocator(rich(), "a", "b")
    learn(subject, Plan("a", 40, 10), Outcome.REJECTED)
    chosen: Mapping[int, str] = {plan.horizon: plan.predictor for plan in plans(subject, capacity=8)}
    assert chosen == {10: "a", 20: "a", 30: "a", 40: "b", 50: "b", 60: "b", 70: "b", 80: "a"}


def remembered(subject: Allocator, supersteps: int, recalled: int = 0) -> int:
    return sum(subject.remembers(recalled) for _ in range(supersteps))


def test_what_is_remembered_for_nothing_is_paused() -> None:
    ledger = rich(exact=True)
    ledger.charge("insert", ledger.clock() - 20_000.0)
    subject = allocator(ledger, "a")
    assert remembered(subject, 100) > 50
    remembered(subject, 400)
    assert remembered(subject, 200) == 0
    assert remembered(subject, 2000) > 100


def test_what_comes_back_is_remembered_on_and_on() -> None:
    ledger = rich(exact=True)
    ledger.charge("insert", ledger.clock() - 20_000.0)
    subject = allocator(ledger, "a")
    assert all(remembered(subject, 100, recalled=i) > 80 for i in range(1, 30))


def test_now_and_then_a_superstep_stays_plain() -> None:
    subject = allocator(rich(exact=True), "a")
    tracked = [subject.remembers(1) for _ in range(1000)]
    assert 0 < tracked.count(False) < 100


def test_nothing_is_remembered_where_that_was_not_wanted_or_cannot_be_paid() -> None:
    assert remembered(allocator(rich(exact=True), "a", memoise=False), 100) == 0
    assert remembered(allocator(Ledger(True, clock=Clock()), "a"), 100) == 0
    ledger = rich(exact=True)
    ledger.charge("insert", ledger.clock() - 40_000.0)
    assert remembered(allocator(ledger, "a"), 100) == 0


def test_settings_are_checked() -> None:
    with pytest.raises(ValidationError):
        Allocator.Config(overdraft=-0.1)
    with pytest.raises(ValidationError):
        Allocator.Config(lookahead=0)
