"""Why there is a gain, or none, in a sentence. "No speed-up, and I don't know why" is what users complain of most."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from asc.types import Outcome


class Facts(NamedTuple):
    """What the sentence is made from."""

    speedup: float
    skipped: int
    gained: float  # plain steps that leaps were worth, where they were judged
    position: int
    recalled: int  # leaps by what the main thread remembered
    leaps: int
    outcomes: Mapping[str, int]
    workers: int
    slowdown: float | None  # a worker's seconds a step, relative to the main thread's
    fault: str  # why there are no workers any more
    exact: bool
    over: bool
    shadow: bool
    spent_share: float  # of the time (or of the price), spent on speculation
    awaited: bool = False  # whether workers were asked for and are not there yet
    passed_over: int = 0  # boundaries that the recognizer said no to, where it said yes to none


def reason(facts: Facts) -> str:
    """Return one sentence."""
    if facts.shadow:
        return _tried(facts) + "; nothing was applied, since this is a shadow run."
    if facts.leaps and facts.speedup >= 1.02:
        return _gain(facts)
    if facts.fault:
        return f"No speed-up: {facts.fault}."
    if facts.leaps:
        return _loss(facts)
    if not facts.over and not any(_count(facts, kind) for kind in _SETTLED):
        return "Too early to say: no guess has been settled yet."
    return _nothing(facts)


_SETTLED = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SILENT, Outcome.FAILED, Outcome.LATE)


def _count(facts: Facts, outcome: Outcome) -> int:
    return facts.outcomes.get(outcome.value, 0)


def _tried(facts: Facts) -> str:
    accepted, rejected = _count(facts, Outcome.ACCEPTED), _count(facts, Outcome.REJECTED)
    return f"{accepted} of {accepted + rejected} guesses were right"


def _gain(facts: Facts) -> str:
    if not facts.exact:
        taken = "the leap taken" if facts.leaps == 1 else f"the {facts.leaps} leaps taken"
        return (
            f"{_tried(facts)}; {taken} lowered the held-out loss as much as {facts.gained:.0f} "
            f"of this run's own steps do, and speculation took {100 * facts.spent_share:.1f} % of the work."
        )
    share = f"{100 * facts.skipped / max(1, facts.position):.0f} % of the steps were leapt over"
    if facts.recalled == facts.leaps:
        return f"The same states came back: {share}, {facts.recalled} times by what had been seen before."
    remembered = f", {facts.recalled} leaps by what had been seen before" if facts.recalled else ""
    return f"{_tried(facts)}, and {share}{remembered}."


def _loss(facts: Facts) -> str:
    if facts.exact and _count(facts, Outcome.REJECTED) and not _count(facts, Outcome.ACCEPTED):
        return _nothing(facts)  # what leaps there were came from memory, and were too few to matter
    if facts.slowdown is not None and facts.slowdown > 1.5:
        return (
            f"No speed-up although {_tried(facts)}: with tracking a worker takes {facts.slowdown:.1f} times as long as "
            "the plain step. Do more work a step on fewer reads."
        )
    if not facts.exact:
        return (
            f"No speed-up: {_tried(facts)}, worth {facts.gained:.0f} of this run's own steps in all, and speculation "
            f"took {100 * facts.spent_share:.1f} % of the work."
        )
    if facts.skipped < 0.05 * facts.position:
        return f"No speed-up: {_tried(facts)}, too few to matter, so speculation was mostly withheld."
    return (
        f"No speed-up although {_tried(facts)}: speculation took {100 * facts.spent_share:.0f} % of the time, as much "
        "as it saved. Longer supersteps (--set recognizer.worth=200) or heavier steps would help."
    )


def _nothing(facts: Facts) -> str:
    rejected, silent, late = (_count(facts, kind) for kind in (Outcome.REJECTED, Outcome.SILENT, Outcome.LATE))
    if accepted := _count(facts, Outcome.ACCEPTED):
        return (
            f"No speed-up: {accepted} guesses were right, but the cache had room for none of them. Give it more with "
            "--set cache.max_bytes=2000000000 or --set cache.max_entries=65536."
        )
    if rejected:
        what = "read a word that was guessed wrong" if facts.exact else "did not pass the validator"
        return f"Refused: no prediction was right, all {rejected} guesses {what}, so speculation was withdrawn."
    if late or _count(facts, Outcome.LAUNCHED):
        return "No speed-up: the run was over, or already past the place, before a worker's result came."
    if silent:
        return f"No speed-up: the predictors had nothing to say, {silent} times."
    if _count(facts, Outcome.FAILED):
        return "No speed-up: every predictor raised and was switched off."
    return f"No speed-up: {_untried(facts)}."


def _untried(facts: Facts) -> str:
    if facts.passed_over:
        return f"the recognizer found no place worth guessing from, at {facts.passed_over:,} boundaries"
    if facts.awaited:
        return "the run was over while its workers were still starting; a longer one has more of them"
    if facts.exact and not facts.workers:
        return "no state came back, and there are no workers to run ahead"
    return "the run was too short to speculate in"
