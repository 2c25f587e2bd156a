"""A product of two integer matrices, row by row: a step reads and writes little of a huge state."""

from __future__ import annotations

from typing import Any

import numpy as np

from asc_toy.program import Program
from asc_toy.programs.info import Parts


def step(state: Any) -> None:
    """Compute one row. A sum of integers is exact in any order, and no library starts threads for it."""
    row = state.row
    state.product[row] = state.left[row] @ state.right
    state.row = row + 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Draw two n × n matrices of int64 in -1000 … 1000."""
    rng = np.random.default_rng(seed)
    left, right = rng.integers(-1000, 1001, (2, n, n), dtype=np.int64)
    return {"left": left, "right": right, "product": np.zeros((n, n), np.int64), "row": 0}


def build(n: int, seed: int) -> Program:
    """Multiply n × n matrices."""
    return Program("matrix-rows", step, initial(n, seed), n)


def by_hand(n: int, seed: int) -> dict[str, Any]:
    """Compute the rows in one loop."""
    state = initial(n, seed)
    left, right, product = state["left"], state["right"], state["product"]
    for row in range(n):
        np.matmul(left[row], right, out=product[row])
    return {**state, "row": n}


def by_numpy(n: int, seed: int) -> dict[str, Any]:
    """Multiply in float64, which BLAS does far faster. It is exact, since all sums are below 2^53."""
    state = initial(n, seed)
    product = (state["left"].astype(np.float64) @ state["right"].astype(np.float64)).astype(np.int64)
    return {**state, "product": product, "row": n}


PARTS = Parts(build, by_hand, by_numpy)
