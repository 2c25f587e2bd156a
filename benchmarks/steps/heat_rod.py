"""The heat equation on a rod: each step gives the name of the array a new array."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = 2_000


def step(state: Any) -> None:
    """Let heat flow to the neighbours; the ends keep their temperatures."""
    u = state.u
    flow = np.zeros_like(u)
    flow[1:-1] = u[2:] - 2.0 * u[1:-1] + u[:-2]
    state.u = u + 0.4 * flow
    state.steps = state.steps + 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Make a rod with a hot piece somewhere."""
    u = np.zeros(SIZE)
    start = np.random.default_rng(seed).integers(SIZE // 4, SIZE // 2)
    u[start : start + SIZE // 4] = 50.0
    return {"u": u, "steps": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Convolve; in a short run, no heat comes near the ends of the rod."""
    u = start["u"]
    for _ in range(n):
        u = np.convolve(u, (0.4, 0.2, 0.4), "same")
    return bool(end["steps"] == n and np.allclose(end["u"], u))
