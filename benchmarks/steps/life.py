"""The Game of Life on a torus: each step makes a new array. The cells end in a cycle."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = 40


def step(state: Any) -> None:
    """Compute a generation."""
    cells = state.cells
    neighbours = sum(np.roll(cells, (i, j), (0, 1)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0))
    state.cells = ((neighbours == 3) | ((cells == 1) & (neighbours == 2))).astype(np.uint8)


def initial(n: int, seed: int) -> dict[str, Any]:
    """Scatter cells."""
    return {"cells": (np.random.default_rng(seed).random((SIZE, SIZE)) < 0.3).astype(np.uint8)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Keep a set of the places that live."""
    live = {(int(y), int(x)) for y, x in np.argwhere(start["cells"])}
    for _ in range(n):
        near: dict[tuple[int, int], int] = {}
        for y, x in live:
            for i in (-1, 0, 1):
                for j in (-1, 0, 1):
                    place = (y + i) % SIZE, (x + j) % SIZE
                    near[place] = near.get(place, 0) + ((i, j) != (0, 0))
        live = {place for place, count in near.items() if count == 3 or (count == 2 and place in live)}
    return {(int(y), int(x)) for y, x in np.argwhere(end["cells"])} == live
