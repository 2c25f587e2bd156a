"""What to make of new predictors' answers beside those of the others, in sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from asc.run.replay.answers import Answers, Tally, Try

_CHANCE = 0.05  # a difference that chance alone brings about less often than this is one
Said = Callable[[int], str]  # a horizon in words
Amount = Callable[[float], str]  # a gain in words
GAIN_NOT_KNOWN = (
    "The gain is not known, since the backend's computation has no report(state): only what the validator accepts is "
    "told."
)


def conclude(new: Sequence[Answers], others: Sequence[Answers], ahead: Said, amount: Amount) -> list[str]:
    """Say how good each new predictor is at its best horizon, and whether it is better than the best of the others.

    Compared is what a run would have had of each at the places where both were asked: what is accepted counts with its
    true gain, silence and refusals with none. Of several new ones each has a sentence; whom they stand beside is said
    once, after them.
    """
    best = _best(others)
    told = []
    for one in new:
        own, horizon = _own(one, ahead, amount)
        beside = "" if best is None or horizon is None else _compared(one.at(horizon), *best)
        if best is not None and horizon is not None and len(new) == 1:
            own = f"{own} {_rival(*best, ahead, amount)}{beside and f'; {beside}'}."
        elif best is not None and beside:
            own = f"{own} Beside {best[0].name}, {beside}."
        told.append(own)
    if best is not None and len(new) > 1:
        told.append(f"{_rival(*best, ahead, amount)}.")
    if any(_unknown(one) for one in (*new, *others)):
        told.append(GAIN_NOT_KNOWN)
    return told


def _own(new: Answers, ahead: Said, amount: Amount) -> tuple[str, int | None]:
    """Return how good a predictor is, and the horizon to compare it at; None where there is nothing to compare."""
    if new.fault:
        return f"{new.name} was not asked again, and a run would have switched it off: {new.fault}.", None
    horizon = new.best()
    if horizon is None:
        return f"{new.name} was never asked: there was no place with enough before or after it.", None
    tally = Tally.of(new.at(horizon))
    if tally.silent == tally.asked:
        return f"{new.name} was silent all {tally.asked} times that it was asked {ahead(horizon)}.", None
    if not tally.accepted:
        return f"No guess of {new.name} is accepted, so a run gains nothing by it.", horizon
    word = "gains" if (tally.gain or 0.0) >= 0 else "loses"
    gains = "" if tally.gain is None else f", which {word} {amount(abs(tally.gain))} each time it is asked"
    return f"{new.name} does best {ahead(horizon)}: {_of_made(tally)} are accepted{gains}.", horizon


def _best(others: Sequence[Answers]) -> tuple[Answers, int] | None:
    """The one of these that gains most, and at which horizon; by what is accepted where gains are not known."""

    def merit(pair: tuple[Answers, int]) -> tuple[float, float]:
        tally = Tally.of(pair[0].at(pair[1]))
        return tally.gain or 0.0, tally.share or 0.0

    rivals = [(rival, at) for rival in others if not rival.fault and (at := rival.best()) is not None]
    return max(rivals, key=merit, default=None)


def _rival(rival: Answers, at: int, ahead: Said, amount: Amount) -> str:
    tally = Tally.of(rival.at(at))
    word = "gains" if (tally.gain or 0.0) >= 0 else "loses"
    found = f"{word} {amount(abs(tally.gain))}" if tally.gain is not None else f"has {_of_made(tally)} accepted"
    return f"The best of the others, {rival.name} {ahead(at)}, {found}"


def _of_made(tally: Tally) -> str:
    return f"{tally.accepted} of {tally.asked - tally.silent} guesses"


def _unknown(answers: Answers) -> bool:
    """Whether something of it is accepted without its gain being known."""
    return any(one.taken is None for one in answers.tries)


def _compared(tries: Sequence[Try], rival: Answers, at: int) -> str:
    """Return the end of a sentence about the rival; nothing where gains are not known."""
    theirs = {one.position: one.taken for one in rival.at(at)}
    both = [(one.taken, theirs[one.position]) for one in tries if one.position in theirs]
    pairs = [(own, there) for own, there in both if own is not None and there is not None]
    if not pairs or len(pairs) < len(both):
        return ""
    more, less = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    if not more + less:
        return f"no difference at any of {len(pairs)} places"
    told = f"the new one gains more at {more} and less at {less} of {len(pairs)} places"
    if _by_chance(more, less) > _CHANCE:
        return f"{told}, too few to tell them apart"
    ours, theirs_there = (sum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1))
    if (more > less) != (ours > theirs_there):
        return f"{told}, but few places outweigh many: neither is plainly better"
    return f"{told}: it is {'better' if more > less else 'worse'}"


def _by_chance(more: int, less: int) -> float:
    """The chance of so uneven a count, or a more uneven one, were both equally likely: the sign test, two-sided."""
    count, fewer = more + less, min(more, less)
    tail = sum(math.comb(count, k) for k in range(fewer + 1))
    return min(1.0, 2 * tail / (1 << count))
