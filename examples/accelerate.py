"""Speculation from Python, in an unguarded script: count primes by trial division, a block of numbers a step."""

from __future__ import annotations

import sys
from typing import Any

from asc_toy import accelerate

BLOCK = 50


def step(state: Any) -> None:
    """Look at the next block of odd numbers."""
    found, first = 0, state.first
    for number in range(first, first + 2 * BLOCK, 2):
        divisor = 3
        while divisor * divisor <= number and number % divisor:
            divisor += 2
        found += divisor * divisor > number
    state.add("primes", found)
    state.first = first + 2 * BLOCK


steps = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
result = accelerate(step, {"first": 3, "primes": 1}, steps, compare_plain=True)
print(f"{result.state['primes']} primes below {result.state['first']}")
print(result.report)
