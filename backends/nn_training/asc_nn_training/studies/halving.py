"""Successive halving: which candidates stay at which step, and how well an early ranking agrees with the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from math import isfinite
from typing import NamedTuple


class Rung(NamedTuple):
    """A position at which candidates are ranked, and how many of them stay."""

    position: int
    kept: int


def make_rungs(candidates: int, finalists: int, first: float, keep: float, end: int) -> tuple[Rung, ...]:
    """Return the rungs; `first` is the position of the first one, and `end` that of the last.

    At each rung the share `keep` stays, and the next rung is 1 / keep times as far (Jamieson and Talwalkar 2016,
    algorithm 1), until one more than the finalists is left. These are told apart at the end, where the ranking is best:
    a rate that is too low lowers the loss faster at first.
    """
    found, position = list[Rung](), first
    while candidates > finalists + 1 and round(position) < end:
        candidates = max(finalists + 1, int(candidates * keep))
        found.append(Rung(round(position), candidates))
        position /= keep
    return (*found, Rung(end, finalists))


def best(losses: Mapping[float, float], count: int) -> list[float]:
    """Return the candidates with the lowest losses, in their own order. One whose loss is not finite never stays."""
    known = [candidate for candidate, loss in losses.items() if isfinite(loss)]
    return sorted(sorted(known, key=lambda candidate: (losses[candidate], candidate))[:count])


def kendall(first: Sequence[float], second: Sequence[float]) -> float:
    """Return Kendall's tau of two rankings of the same candidates, at least two.

    It is the mean over pairs of candidates: 1 for a pair in the same order, -1 in the other order, 0 for a tie.
    """
    pairs = zip(combinations(first, 2), combinations(second, 2), strict=True)
    signs = [_order(*one) * _order(*other) for one, other in pairs]
    return sum(signs) / len(signs)


def _order(one: float, other: float) -> int:
    """Return the sign of the difference; two that are infinite are equal."""
    return (one > other) - (one < other)
