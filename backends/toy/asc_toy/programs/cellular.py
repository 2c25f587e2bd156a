"""Elementary cellular automata (Wolfram's rules 0 to 255) on a ring of 61 cells, which are the bits of one integer."""

from __future__ import annotations

from random import Random
from typing import Any

from asc_toy.program import Program
from asc_toy.programs.info import Parts

CELLS = 61
FULL = (1 << CELLS) - 1
GENERATIONS = 256  # a step


def masks(rule: int) -> list[int]:
    """Write a rule as a sum modulo 2 of products of neighbours. The sum has the k-th product if the k-th mask is full.

    In k, 4 stands for the left neighbour, 2 for the cell and 1 for the right neighbour (algebraic normal form).
    """
    terms = [rule >> k & 1 for k in range(8)]
    for neighbour in (1, 2, 4):
        terms = [terms[k] ^ terms[k ^ neighbour] if k & neighbour else terms[k] for k in range(8)]
    return [FULL * term for term in terms]


def step(state: Any) -> None:
    """Compute GENERATIONS generations; every operation works on all cells at once."""
    one, r, c, cr, le, lr, lc, lcr = masks(state.rule)
    cells = state.cells
    for _ in range(GENERATIONS):
        left = cells >> 1 | (cells & 1) << CELLS - 1
        right = cells << 1 & FULL | cells >> CELLS - 1
        cells = one ^ r & right ^ cells & (c ^ cr & right) ^ left & (le ^ lr & right ^ cells & (lc ^ lcr & right))
    state.cells = cells


def build(n: int, seed: int, rule: int) -> Program:
    """Start from random cells, of which at least one is full."""
    return Program("cellular", step, {"cells": 1 + Random(seed).randrange(FULL), "rule": rule}, n)


def by_hand(n: int, seed: int, rule: int) -> dict[str, Any]:
    """Compute all generations in one loop."""
    one, r, c, cr, le, lr, lc, lcr = masks(rule)
    full, last = FULL, CELLS - 1
    cells = 1 + Random(seed).randrange(FULL)
    for _ in range(n * GENERATIONS):
        left = cells >> 1 | (cells & 1) << last
        right = cells << 1 & full | cells >> last
        cells = one ^ r & right ^ cells & (c ^ cr & right) ^ left & (le ^ lr & right ^ cells & (lc ^ lcr & right))
    return {"cells": cells, "rule": rule}


PARTS = Parts(build, by_hand)
