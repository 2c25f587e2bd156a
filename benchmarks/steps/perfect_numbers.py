"""The abundant and perfect numbers of a block in each step; a helper remembers the divisors of small numbers."""

from __future__ import annotations

from functools import lru_cache
from math import isqrt
from typing import Any

BLOCK = 10


@lru_cache(maxsize=1_000)
def divisor_sum(n: int) -> int:
    """Add up the divisors of n that are less than n."""
    total = 1 if n > 1 else 0
    for d in range(2, isqrt(n) + 1):
        if n % d == 0:
            total += d + (n // d if d * d != n else 0)
    return total


def step(state: Any) -> None:
    """Look at a block of numbers, and count pairs of friends whose smaller one lies in it."""
    for n in range(state.start, state.start + BLOCK):
        other = divisor_sum(n)
        if other > n:
            state.add("abundant", 1)
            if divisor_sum(other) == n:
                state.add("friends", 1)
        elif other == n:
            state.add("perfect", 1)
    state.start += BLOCK


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin at 1, or further on."""
    return {"start": 1 + seed * n * BLOCK, "abundant": 0, "friends": 0, "perfect": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Divide by all numbers."""
    abundant = perfect = friends = 0
    for number in range(start["start"], start["start"] + n * BLOCK):
        total = sum(d for d in range(1, number) if number % d == 0)
        abundant += total > number
        perfect += total == number
        friends += total > number and sum(d for d in range(1, total) if total % d == 0) == number
    return [end["abundant"], end["perfect"], end["friends"]] == [abundant, perfect, friends]
