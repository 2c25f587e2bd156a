"""The Mandelbrot set, a row of the picture in each step."""

from __future__ import annotations

from typing import Any

import numpy as np

WIDTH = 120
LIMIT = 60


def escape_time(c: complex) -> int:
    """Count iterations of z² + c until z leaves the circle of radius 2."""
    z = 0j
    for count in range(LIMIT):
        z = z * z + c
        if z.real * z.real + z.imag * z.imag > 4.0:
            return count
    return LIMIT


def step(state: Any) -> None:
    """Compute a row."""
    row = state.row
    y = 2.5 * row / state.height - 1.25
    state.picture[row] = [escape_time(complex(3.0 * x / WIDTH - 2.0, y)) for x in range(WIDTH)]
    state.row = row + 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin at the top."""
    return {"row": 0, "height": n, "picture": np.zeros((n, WIDTH), np.int32)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Compute the whole picture at once."""
    x, y = np.meshgrid(3.0 * np.arange(WIDTH) / WIDTH - 2.0, 2.5 * np.arange(n) / n - 1.25)
    u, v, counts = np.zeros_like(x), np.zeros_like(x), np.zeros(x.shape, np.int32)
    live = np.ones(x.shape, bool)
    for _ in range(LIMIT):
        u, v = np.where(live, u * u - v * v + x, u), np.where(live, u * v + v * u + y, v)
        live &= u * u + v * v <= 4.0
        counts += live
    return bool((counts == end["picture"]).all())
