"""Pi by throwing points at a quarter circle, drawn from a 64-bit linear congruential generator."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

from asc_toy.program import Program
from asc_toy.programs.info import Parts

MULTIPLIER = 6364136223846793005  # Knuth, The Art of Computer Programming, vol. 2, 3.3.4 (MMIX)
INCREMENT = 1442695040888963407
MASK = (1 << 64) - 1
POINTS = 256  # a step
RADIUS = 1 << 31  # coordinates are the upper 31 bits of two draws


def step(state: Any) -> None:
    """Throw some points; pi is about 4 hits / (POINTS × steps)."""
    x = state.x
    hits = 0
    for _ in range(POINTS):
        x = MULTIPLIER * x + INCREMENT & MASK
        u = x >> 33
        x = MULTIPLIER * x + INCREMENT & MASK
        v = x >> 33
        if u * u + v * v < RADIUS * RADIUS:
            hits += 1
    state.add("hits", hits)
    state.x = x


def build(n: int, seed: int) -> Program:
    """Throw n times POINTS points."""
    return Program("lcg-pi", step, {"x": Random(seed).getrandbits(64), "hits": 0}, n)


def by_hand(n: int, seed: int) -> dict[str, Any]:
    """Throw the points in one loop."""
    a, c, mask, square = MULTIPLIER, INCREMENT, MASK, RADIUS * RADIUS
    x = Random(seed).getrandbits(64)
    hits = 0
    for _ in range(n * POINTS):
        x = a * x + c & mask
        y = a * x + c & mask
        u, v, x = x >> 33, y >> 33, y
        if u * u + v * v < square:
            hits += 1
    return {"x": x, "hits": hits}


def by_numpy(n: int, seed: int) -> dict[str, Any]:
    """Draw whole blocks: the k-th successor of x is a^k x + c (1 + a + … + a^(k-1)), modulo 2^64."""
    draws = 2 * POINTS * n
    block = min(draws, 1 << 16)
    scale = np.cumprod(np.full(block, MULTIPLIER, np.uint64))
    shift = np.uint64(INCREMENT) * np.cumsum(np.concatenate([np.ones(1, np.uint64), scale[:-1]]))
    x = np.uint64(Random(seed).getrandbits(64))
    hits = 0
    for first in range(0, draws, block):
        xs = scale * x + shift
        xs = xs[: draws - first]
        u, v = xs[0::2] >> np.uint64(33), xs[1::2] >> np.uint64(33)
        hits += int(np.count_nonzero(u * u + v * v < np.uint64(RADIUS * RADIUS)))
        x = xs[-1]
    return {"x": int(x), "hits": hits}


PARTS = Parts(build, by_hand, by_numpy)
