"""The longest Collatz trajectory among many starts, a block of starts in each step."""

from __future__ import annotations

from typing import Any

BLOCK = 16


def length(x: int) -> int:
    """Count the steps to 1."""
    count = 0
    while x != 1:
        x = 3 * x + 1 if x & 1 else x >> 1
        count += 1
    return count


def step(state: Any) -> None:
    """Walk from the starts of a block; the best has the length in its upper bits, the start in its lower 40."""
    start = state.start
    for x in range(start, start + BLOCK):
        count = length(x)
        state.add("total", count)
        state.maximum("best", count << 40 | x)
    state.start = start + BLOCK


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin at 1, or further on."""
    return {"start": 1 + seed * n * BLOCK, "total": 0, "best": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Look lengths up that are known already."""
    known = {1: 0}

    def look_up(x: int) -> int:
        if x not in known:
            known[x] = 1 + look_up(x // 2 if x % 2 == 0 else 3 * x + 1)
        return known[x]

    lengths = {x: look_up(x) for x in range(start["start"], start["start"] + n * BLOCK)}
    best = max((count, x) for x, count in lengths.items())
    return bool(end["total"] == sum(lengths.values()) and end["best"] == best[0] << 40 | best[1])
