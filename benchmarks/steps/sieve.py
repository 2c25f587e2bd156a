"""The sieve of Eratosthenes, a segment in each step."""

from __future__ import annotations

from math import isqrt
from typing import Any

SEGMENT = 1 << 15


def step(state: Any) -> None:
    """Count and add up the primes of the next segment."""
    low = state.low
    high = low + SEGMENT
    prime = bytearray(b"\x01") * SEGMENT
    for p in state.base:
        if p * p >= high:
            break
        first = max(p * p, -(-low // p) * p) - low
        prime[first::p] = bytes(len(range(first, SEGMENT, p)))
    state.add("count", prime.count(1))
    state.add("last_digits", sum(i % 10 for i in range(low, high, 64) if prime[i - low]))
    state.low = high


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin at 2, with the primes below the square root of the end."""
    top = isqrt(2 + n * SEGMENT) + 1
    base = [p for p in range(2, top + 1) if all(p % q for q in range(2, isqrt(p) + 1))]
    return {"low": 2, "base": base, "count": 0, "last_digits": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Sieve in one piece."""
    size = 2 + n * SEGMENT
    prime = bytearray(b"\x01") * size
    prime[:2] = b"\0\0"
    for p in range(2, isqrt(size) + 1):
        if prime[p]:
            prime[p * p :: p] = bytes(len(range(p * p, size, p)))
    return bool(end["count"] == prime.count(1))
