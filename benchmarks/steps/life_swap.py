"""The Game of Life with two buffers, which each step swaps. The board has an edge of dead cells."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = 100


def step(state: Any) -> None:
    """Compute a generation into the spare buffer."""
    now, spare = state.now, state.spare
    neighbours = np.zeros((SIZE, SIZE), np.uint8)
    for i in range(3):
        for j in range(3):
            if (i, j) != (1, 1):
                neighbours += now[i : i + SIZE, j : j + SIZE]
    spare[1:-1, 1:-1] = (neighbours == 3) | ((now[1:-1, 1:-1] == 1) & (neighbours == 2))
    state.now, state.spare = spare, now
    state.generation += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Scatter cells."""
    now = np.zeros((SIZE + 2, SIZE + 2), np.uint8)
    now[1:-1, 1:-1] = np.random.default_rng(seed).random((SIZE, SIZE)) < 0.3
    return {"now": now, "spare": np.zeros_like(now), "generation": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Keep a set of the places that live."""
    live = {(int(y), int(x)) for y, x in np.argwhere(start["now"])}
    inside = range(1, SIZE + 1)
    for _ in range(n):
        near: dict[tuple[int, int], int] = {}
        for y, x in live:
            for i in (y - 1, y, y + 1):
                for j in (x - 1, x, x + 1):
                    if i in inside and j in inside:
                        near[i, j] = near.get((i, j), 0) + ((i, j) != (y, x))
        live = {place for place, count in near.items() if count == 3 or (count == 2 and place in live)}
    return end["generation"] == n and {(int(y), int(x)) for y, x in np.argwhere(end["now"])} == live
