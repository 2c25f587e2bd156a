"""The price of an option by simulation: each step draws a path with a generator that the path's number seeds."""

from __future__ import annotations

from math import exp
from random import Random
from typing import Any

import numpy as np

DAYS = 250
DAILY = 0.01


def step(state: Any) -> None:
    """Follow the price along a path; the option pays what its average is above the strike."""
    draw = Random(state.path)
    price, total = state.start, 0.0
    for _ in range(DAYS):
        price *= exp(DAILY * draw.gauss(0.0, 1.0) - DAILY * DAILY / 2)
        total += price
    state.payoffs[state.path - state.first] = max(0.0, total / DAYS - state.strike)
    state.path += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Number the paths from a multiple of n on."""
    return {"first": seed * n, "path": seed * n, "start": 100.0, "strike": 100.0, "payoffs": np.zeros(n)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Sum the logarithms instead."""
    for path in range(n):
        draw = Random(start["path"] + path)
        moves = [DAILY * draw.gauss(0.0, 1.0) - DAILY * DAILY / 2 for _ in range(DAYS)]
        average = 100.0 * np.exp(np.cumsum(moves)).mean()
        if abs(max(0.0, average - 100.0) - end["payoffs"][path]) > 1e-6:
            return False
    return True
