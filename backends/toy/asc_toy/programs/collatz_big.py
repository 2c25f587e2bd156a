"""Collatz trajectories of big integers: many that merge with each other, and one that never repeats a value."""

from __future__ import annotations

from random import Random
from typing import Any

from asc_toy.program import Program
from asc_toy.programs.info import Parts

BITS = 1024  # of every start
DIGIT = 128  # bits by which a step shortens x, so each start takes BITS / DIGIT steps
ITERATIONS = 64  # a step of the single trajectory


def memo(state: Any) -> None:
    """Begin with the next start once the last one has reached 1. Iterate until x is a digit shorter, or 1.

    Neighbouring starts soon share their trajectory, and then they reach the next length with the same value. On the way
    a step reads x alone, so a cache that finds steps by what they read needs to do each of them only once.
    """
    x = state.x
    if x == 1:
        x = state.upcoming
        state.upcoming = x + 1
    floor = max(2, 1 << (x.bit_length() - 1) // DIGIT * DIGIT)
    count = 0
    while x >= floor:
        x = 3 * x + 1 if x & 1 else x >> 1
        count += 1
    state.add("total", count)
    state.x = x


def first_start(seed: int) -> int:
    """Return a random integer of BITS bits, with room for any number of successors of the same length."""
    return 1 << BITS - 1 | Random(seed).getrandbits(BITS - 2)


def build_memo(n: int, seed: int) -> Program:
    """Follow n consecutive starts to 1."""
    first = first_start(seed)
    return Program("collatz-memo", memo, {"x": 1, "upcoming": first, "total": 0}, n * (BITS // DIGIT))


def memo_by_hand(n: int, seed: int) -> dict[str, Any]:
    """Follow the starts in one loop nest."""
    first = first_start(seed)
    total = 0
    for start in range(first, first + n):
        x = start
        while x != 1:
            x = 3 * x + 1 if x & 1 else x >> 1
            total += 1
    return {"x": 1, "upcoming": first + n, "total": total}


def single(state: Any) -> None:
    """Follow the trajectory a little further: every bit of x depends on all bits before, and no value comes back."""
    x = state.x
    for _ in range(ITERATIONS):
        x = 3 * x + 1 if x & 1 else x >> 1
    state.x = x


def long_start(n: int, seed: int) -> int:
    """Return a random integer that does not reach 1 in n steps: it has 1/6 bit an iteration, which takes 0.14 bits."""
    bits = n * ITERATIONS // 6 + 256
    return 1 << bits - 1 | Random(seed).getrandbits(bits - 1)


def build_single(n: int, seed: int) -> Program:
    """Follow one trajectory for n steps."""
    return Program("collatz-single", single, {"x": long_start(n, seed)}, n)


def single_by_hand(n: int, seed: int) -> dict[str, Any]:
    """Follow the trajectory in one loop."""
    x = long_start(n, seed)
    for _ in range(n * ITERATIONS):
        x = 3 * x + 1 if x & 1 else x >> 1
    return {"x": x}


MEMO = Parts(build_memo, memo_by_hand)
SINGLE = Parts(build_single, single_by_hand)
