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
    with_fault,
    without_candidates,
)
from asc.speculators.judged.scheduler import Bounded
from asc.speculators.outcomes import Outcomes
from asc.types import Outcome


def explain(facts: Facts, outcomes: Outcomes, bounded: Bounded) -> str:
    """Return one sentence, and another one where the validator or speculation did not last, or horizons were left out.

    `bounded` says at how many boundaries horizons were left out.
    """
    sentence = _explained(facts, outcomes)
    if not bounded.boundaries:
        return sentence
    sentence = "No speed-up: no candidate was judged." if sentence == TOO_SHORT else sentence
    boundaries = "1 boundary" if bounded.boundaries == 1 else f"{bounded.boundaries:,} boundaries"
    return (
        f"{sentence} Long horizons were left out at {boundaries}, lately those beyond {bounded.furthest:,} steps: "
        "almost equal states drift apart within them."
    )


def _explained(facts: Facts, outcomes: Outcomes) -> str:
    if (sentence := early(facts, outcomes)) is not None:
        return sentence
    if facts.fault and not facts.leaps:
        return f"No speed-up: {facts.fault}."
    right = count(outcomes, Outcome.ACCEPTED)
    if facts.leaps:
        sentence = _leapt(facts, outcomes)
    elif right:
        sentence = f"No speed-up: {right} candidates were accepted, but {NOT_FOUND}"
    elif count(outcomes, Outcome.REJECTED):
        sentence = f"No leap was taken: {all_rejected(outcomes)} by the validator, so speculation was withdrawn."
    else:
        return without_candidates(facts, outcomes) or TOO_SHORT
    return with_fault(_with_unjudged(sentence, facts, outcomes), facts)


def _with_unjudged(sentence: str, facts: Facts, outcomes: Outcomes) -> str:
    """Add how many candidates were not judged, where this did not end speculation."""
    unjudged = count(outcomes, Outcome.UNJUDGED)
    if not unjudged or facts.fault:
        return sentence
    were = "1 more was" if unjudged == 1 else f"{unjudged} more were"
    return f"{sentence} {were} not judged; the warnings say why."


def _leapt(facts: Facts, outcomes: Outcomes) -> str:
    spent = f"speculation took {100 * facts.spent_share:.1f} % of the work"
    if facts.speedup < 1.02:
        flat = "" if facts.gained else " (its own loss fell too little to count an improvement in steps)"
        return (
            f"No speed-up: {accepted(outcomes)}, worth {facts.gained:.0f} of this run's own steps in all{flat}, and "
            f"{spent}."
        )
    taken = "the leap taken" if facts.leaps == 1 else f"the {facts.leaps} leaps taken"
    return (
        f"{accepted(outcomes)}; {taken} lowered the held-out loss as much as {facts.gained:.0f} of this run's own "
        f"steps do, and {spent}."
    )
