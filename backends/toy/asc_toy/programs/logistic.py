"""The logistic map x → r x (1 - x): one number that leads from order (r below 3.57) to chaos (r = 4)."""

from __future__ import annotations

from random import Random
from typing import Any

from asc_toy.program import Program
from asc_toy.programs.info import Parts

ITERATIONS = 1024  # a step


def step(state: Any) -> None:
    """Iterate the map; in double precision a periodic orbit repeats bit for bit."""
    r, x = state.r, state.x
    for _ in range(ITERATIONS):
        x = r * x * (1.0 - x)
    state.x = x


def initial(seed: int, r: float) -> dict[str, Any]:
    """Start between 0.1 and 0.9."""
    return {"x": 0.1 + 0.8 * Random(seed).random(), "r": r}


def build(n: int, seed: int, r: float) -> Program:
    """Iterate n times ITERATIONS."""
    return Program("logistic", step, initial(seed, r), n)


def by_hand(n: int, seed: int, r: float) -> dict[str, Any]:
    """Iterate in one loop."""
    x = initial(seed, r)["x"]
    for _ in range(n * ITERATIONS):
        x = r * x * (1.0 - x)
    return {"x": x, "r": r}


PARTS = Parts(build, by_hand)
