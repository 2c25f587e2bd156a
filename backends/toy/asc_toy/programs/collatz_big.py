"""Collatz trajectories of big integers: many that run into each other, and one that meets nothing it has seen."""

from __future__ import annotations

from random import Random
from typing import Any

from asc_toy.program import Program
from asc_toy.programs.info import Parts

BITS = 1024  # of every start
DIGIT = 128  # bits that a step takes off, so each start takes BITS / DIGIT steps
ITERATIONS = 64  # a step of the single trajectory


def memo(state: Any) -> None:
    """Take up the next start where the last one has reached 1, and iterate until x is a digit shorter, or 1.

    Neighbouring starts soon share their trajectory and then pass the boundary between two lengths at the same value,
    and on the way x alone is read: whoever remembers steps by what they read does each stretch only once.
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
    """Return a random integer of BITS bits with room above it for any number of successors."""
    return 1 << BITS - 1 | Random(seed).getrandbits(BITS - 2)


def build_memo(n: int, seed: int) -> Program:
    """Follow n consecutive starts to 1."""
    first = first_start(seed)
    return Program("collatz-memo", memo, {"x": 1, "upcoming": first, "total": 0}, n * (BITS // DIGIT))


def memo_by_hand(n: int, seed: int) -> dict[str, Any]:
    """Follow them in one loop nest."""
    first = first_start(seed)
    total = 0
    for start in range(first, first + n):
        x = start
        while x != 1:
            x = 3 * x + 1 if x & 1 else x >> 1
            total += 1
    return {"x": 1, "upcoming": first + n, "total": total}


def single(state: Any) -> None:
    """Follow the trajectory a little further: every bit of x depends on every bit before, and none comes back."""
    x = state.x
    for _ in range(ITERATIONS):
        x = 3 * x + 1 if x & 1 else x >> 1
    state.x = x


def long_start(n: int, seed: int) -> int:
    """Return a random integer so long that it does not reach 1 in n steps: 1/6 bit an iteration where 0.14 are lost."""
    bits = n * ITERATIONS // 6 + 256
    return 1 << bits - 1 | Random(seed).getrandbits(bits - 1)


def build_single(n: int, seed: int) -> Program:
    """Follow one trajectory for n steps."""
    return Program("collatz-single", single, {"x": long_start(n, seed)}, n)


def single_by_hand(n: int, seed: int) -> dict[str, Any]:
    """Follow it in one loop."""
    x = long_start(n, seed)
    for _ in range(n * ITERATIONS):
        x = 3 * x + 1 if x & 1 else x >> 1
    return {"x": x}


MEMO = Parts(build_memo, memo_by_hand)
SINGLE = Parts(build_single, single_by_hand)
