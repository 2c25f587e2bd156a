"""What to make of a new predictor's answers beside those of the others, in sentences."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from asc.replay.answers import Answers, Tally, Try

_CHANCE = 0.05  # a difference that chance alone brings about less often than this is one
Said = Callable[[int], str]  # a horizon in words
Amount = Callable[[float], str]  # a gain in words


def conclude(new: Answers, others: Sequence[Answers], ahead: Said, amount: Amount) -> str:
    """Say how good a predictor is at its best horizon, and whether it is better than the best of the others at its own.

    Compared is what a run would have had of each at the places where both were asked: what is accepted counts with its
    true gain, silence and refusals with none.
    """
    if new.fault:
        return f"{new.name} raised {new.fault}: it was not asked again, and a run would have switched it off."
    horizon = new.best()
    if horizon is None:
        return f"{new.name} was never asked: there was no place with enough before or after it."
    tries = new.at(horizon)
    tally = Tally.of(tries)
    made = tally.asked - tally.silent
    if not made:
        return f"{new.name} was silent all {tally.asked} times that it was asked {ahead(horizon)}."
    own = (
        f"{new.name} does best {ahead(horizon)}: {tally.accepted} of {made} guesses are accepted, which gains "
        f"{amount(tally.gain)} each time it is asked."
        if tally.accepted
        else f"No guess of {new.name} is accepted, so a run gains nothing by it."
    )
    rivals = [(rival, at) for rival in others if (at := rival.best()) is not None]
    if not rivals:
        return own
    rival, at = max(rivals, key=lambda pair: Tally.of(pair[0].at(pair[1])).gain)
    return f"{own} {_beside(tries, rival, at, ahead, amount)}"


def _beside(tries: Sequence[Try], rival: Answers, at: int, ahead: Said, amount: Amount) -> str:
    theirs = {one.position: one.taken for one in rival.at(at)}
    gain = Tally.of(rival.at(at)).gain
    pairs = [(one.taken, theirs[one.position]) for one in tries if one.position in theirs]
    more, less = sum(a > b for a, b in pairs), sum(a < b for a, b in pairs)
    best = f"The best of the others, {rival.name} {ahead(at)}, gains {amount(gain)}"
    if not more + less:
        return f"{best}: no difference at any of {len(pairs)} places."
    told = f"{best}; the new one gains more at {more} and less at {less} of {len(pairs)} places"
    if _by_chance(more, less) > _CHANCE:
        return f"{told}, too few to tell them apart."
    ours, theirs_there = (sum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1))
    if (more > less) != (ours > theirs_there):
        return f"{told}, but few places outweigh many: neither is plainly better."
    return f"{told}: it is {'better' if more > less else 'worse'}."


def _by_chance(more: int, less: int) -> float:
    """The chance of so uneven a count, or a more uneven one, were both equally likely: the sign test, two-sided."""
    count, fewer = more + less, min(more, less)
    tail = sum(math.comb(count, k) for k in range(fewer + 1))
    return min(1.0, math.ldexp(tail, 1 - count))
