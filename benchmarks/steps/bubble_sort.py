"""Bubble sort: each step is a pass over the list."""

from __future__ import annotations

from random import Random
from typing import Any


def step(state: Any) -> None:
    """Exchange neighbours that stand in the wrong order."""
    items = state.items
    for i in range(len(items) - 1 - state.passes):
        if items[i] > items[i + 1]:
            items[i], items[i + 1] = items[i + 1], items[i]
            state.exchanges += 1
    state.passes += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Make n items, which n passes sort."""
    return {"items": Random(seed).choices(range(10 * n), k=n), "passes": 0, "exchanges": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Sort, and count the pairs that stood in the wrong order."""
    items = start["items"]
    inversions = sum(a > b for i, a in enumerate(items) for b in items[i + 1 :])
    return bool(end["items"] == sorted(items) and end["exchanges"] == inversions)
