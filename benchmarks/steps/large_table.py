"""A table of 200 MB, in which each step looks a few keys up."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

LARGEST = 25_000_000  # entries of 8 bytes
KEYS = 25
MASK = (1 << 64) - 1


def step(state: Any) -> None:
    """Draw keys, and find them by binary search."""
    x, table = state.x, state.table
    for _ in range(KEYS):
        x = 6364136223846793005 * x + 1442695040888963407 & MASK
        key = x >> 34
        low, high = 0, len(table)
        while low < high:
            middle = (low + high) // 2
            if table[middle] < key:
                low = middle + 1
            else:
                high = middle
        state.add("places", low)
    state.x = x


def initial(n: int, seed: int) -> dict[str, Any]:
    """Fill the table with ascending numbers."""
    size = min(LARGEST, 1_000 * n)
    gap = (1 << 30) // size
    return {"x": Random(seed).getrandbits(64), "places": 0, "table": np.arange(size) * gap + seed % gap}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Compute the places: the entries of the table are equally far apart."""
    x, places, table = start["x"], 0, start["table"]
    gap = int(table[1] - table[0])
    for _ in range(n * KEYS):
        x = 6364136223846793005 * x + 1442695040888963407 & MASK
        places += min(len(table), max(0, -((int(table[0]) - (x >> 34)) // gap)))
    return bool(end["places"] == places and end["x"] == x)
