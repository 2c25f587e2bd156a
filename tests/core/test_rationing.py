"""Rationing: what pays comes first, what does not pay is paused, and the ledger is never overdrawn."""

from __future__ import annotations

from itertools import pairwise

import pytest

from asc.ledger import Ledger
from asc.speculators.rationing import Rationing
from asc.testing.checks import through_json
from asc.testing.clock import Clock
from asc.types import Decision, Outcome, Plan

PLAN = Plan("a", 10)


def rich() -> Ledger:
    """Return a ledger with room for anything; the unit is one step."""
    ledger = Ledger(lambda _: 0.0, timed=False, clock=Clock())
    ledger.progress(1_000_000, 0.0)
    return ledger


def rationing(*predictors: str) -> Rationing:
    return Rationing(predictors or ("a",), rich())


def learn(subject: Rationing, outcome: Outcome, times: int = 1, predictor: str = "a") -> bool:
    return [subject.learn(Decision(Plan(predictor, 10), outcome)) for _ in range(times)][-1]


def chosen(subject: Rationing, *horizons: int, capacity: int = 4, price: float = 0.0) -> list[int]:
    """Return the horizons of what is chosen where each candidate hopes to gain half its horizon."""
    if not subject.open(capacity):
        return []
    options = [[Plan("a", horizon)] for horizon in horizons or (10,)]
    return [plan.horizon for plan in subject.choose(options, capacity, lambda p: p.horizon / 2, lambda _: price)]


def test_of_each_group_the_best_plan_is_chosen_up_to_the_capacity() -> None:
    subject = rationing("a", "b")
    gains = {("a", 10): 1.0, ("b", 10): 2.0, ("a", 20): 3.0, ("b", 20): 2.0}
    options = [[Plan("a", horizon), Plan("b", horizon)] for horizon in (10, 20)]

    def choose(capacity: int) -> list[Plan]:
        return subject.choose(options, capacity, lambda plan: gains[plan.predictor, plan.horizon], lambda _: 0.0)

    assert choose(2) == [Plan("b", 10), Plan("a", 20)]
    assert choose(1) == [Plan("b", 10)]


def test_nothing_is_planned_without_capacity() -> None:
    assert not rationing().open(0)
    assert rationing().open(1)


def test_what_may_gain_more_than_it_costs_comes_first() -> None:
    assert chosen(rationing(), 10, 40, price=10.0) == [40]


def test_what_costs_more_than_it_may_gain_is_chosen_less_and_less_often() -> None:
    subject = rationing()
    boundaries = [boundary for boundary in range(5000) if chosen(subject, 10, price=10.0)]
    pauses = [later - earlier for earlier, later in pairwise(boundaries)]
    assert pauses[:10] == [2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    assert set(pauses[10:]) == {1024}


def test_something_that_pays_makes_exploration_frequent_again() -> None:
    subject = rationing()
    for _ in range(100):
        chosen(subject, 10, price=10.0)
    assert chosen(subject, 40, price=10.0) == [40]
    assert sum(bool(chosen(subject, 10, price=10.0)) for _ in range(100)) > 3


def test_what_cannot_gain_is_never_chosen() -> None:
    assert not any(chosen(rationing(), 0, price=1.0) for _ in range(100))


def paused(subject: Rationing) -> bool:
    return subject.paused


def pause(subject: Rationing) -> int:
    """Return for how many boundaries nothing is planned."""
    for boundaries in range(5000):
        if chosen(subject):
            return boundaries
    raise AssertionError("speculation never came back")


def test_pauses_double_and_one_acceptance_ends_them() -> None:
    subject = rationing()
    pauses = []
    learn(subject, Outcome.REJECTED, times=3)
    assert chosen(subject)
    assert not paused(subject)
    for _ in range(12):
        learn(subject, Outcome.REJECTED)
        assert paused(subject)
        pauses.append(1 + pause(subject))
    assert pauses[:9] == [2, 4, 8, 16, 32, 64, 128, 256, 512]
    assert pauses[9:] == [1024] * 3
    learn(subject, Outcome.REJECTED)
    assert chosen(subject) == []
    learn(subject, Outcome.ACCEPTED)
    assert not paused(subject)
    assert chosen(subject)
    learn(subject, Outcome.REJECTED, times=3)
    assert chosen(subject)


@pytest.mark.parametrize("outcome", [Outcome.LATE, Outcome.LAUNCHED, Outcome.SILENT])
def test_an_outcome_that_rejects_no_candidate_pauses_nothing(outcome: Outcome) -> None:
    subject = rationing()
    learn(subject, outcome, times=20)
    assert chosen(subject) == [10]
    assert not paused(subject)


def test_a_predictor_that_raised_is_switched_off_and_that_is_reported_once() -> None:
    subject = rationing("a", "b")
    assert learn(subject, Outcome.FAILED)
    assert not learn(subject, Outcome.FAILED)
    assert subject.predictors == ["b"]
    assert not paused(subject)
    assert learn(subject, Outcome.FAILED, predictor="b")
    assert subject.predictors == []
    assert paused(subject)


def test_no_other_outcome_switches_a_predictor_off() -> None:
    for outcome in set(Outcome) - {Outcome.FAILED}:
        assert not learn(rationing(), outcome)


def test_nothing_is_planned_on_credit() -> None:
    prices = iter([31.0])
    ledger = Ledger(lambda _: next(prices), timed=False, clock=Clock())
    subject = Rationing(["a"], ledger)
    assert not subject.open(1)
    ledger.progress(1000, 0.0)
    assert subject.open(1)
    ledger.charge("validate", 0.0)
    assert not subject.open(1)
    ledger.leap(5, 2.0)
    assert subject.open(1)


def test_a_resumed_run_continues_its_pauses() -> None:
    subject, again = rationing("a", "b"), rationing("a", "b")
    learn(subject, Outcome.FAILED, predictor="b")
    learn(subject, Outcome.REJECTED, times=7)
    for _ in range(5):
        subject.open(1)
    again.load_state_dict(through_json(subject.state_dict()))
    assert again.predictors == ["a"]
    assert [subject.open(1) for _ in range(30)] == [again.open(1) for _ in range(30)]
    learn(subject, Outcome.FAILED)
    assert again.predictors == ["a"], "the state is a copy"
