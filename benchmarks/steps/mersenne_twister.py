"""The Mersenne twister with all of its 624 numbers in the state; each step draws points to estimate π."""

from __future__ import annotations

from random import Random
from typing import Any

POINTS = 50


def twist(numbers: list[int]) -> None:
    """Make the next 624 numbers of the old ones."""
    for i in range(624):
        y = numbers[i] & 0x80000000 | numbers[(i + 1) % 624] & 0x7FFFFFFF
        numbers[i] = numbers[(i + 397) % 624] ^ y >> 1 ^ (0x9908B0DF if y & 1 else 0)


def draw(state: Any) -> int:
    """Return the next 32 random bits."""
    if state.index == 624:
        twist(state.numbers)
        state.index = 0
    y = state.numbers[state.index]
    state.index += 1
    y ^= y >> 11
    y ^= y << 7 & 0x9D2C5680
    y ^= y << 15 & 0xEFC60000
    return int(y ^ y >> 18)


def step(state: Any) -> None:
    """Throw some points at a square."""
    for _ in range(POINTS):
        x, y = draw(state), draw(state)
        if x * x + y * y < 1 << 64:
            state.inside += 1
    state.points += POINTS


def initial(n: int, seed: int) -> dict[str, Any]:
    """Take the numbers that Python's generator starts from."""
    return {"numbers": list(Random(seed).getstate()[1][:624]), "index": 624, "inside": 0, "points": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Let Python draw."""
    draw = Random()
    draw.setstate((3, (*start["numbers"], 624), None))
    pairs = [(draw.getrandbits(32), draw.getrandbits(32)) for _ in range(n * POINTS)]
    return bool(end["inside"] == sum(x * x + y * y < 1 << 64 for x, y in pairs) and end["points"] == n * POINTS)
