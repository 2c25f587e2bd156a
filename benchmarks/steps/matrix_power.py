"""Powers of a matrix of remainders: each step multiplies once more."""

from __future__ import annotations

from typing import Any

import numpy as np

SIZE = 24
MODULUS = 1_000_003


def step(state: Any) -> None:
    """Multiply by the base."""
    state.power = state.power @ state.base % MODULUS
    state.exponent += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Draw the base; the power zero is the identity."""
    base = np.random.default_rng(seed).integers(0, MODULUS, (SIZE, SIZE))
    return {"base": base, "power": np.eye(SIZE, dtype=np.int64), "exponent": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Square and multiply."""
    result, square, rest = np.eye(SIZE, dtype=np.int64), end["base"], n
    while rest:
        if rest % 2:
            result = result @ square % MODULUS
        square, rest = square @ square % MODULUS, rest // 2
    return bool(end["exponent"] == n and (end["power"] == result).all())
