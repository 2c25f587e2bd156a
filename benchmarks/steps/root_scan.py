"""All real roots of many polynomials: each step scans one polynomial for changes of sign, and bisects there."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

DEGREE = 5
CELLS = 200


def value(coefficients: list[float], x: float) -> float:
    """Evaluate by Horner's rule."""
    total = 0.0
    for coefficient in coefficients:
        total = total * x + coefficient
    return total


def bisect(coefficients: list[float], low: float, high: float) -> float:
    """Halve the interval until it is a point."""
    sign = value(coefficients, low) > 0
    while True:
        middle = (low + high) / 2
        if middle in (low, high):
            return middle
        if (value(coefficients, middle) > 0) == sign:
            low = middle
        else:
            high = middle


def step(state: Any) -> None:
    """Find the roots of the next polynomial between -2 and 2."""
    i = state.i
    coefficients = state.polynomials[i].tolist()
    found = 0
    left, before = -2.0, value(coefficients, -2.0)
    for cell in range(1, CELLS + 1):
        x = -2.0 + 4.0 * cell / CELLS
        after = value(coefficients, x)
        if (before > 0) != (after > 0):
            state.roots[i, found] = bisect(coefficients, left, x)
            found += 1
        left, before = x, after
    state.found[i] = found
    state.i += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Draw n polynomials."""
    draw = Random(seed)
    polynomials = np.array([[draw.gauss(0, 1) for _ in range(DEGREE + 1)] for _ in range(n)])
    roots = np.full((n, DEGREE), np.nan)
    return {"i": 0, "polynomials": polynomials, "roots": roots, "found": np.zeros(n, np.int64)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Compare with numpy's eigenvalues, where roots are far enough apart."""
    for coefficients, roots, found in zip(end["polynomials"], end["roots"], end["found"], strict=True):
        known = sorted(z.real for z in np.roots(coefficients) if abs(z.imag) < 1e-9 and -2 < z.real < 2)
        if min(np.diff(known), default=1.0) > 4.0 / CELLS and not np.allclose(known, roots[:found]):
            return False
    return True
