"""The knapsack problem by dynamic programming: each step considers one more item."""

from __future__ import annotations

from itertools import combinations
from random import Random
from typing import Any

import numpy as np

CAPACITY = 50_000


def step(state: Any) -> None:
    """Take the next item along wherever it makes the load worth more."""
    weight, worth = state.items[state.item]
    best = state.best
    taken = best[:-weight] + worth
    best[weight:] = np.maximum(best[weight:], taken)
    state.item += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Draw n items."""
    draw = Random(seed)
    items = [(draw.randint(1, CAPACITY // 4), draw.randint(1, 1_000)) for _ in range(n)]
    return {"items": items, "item": 0, "best": np.zeros(CAPACITY + 1, np.int64)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Try every choice of items."""
    items = end["items"]
    choices = (choice for count in range(n + 1) for choice in combinations(items, count))
    fitting = (choice for choice in choices if sum(weight for weight, _ in choice) <= CAPACITY)
    return bool(end["best"][-1] == max(sum(worth for _, worth in choice) for choice in fitting))
