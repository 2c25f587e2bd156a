"""Compares new predictors with the others, in sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from asc.run.replay.evaluations import Evaluation, Evaluations, Totals

_SIGNIFICANT = 0.05  # a difference that chance brings about less often than this is taken for real
Describe = Callable[[int], str]
"""Puts a horizon into words, such as "8 steps ahead"."""

DescribeGain = Callable[[float], str]
"""Puts a gain into words, such as "0.3 nats"."""

GAIN_NOT_KNOWN = (
    "The gain is not known, since the backend's computation has no report(state): there is only the verdict of the "
    "validator."
)


def conclude(
    new: Sequence[Evaluations], others: Sequence[Evaluations], horizon: Describe, gain: DescribeGain
) -> list[str]:
    """Say how good each new predictor is at its best horizon, and whether it is better than the best of the others.

    Two predictors are compared by what a run would have gained with each, at the positions where both were asked: an
    accepted candidate counts with its true gain, silence and rejections count as no gain. Each new predictor has one
    sentence. Where there are several, the sentence on the best of the others comes once, at the end.
    """
    best = _best(others)
    sentences = []
    for one in new:
        sentence, at = _describe(one, horizon, gain)
        if best is not None and at is not None:
            comparison = _compare(one.at(at), *best)
            if len(new) == 1:
                sentence = f"{sentence} {_describe_best(*best, horizon, gain)}{comparison and f'; {comparison}'}."
            elif comparison:
                sentence = f"{sentence} Compared with {best[0].name}, {comparison}."
        sentences.append(sentence + _doubts(one))
    if best is not None and len(new) > 1:
        sentences.append(f"{_describe_best(*best, horizon, gain)}.")
    if any(entry.applied_gain is None for one in (*new, *others) for entry in one.entries):
        sentences.append(GAIN_NOT_KNOWN)
    return sentences


def _describe(new: Evaluations, horizon: Describe, gain: DescribeGain) -> tuple[str, int | None]:
    """Return a sentence on a new predictor, and the horizon at which to compare it; None where there is none."""
    if new.fault:
        return f"{new.name} was not asked again: {new.fault}.", None
    best = new.best_horizon()
    if best is None:
        return f"{new.name} was never asked: no position had enough snapshots before it or steps after it.", None
    totals = Totals.of(new.at(best))
    if not totals.candidates:
        return f"{new.name} was silent all {totals.asked} times that it was asked {horizon(best)}.", None
    if not totals.accepted:
        return f"No candidate of {new.name} is accepted, so a run gains nothing by it.", best
    mean = totals.applied_gain
    gains = "" if mean is None else f", which {_gains(mean, gain)} each time it is asked"
    return f"{new.name} does best {horizon(best)}: {_accepted(totals)} are accepted{gains}.", best


def _doubts(new: Evaluations) -> str:
    """Return a sentence on what was hardly right about most of the rejected candidates; empty for no doubt."""
    if not new.doubts:
        return ""
    doubt, times = new.doubts.most_common(1)[0]
    return f" In {times} of its rejected candidates, {doubt}."


def _best(others: Sequence[Evaluations]) -> tuple[Evaluations, int] | None:
    """Return the one that gains most, and its best horizon; where gains are not known, acceptance rates decide."""

    def merit(pair: tuple[Evaluations, int]) -> tuple[float, float]:
        totals = Totals.of(pair[0].at(pair[1]))
        return totals.applied_gain or 0.0, totals.acceptance_rate or 0.0

    pairs = [(one, best) for one in others if not one.fault and (best := one.best_horizon()) is not None]
    return max(pairs, key=merit, default=None)


def _describe_best(best: Evaluations, at: int, horizon: Describe, gain: DescribeGain) -> str:
    totals = Totals.of(best.at(at))
    mean = totals.applied_gain
    found = f"has {_accepted(totals)} accepted" if mean is None else _gains(mean, gain)
    return f"The best of the others, {best.name} {horizon(at)}, {found}"


def _gains(mean: float, gain: DescribeGain) -> str:
    return f"{'gains' if mean >= 0 else 'loses'} {gain(abs(mean))}"


def _accepted(totals: Totals) -> str:
    return f"{totals.accepted} of {totals.candidates} candidates"


def _compare(entries: Sequence[Evaluation], other: Evaluations, at: int) -> str:
    """Return the end of a sentence that compares a new predictor with another; empty where gains are not known."""
    theirs = {entry.position: entry.applied_gain for entry in other.at(at)}
    both = [(entry.applied_gain, theirs[entry.position]) for entry in entries if entry.position in theirs]
    pairs = [(new, old) for new, old in both if new is not None and old is not None]
    if not pairs or len(pairs) < len(both):
        return ""
    more, less = sum(new > old for new, old in pairs), sum(new < old for new, old in pairs)
    if not more + less:
        return f"no difference at any of {len(pairs)} positions"
    counts = f"the new one gains more at {more} and less at {less} of {len(pairs)} positions"
    if _chance(more, less) > _SIGNIFICANT:
        return f"{counts}, too few to tell them apart"
    if (more > less) != (sum(new for new, _ in pairs) > sum(old for _, old in pairs)):
        return f"{counts}, but few positions outweigh many: neither is plainly better"
    return f"{counts}: it is {'better' if more > less else 'worse'}"


def _chance(more: int, less: int) -> float:
    """Return the chance of so uneven a count, or a more uneven one, if both were equally likely: a two-sided sign test.

    Integers all the way, since two to a power of some thousands is beyond every float.
    """
    count, fewer = more + less, min(more, less)
    tail = sum(math.comb(count, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << count))
