"""What is judged at a boundary: horizons, predictors and updates in place, by expected gain."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from asc.ledger import Ledger
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.speculators.outcomes import Outcomes
from asc.testing.checks import through_json
from asc.testing.clock import Clock
from asc.types import Decision, Outcome, Plan

SUPERSTEP = 10


def rich(**prices: float) -> Ledger:
    """Return a ledger with room for anything, that has booked one piece of work at each of these prices."""
    ledger = Ledger(lambda kind: prices[kind], timed=False, clock=Clock())
    ledger.progress(1_000_000, 0.0)
    for kind in prices:
        ledger.charge(kind, 0.0)
    return ledger


def scheduler(
    *predictors: str, in_place: tuple[str, ...] = (), ledger: Ledger | None = None, **settings: Any
) -> JudgedScheduler:
    config = JudgedScheduler.Config.model_validate(settings)
    return JudgedScheduler(config, predictors, in_place, ledger or rich(), Outcomes())


def learn(subject: JudgedScheduler, plan: Plan, outcome: Outcome, times: int = 1, gain: float = 0.0) -> None:
    for _ in range(times):
        subject.learn(Decision(plan, outcome, gain))


def test_one_candidate_is_judged_for_each_horizon() -> None:
    subject = scheduler("a", "b", horizons=(5, 25))
    assert subject.plans(SUPERSTEP) == [Plan("a", 5), Plan("a", 25)]
    learn(subject, Plan("a", 5), Outcome.REJECTED)
    assert subject.plans(SUPERSTEP) == [Plan("b", 5), Plan("a", 25)]


def test_without_horizons_the_distance_to_the_next_boundary_is_the_horizon() -> None:
    subject = scheduler("a")
    assert subject.plans(10) == [Plan("a", 10)]
    assert subject.plans(32) == [Plan("a", 32)]


def test_no_horizon_lies_beyond_the_furthest_that_the_recognizer_expects_to_be_right() -> None:
    subject = scheduler("a", horizons=(0, 5, 25, 100))
    assert [plan.horizon for plan in subject.plans(SUPERSTEP, 25)] == [0, 5, 25]
    assert [plan.horizon for plan in subject.plans(SUPERSTEP, 24)] == [0, 5]
    assert [plan.horizon for plan in subject.plans(SUPERSTEP)] == [0, 5, 25, 100]
    assert scheduler("a").plans(SUPERSTEP, SUPERSTEP - 1) == [], "as far as the next boundary"


def test_updates_in_place_have_no_horizon_to_bound() -> None:
    subject = scheduler("a", "average", in_place=("average",), horizons=(5,))
    assert subject.plans(SUPERSTEP, 0) == [Plan("average", 0)]


def test_where_horizons_were_left_out_is_counted_saved_and_restored() -> None:
    subject = scheduler("a", horizons=(5, 25))
    for furthest in (None, 25, 24, 7):
        subject.plans(SUPERSTEP, furthest)
    assert subject.bounded == (2, 7)
    other = scheduler("a", horizons=(5, 25))
    other.load_state_dict(through_json(subject.state_dict()))
    assert other.bounded == (2, 7)


def test_no_plan_is_for_a_worker() -> None:
    for horizons in ((), (5, 25)):
        subject = scheduler("a", "average", in_place=("average",), horizons=horizons)
        assert subject.plans(SUPERSTEP)
        assert all(plan.steps == 0 for plan in subject.plans(SUPERSTEP))


def test_at_most_so_many_candidates_are_judged() -> None:
    assert len(scheduler("a", horizons=range(1, 20)).plans(SUPERSTEP)) == 8
    assert len(scheduler("a", horizons=range(1, 20), candidates=3).plans(SUPERSTEP)) == 3


def test_the_more_profitable_predictor_is_asked() -> None:
    subject = scheduler("a", "b", horizons=(50,))
    learn(subject, Plan("a", 50), Outcome.ACCEPTED, gain=2.0)
    learn(subject, Plan("b", 50), Outcome.ACCEPTED, gain=30.0)
    assert [plan.predictor for plan in subject.plans(SUPERSTEP)] == ["b"]


def test_the_more_probable_predictor_is_asked() -> None:
    subject = scheduler("a", "b", horizons=(50,))
    learn(subject, Plan("a", 50), Outcome.ACCEPTED, times=50, gain=50.0)
    assert subject.plans(SUPERSTEP)[0].predictor == "a"
    learn(subject, Plan("a", 50), Outcome.REJECTED, times=50)
    learn(subject, Plan("b", 50), Outcome.ACCEPTED, times=2, gain=50.0)
    assert subject.plans(SUPERSTEP)[0].predictor == "b"


def test_a_candidate_costs_its_prediction_and_its_validation() -> None:
    """Ten steps each, half of which may be gained: only a horizon beyond twenty pays."""
    ledger = rich(predict=1.0, validate=9.0)
    assert [plan.horizon for plan in scheduler("a", ledger=ledger, horizons=(10, 40)).plans(SUPERSTEP)] == [40]


def test_an_update_in_place_is_planned_beside_the_horizons() -> None:
    subject = scheduler("average", "a", in_place=("average",), horizons=(5, 25))
    assert subject.plans(SUPERSTEP) == [Plan("average", 0), Plan("a", 5), Plan("a", 25)]


def test_an_update_in_place_is_planned_while_it_gains() -> None:
    subject = scheduler("average", in_place=("average",))
    assert subject.plans(SUPERSTEP) == [Plan("average", 0)]
    learn(subject, Plan("average", 0), Outcome.ACCEPTED, gain=3.0)
    assert subject.plans(SUPERSTEP) == [Plan("average", 0)]
    learn(subject, Plan("average", 0), Outcome.ACCEPTED, times=200, gain=-3.0)
    assert subject.plans(SUPERSTEP) == []


def test_a_predictor_that_raised_is_not_asked_again() -> None:
    subject = scheduler("a", "average", in_place=("average",))
    assert subject.learn(Decision(Plan("average", 0), Outcome.FAILED))
    assert not subject.learn(Decision(Plan("average", 0), Outcome.FAILED))
    assert subject.plans(SUPERSTEP) == [Plan("a", 10)]
    subject.learn(Decision(Plan("a", 10), Outcome.FAILED))
    assert subject.plans(SUPERSTEP) == []


def test_a_resumed_run_plans_the_same() -> None:
    subject, again = (scheduler("a", "b", horizons=(5, 25)) for _ in range(2))
    learn(subject, Plan("a", 5), Outcome.REJECTED, times=2)
    learn(subject, Plan("b", 25), Outcome.ACCEPTED, gain=9.0)
    learn(subject, Plan("a", 25), Outcome.REJECTED, times=5)
    again.load_state_dict(through_json(subject.state_dict()))
    assert [subject.plans(SUPERSTEP) for _ in range(40)] == [again.plans(SUPERSTEP) for _ in range(40)]


@pytest.mark.parametrize("settings", [{"overdraft": -0.1}, {"candidates": 0}, {"horizons": (-1,)}])
def test_settings_are_checked(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        JudgedScheduler.Config.model_validate(settings)
