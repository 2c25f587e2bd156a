"""The cellular automaton of rule 30 on a ring of cells: each step makes a new list."""

from __future__ import annotations

from random import Random
from typing import Any

CELLS = 401


def step(state: Any) -> None:
    """Compute a generation; the middle cells of all generations look random."""
    cells = state.cells
    state.cells = [cells[i - 1] ^ (cells[i] | cells[(i + 1) % CELLS]) for i in range(CELLS)]
    state.ones += state.cells[CELLS // 2]


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin with one cell, or with random ones."""
    cells = [int(i == CELLS // 2) for i in range(CELLS)]
    return {"cells": Random(seed).choices((0, 1), k=CELLS) if seed else cells, "ones": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Keep all cells in the bits of one number."""
    row = int("".join(map(str, start["cells"])), 2)
    mask, ones = (1 << CELLS) - 1, 0
    for _ in range(n):
        left, following = row >> 1 | (row & 1) << CELLS - 1, row << 1 & mask | row >> CELLS - 1
        row = left ^ (row | following)
        ones += row >> CELLS // 2 & 1
    return bool(end["ones"] == ones and int("".join(map(str, end["cells"])), 2) == row)
