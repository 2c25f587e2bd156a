"""Outcomes: counted for people, faded for the scheduler."""

from __future__ import annotations

import pytest

from asc.speculators.outcomes import Outcomes
from asc.testing.checks import through_json
from asc.types import Decision, Horizon, Outcome, Plan


def outcomes(*decisions: Decision) -> Outcomes:
    found = Outcomes()
    for decision in decisions:
        found.note(decision, decision.plan.horizon)
    return found


def decision(outcome: Outcome, horizon: int = 8, gain: float = 0.0, reached: int | None = None) -> Decision:
    return Decision(Plan("a", horizon), outcome, gain, reached=reached)


ALL = (
    decision(Outcome.ACCEPTED, 8, gain=4.0),
    decision(Outcome.ACCEPTED, 50, gain=4.0, reached=24),  # a chain of which the first links were accepted
    decision(Outcome.REJECTED, 8),
    decision(Outcome.REJECTED, 16),
    decision(Outcome.SILENT),
    decision(Outcome.FAILED),
    decision(Outcome.LATE),
    decision(Outcome.LAUNCHED),
)


def test_every_decision_is_counted() -> None:
    assert outcomes(*ALL).counts == {
        "accepted": 2,
        "rejected": 2,
        "no prediction": 1,
        "raised": 1,
        "came too late": 1,
        "sent to a worker": 1,
    }


def test_rate_mean_and_histogram_are_those_counted_by_hand() -> None:
    found = outcomes(*ALL)
    assert found.acceptance_rate == 2 / 4
    assert found.mean_accepted_horizon == (8 + 24) / 2
    assert found.horizons() == {8: Horizon(2, 1), 16: Horizon(1, 0), 24: Horizon(1, 1)}


def test_a_task_reaches_to_its_end() -> None:
    found = Outcomes()
    found.note(Decision(Plan("a", 16, steps=8), Outcome.ACCEPTED, 8.0), 2)
    assert found.mean_accepted_horizon == 24
    assert found.horizons() == {24: Horizon(1, 1)}


def test_nothing_is_claimed_before_anything_is_settled() -> None:
    for found in (Outcomes(), outcomes(*ALL[4:])):
        assert (found.acceptance_rate, found.mean_accepted_horizon, found.horizons()) == (None, None, {})
    assert outcomes(ALL[2]).acceptance_rate == 0.0
    assert outcomes(ALL[2]).mean_accepted_horizon is None


def test_a_resumed_run_continues_with_the_same_outcomes() -> None:
    found, again = outcomes(*ALL), Outcomes()
    again.load_state_dict(through_json(found.state_dict()))
    for one in (found, again):
        one.note(ALL[0], 8)
    assert again.state_dict() == found.state_dict()
    assert (again.acceptance_rate, again.mean_accepted_horizon) == (3 / 5, (8 + 24 + 8) / 3)
    assert again.horizons() == found.horizons()
    assert again.at("a", 8).probability == found.at("a", 8).probability


def test_probabilities_are_even_at_first_and_follow_outcomes() -> None:
    found = Outcomes()
    assert found.at("a", 8).probability == 0.5
    found.note(decision(Outcome.ACCEPTED), 8)
    assert found.at("a", 8).probability > 0.5
    assert found.at("a", 16).probability == found.at("b", 8).probability == 0.5
    found.note(decision(Outcome.REJECTED), 16)
    assert found.at("a", 16).probability < 0.5


def test_outcomes_fade() -> None:
    found = outcomes(*[decision(Outcome.ACCEPTED, gain=50.0)] * 50, *[decision(Outcome.REJECTED)] * 50)
    assert found.at("a", 8).probability < 0.2
    assert found.at("a", 8).gain == pytest.approx(50.0)


def test_silence_counts_a_little() -> None:
    silent, rejected = outcomes(decision(Outcome.SILENT)), outcomes(decision(Outcome.REJECTED))
    assert rejected.at("a", 8).probability < silent.at("a", 8).probability < 0.5


@pytest.mark.parametrize("outcome", [Outcome.LATE, Outcome.LAUNCHED, Outcome.FAILED])
def test_an_outcome_that_judges_no_candidate_changes_no_probability(outcome: Outcome) -> None:
    assert outcomes(*[decision(outcome)] * 20).at("a", 8).probability == 0.5
