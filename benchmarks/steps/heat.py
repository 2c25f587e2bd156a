"""The heat equation on a plate: each step changes the array in place."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = 120


def step(state: Any) -> None:
    """Let heat flow to the neighbours."""
    u = state.u
    u[1:-1, 1:-1] += 0.2 * (u[2:, 1:-1] + u[:-2, 1:-1] + u[1:-1, 2:] + u[1:-1, :-2] - 4.0 * u[1:-1, 1:-1])
    state.time += 0.2


def initial(n: int, seed: int) -> dict[str, Any]:
    """Make a plate with a hot edge and warm spots."""
    u = np.random.default_rng(seed).random((SIZE, SIZE))
    u[0] = 100.0
    return {"u": u, "time": 0.0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Do the same with rolled arrays."""
    u = start["u"]
    for _ in range(n):
        around = sum(np.roll(u, shift, axis) for shift in (1, -1) for axis in (0, 1))
        u[1:-1, 1:-1] = (u + 0.2 * (around - 4.0 * u))[1:-1, 1:-1]
    return bool(np.allclose(end["u"], u) and abs(end["time"] - 0.2 * n) < 1e-6)
