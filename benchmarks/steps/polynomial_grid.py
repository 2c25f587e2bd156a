"""The absolute values of a polynomial on a grid of the complex plane, a row in each step."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

WIDTH = 150


def step(state: Any) -> None:
    """Evaluate a row by Horner's rule."""
    y = 4.0 * state.row / len(state.heights) - 2.0
    for x in range(WIDTH):
        z = complex(4.0 * x / WIDTH - 2.0, y)
        value = 0j
        for coefficient in state.coefficients:
            value = value * z + coefficient
        state.heights[state.row, x] = abs(value)
    state.row += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Draw the coefficients."""
    draw = Random(seed)
    coefficients = tuple(complex(draw.gauss(0, 1), draw.gauss(0, 1)) for _ in range(16))
    return {"row": 0, "coefficients": coefficients, "heights": np.zeros((n, WIDTH))}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Let numpy evaluate the whole grid."""
    x, y = np.meshgrid(4.0 * np.arange(WIDTH) / WIDTH - 2.0, 4.0 * np.arange(n) / n - 2.0)
    return bool(np.allclose(end["heights"], abs(np.polyval(np.array(end["coefficients"]), x + 1j * y))))
