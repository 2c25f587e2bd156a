"""What both modes share of the sentence that explains a run's gain."""

from __future__ import annotations

from typing import NamedTuple

from asc.speculators.outcomes import Outcomes
from asc.types import Outcome

SETTLED = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SILENT, Outcome.FAILED, Outcome.LATE, Outcome.UNJUDGED)


class Facts(NamedTuple):
    """A run as the ledger and the engine know it."""

    speedup: float
    skipped: int
    gained: float  # plain steps that leaps were worth, where they were judged
    position: int
    recalled: int  # leaps by what the main thread recorded
    leaps: int
    over: bool
    shadow: bool
    spent_share: float  # of the time (or of the price), spent on speculation
    shadow_speedup: float | None = None  # of a shadow run, had its leaps been taken; None where that is not known
    passed_over: int = 0  # boundaries where the recognizer said no; 0 if it ever said yes
    workers: int = 0
    slowdown: float | None = None  # a worker's seconds a step, relative to the main thread's
    fault: str = ""  # why there is no speculation any more: the end of a sentence, without its full stop
    awaited: bool = False  # whether workers were asked for and have not started yet


def count(outcomes: Outcomes, outcome: Outcome) -> int:
    """Return how many decisions had this outcome."""
    return outcomes.counts.get(outcome.value, 0)


def accepted(outcomes: Outcomes) -> str:
    """Say how many of the settled candidates were accepted."""
    right, wrong = count(outcomes, Outcome.ACCEPTED), count(outcomes, Outcome.REJECTED)
    return f"{right} of {right + wrong} candidates were accepted"


def all_rejected(outcomes: Outcomes) -> str:
    """Say that every candidate was rejected."""
    number = count(outcomes, Outcome.REJECTED)
    return "the only candidate was rejected" if number == 1 else f"all {number} candidates were rejected"


def early(facts: Facts, outcomes: Outcomes) -> str | None:
    """Return the sentence where nothing else can be said: in a shadow run, and before anything is settled."""
    if facts.shadow:
        return _shadow(facts, outcomes)
    if not facts.leaps and not facts.over and not facts.fault and not any(count(outcomes, kind) for kind in SETTLED):
        return "Too early to say: no candidate has been settled yet."
    return None


def _shadow(facts: Facts, outcomes: Outcomes) -> str:
    sentence = f"{accepted(outcomes)}; nothing was applied, since this is a shadow run."
    if facts.shadow_speedup is not None:
        sentence += f" With every leap taken, the speed-up would have been {facts.shadow_speedup:.2f}× by the ledger."
    return with_fault(sentence, facts)


def as_fault(sentence: str) -> str:
    """Return a sentence as the end of another one."""
    return sentence[:1].lower() + sentence[1:].rstrip(".")


def with_fault(sentence: str, facts: Facts) -> str:
    """Add why there are no further leaps, where that has a reason of its own."""
    return f"{sentence} {facts.fault[0].upper()}{facts.fault[1:]}." if facts.fault else sentence


def without_candidates(facts: Facts, outcomes: Outcomes) -> str | None:
    """Return the sentence where no candidate was accepted or rejected; None where one was."""
    silent = count(outcomes, Outcome.SILENT)
    if any(count(outcomes, kind) for kind in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.LATE, Outcome.LAUNCHED)):
        return None
    if unjudged := count(outcomes, Outcome.UNJUDGED):
        of = "the only candidate" if unjudged == 1 else f"any of {unjudged} candidates"
        return f"No speed-up: the validator gave no verdict on {of}; the warnings say why."
    if silent:
        return f"No speed-up: the predictors had nothing to say, {silent} times."
    if facts.passed_over:
        boundaries = "1 boundary" if facts.passed_over == 1 else f"{facts.passed_over:,} boundaries"
        return f"No speed-up: the recognizer found no place worth predicting from, at {boundaries}."
    return None


TOO_SHORT = (
    "No speed-up: the run was too short to speculate in, because speculation may cost only a small share of the plain "
    "work so far (its setting overdraft)."
)
NOT_FOUND = (
    "the cache gave none of them back. Either they are larger than its bounds (--set cache.max_bytes=2000000000), or "
    "the backend's key() does not agree with what its transitions read."
)
