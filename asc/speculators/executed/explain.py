"""Why executed speculation gained something, or nothing, in one sentence."""

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
from asc.speculators.outcomes import Outcomes
from asc.types import Outcome


def explain(facts: Facts, outcomes: Outcomes) -> str:
    """Return one sentence."""
    if (sentence := early(facts, outcomes)) is not None:
        return sentence
    if facts.leaps and facts.speedup >= 1.02:
        return with_fault(_gain(facts, outcomes), facts)
    if facts.fault:
        return f"No speed-up: {facts.fault}."
    if facts.leaps and (count(outcomes, Outcome.ACCEPTED) or not count(outcomes, Outcome.REJECTED)):
        return _loss(facts, outcomes)
    return _nothing(facts, outcomes)  # the few leaps that there were came from recorded supersteps, and did not matter


def _gain(facts: Facts, outcomes: Outcomes) -> str:
    share = f"{100 * facts.skipped / max(1, facts.position):.0f} % of the steps were leapt over"
    if facts.recalled == facts.leaps:
        return f"The same states came back: {share}, {facts.recalled} times by what had been seen before."
    remembered = f", {facts.recalled} leaps by what had been seen before" if facts.recalled else ""
    return f"{accepted(outcomes)}, and {share}{remembered}."


def _loss(facts: Facts, outcomes: Outcomes) -> str:
    if facts.slowdown is not None and facts.slowdown > 1.5:
        return (
            f"No speed-up although {accepted(outcomes)}: with tracking a worker takes {facts.slowdown:.1f} times as "
            "long as the plain step. Do more work a step on fewer reads."
        )
    if facts.skipped < 0.05 * facts.position:
        return f"No speed-up: {accepted(outcomes)}, too few to matter, so speculation was mostly withheld."
    return (
        f"No speed-up although {accepted(outcomes)}: speculation took {100 * facts.spent_share:.0f} % of the time, as "
        "much as it saved. Longer supersteps (--set recognizer.worth=200) or heavier steps would help."
    )


def _nothing(facts: Facts, outcomes: Outcomes) -> str:
    if right := count(outcomes, Outcome.ACCEPTED):
        return f"No speed-up: {right} candidates were accepted, but {NOT_FOUND}"
    if count(outcomes, Outcome.REJECTED):
        return (
            f"Speculation was withdrawn: {all_rejected(outcomes)}, since each read a state word that was predicted "
            "wrong."
        )
    if count(outcomes, Outcome.LATE) or count(outcomes, Outcome.LAUNCHED):
        return "No speed-up: the run was over, or already past the position, before a worker's result arrived."
    return without_candidates(facts, outcomes) or _without_workers(facts)


def _without_workers(facts: Facts) -> str:
    if facts.awaited:
        return "No speed-up: the run was over while its workers were still starting; a longer run has more of them."
    return TOO_SHORT if facts.workers else "No speed-up: no state came back, and there are no workers to run ahead."
