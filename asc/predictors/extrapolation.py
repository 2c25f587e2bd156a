"""Coefficients of polynomial extrapolation, exact, from the positions the snapshots really have."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise

from asc.types import Combination

ZERO = Fraction(0)
ONE = Fraction(1)


def extrapolate(positions: Sequence[int], count: int, degree: int, horizon: int) -> Combination | None:
    """Continue the polynomial through (or nearest to) the last `count` snapshots by `horizon` steps.

    The polynomial is the interpolating one where `count` is `degree + 1`, else the least-squares fit. None where
    there are fewer snapshots than that, or two at one position.
    """
    nearest = positions[-count:]
    if len(nearest) < count or any(left >= right for left, right in pairwise(nearest)):
        return None
    newest = nearest[-1]
    offsets = tuple(position - newest for position in nearest)
    weights = lagrange(offsets, horizon) if count == degree + 1 else least_squares(offsets, degree, horizon)
    return Combination((ZERO,) * (len(positions) - count) + weights)


@lru_cache(maxsize=1024)
def lagrange(points: tuple[int, ...], target: int) -> tuple[Fraction, ...]:
    """Return the weights with which values at distinct `points` give their interpolating polynomial at `target`."""
    weights = []
    for i, here in enumerate(points):
        above = below = 1
        for j, other in enumerate(points):
            if j != i:
                above, below = above * (target - other), below * (here - other)
        weights.append(Fraction(above, below))
    return tuple(weights)


@lru_cache(maxsize=1024)
def least_squares(points: tuple[int, ...], degree: int, target: int) -> tuple[Fraction, ...]:
    """Return the weights with which values at `points` give their least-squares polynomial at `target`.

    Uses the polynomials that are orthogonal on the points, from their three-term recurrence (Forsythe 1957), so that
    no linear system is solved. More than `degree` points are needed, all distinct.
    """
    before = [ZERO] * len(points)
    current = [ONE] * len(points)
    before_target, current_target = ZERO, ONE
    norm_before = ONE
    weights = [ZERO] * len(points)
    for order in range(degree + 1):
        norm = sum((value * value for value in current), ZERO)
        scale = current_target / norm
        weights = [weight + scale * value for weight, value in zip(weights, current, strict=True)]
        if order == degree:
            break
        shift = sum((x * value * value for x, value in zip(points, current, strict=True)), ZERO) / norm
        back = norm / norm_before if order else ZERO
        following = [(x - shift) * value - back * old for x, value, old in zip(points, current, before, strict=True)]
        before, current = current, following
        before_target, current_target = current_target, (target - shift) * current_target - back * before_target
        norm_before = norm
    return tuple(weights)
