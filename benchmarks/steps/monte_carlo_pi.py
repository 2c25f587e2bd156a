"""Pi by random points. The generator is a linear congruential one, whose number is part of the state."""

from __future__ import annotations

from random import Random
from typing import Any

POINTS = 100
MASK = (1 << 48) - 1


def step(state: Any) -> None:
    """Throw some points at a square, and count those in the quarter circle."""
    x, inside = state.x, 0
    for _ in range(POINTS):
        x = 25214903917 * x + 11 & MASK
        a = x >> 24
        x = 25214903917 * x + 11 & MASK
        b = x >> 24
        inside += a * a + b * b < 1 << 48
    state.add("inside", inside)
    state.x = x


def initial(n: int, seed: int) -> dict[str, Any]:
    """Draw the first number."""
    return {"x": Random(seed).getrandbits(48), "inside": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Jump to the last number by powers, and see that the share of points is near π / 4."""
    multiplier, increment, x = 25214903917, 11, start["x"]
    draws = 2 * POINTS * n
    while draws:
        if draws % 2:
            x = multiplier * x + increment & MASK
        multiplier, increment, draws = multiplier * multiplier & MASK, (multiplier + 1) * increment & MASK, draws // 2
    return bool(end["x"] == x and abs(4 * end["inside"] / (POINTS * n) - 3.1416) < 4 / (POINTS * n) ** 0.5)
