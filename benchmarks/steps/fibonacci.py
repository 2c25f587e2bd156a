"""Fibonacci numbers modulo 10,000: the pair returns after 15,000 steps of a few operations each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

MODULUS = 10_000


def step(state: Any) -> None:
    """Take the next number."""
    state.a, state.b = state.b, (state.a + state.b) % MODULUS
    if state.a > state.b:
        state.add("falls", 1)


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin with 0 and 1, or with other numbers."""
    return {"a": seed % MODULUS, "b": 1, "falls": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Keep all numbers in a list."""
    numbers = [start["a"], start["b"]]
    for _ in range(n):
        numbers.append((numbers[-1] + numbers[-2]) % MODULUS)
    falls = sum(a > b for a, b in pairwise(numbers[1:]))
    return [end["a"], end["b"], end["falls"]] == [*numbers[-2:], falls]
