"""An array of 200 MB, of which each step changes a few elements at random places."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any

import numpy as np

LARGEST = 25_000_000  # elements of 8 bytes
CHANGES = 100
MASK = (1 << 64) - 1


def step(state: Any) -> None:
    """Move one unit from place to place, so that the sum stays as it is."""
    x, cells = state.x, state.cells
    for _ in range(CHANGES):
        x = 6364136223846793005 * x + 1442695040888963407 & MASK
        source = (x >> 32) % len(cells)
        x = 6364136223846793005 * x + 1442695040888963407 & MASK
        target = (x >> 32) % len(cells)
        cells[source] -= 1
        cells[target] += 1
    state.x = x


def initial(n: int, seed: int) -> dict[str, Any]:
    """Give every place a hundred units."""
    return {"x": Random(seed).getrandbits(64), "cells": np.full(min(LARGEST, 5_000 * n), 100)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Keep a dictionary of the changes."""
    x, changes, size = start["x"], defaultdict[int, int](int), len(end["cells"])
    for draw in range(2 * CHANGES * n):
        x = 6364136223846793005 * x + 1442695040888963407 & MASK
        changes[(x >> 32) % size] += 1 if draw % 2 else -1
    cells = np.full(size, 100)
    for place, change in changes.items():
        cells[place] += change
    return bool(end["x"] == x and (end["cells"] == cells).all())
