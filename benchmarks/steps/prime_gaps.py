"""The largest gap between primes. A step tests a block of numbers, and needs the last prime of the block before."""

from __future__ import annotations

from itertools import pairwise
from math import isqrt
from typing import Any

BLOCK = 60
SMALL = (2, 3, 5, 7, 11, 13, 17)


def is_prime(n: int) -> bool:
    """Test by Miller and Rabin; certain below 3.4e14."""
    if n < 2 or any(n % p == 0 for p in SMALL):
        return n in SMALL
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in SMALL:
        x = pow(base, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


def step(state: Any) -> None:
    """Look for primes in the next block."""
    for n in range(state.start, state.start + BLOCK):
        if is_prime(n):
            gap = n - state.last
            if gap > state.largest:
                state.largest = gap
                state.where = state.last
            state.last = n
    state.start += BLOCK


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin above 3, or further on."""
    start = 4 + 2 * seed * 1_000
    last = next(p for p in range(start - 1, 1, -1) if is_prime(p))
    return {"start": start, "last": last, "largest": 0, "where": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Divide by all numbers."""
    primes = [p for p in range(start["last"], end["start"]) if all(p % q for q in range(2, isqrt(p) + 1))]
    gaps = [(b - a, -a) for a, b in pairwise(primes)]
    return bool(end["last"] == primes[-1] and (end["largest"], -end["where"]) == max(gaps))
