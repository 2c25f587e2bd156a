"""Why judged speculation gained something, or nothing, in one sentence."""

from __future__ import annotations

from asc.speculators.explain import (
    NOT_FOUND,
    TOO_SHORT,
    Facts,
    accepted,
    all_rejected,
    count,
    early,
    without_candidates,
)
from asc.speculators.outcomes import Outcomes
from asc.types import Outcome


def explain(facts: Facts, outcomes: Outcomes) -> str:
    """Return one sentence."""
    spent = f"{100 * facts.spent_share:.1f} % of the work"
    if (sentence := early(facts, outcomes)) is not None:
        return sentence
    if facts.leaps and facts.speedup >= 1.02:
        taken = "the leap taken" if facts.leaps == 1 else f"the {facts.leaps} leaps taken"
        return (
            f"{accepted(outcomes)}; {taken} lowered the held-out loss as much as {facts.gained:.0f} of this run's own "
            f"steps do, and speculation took {spent}."
        )
    if facts.leaps:
        return (
            f"No speed-up: {accepted(outcomes)}, worth {facts.gained:.0f} of this run's own steps in all, and "
            f"speculation took {spent}."
        )
    if right := count(outcomes, Outcome.ACCEPTED):
        return f"No speed-up: {right} candidates were accepted, but {NOT_FOUND}"
    if count(outcomes, Outcome.REJECTED):
        return f"No leap was taken: {all_rejected(outcomes)} by the validator, so speculation was withdrawn."
    return without_candidates(facts, outcomes) or TOO_SHORT
