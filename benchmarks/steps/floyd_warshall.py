"""All shortest paths by Floyd and Warshall: each step allows one more place to pass through, row by row."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Any

import numpy as np


def step(state: Any) -> None:
    """Go through the place k wherever that is shorter."""
    d, k = state.distances, state.k
    for i in range(len(d)):
        d[i] = np.minimum(d[i], d[i, k] + d[k])
    state.k = k + 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Connect n places at random, some only by a long way around."""
    draw = np.random.default_rng(seed)
    distances = np.where(draw.random((n, n)) < 4 / n, draw.integers(1, 100, (n, n)), 1_000_000)
    np.fill_diagonal(distances, 0)
    return {"distances": distances, "k": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Ask Dijkstra."""
    roads = start["distances"]
    for first in range(n):
        found, waiting = np.full(n, 2_000_000), [(0, first)]
        while waiting:
            length, place = heappop(waiting)
            if length < found[place]:
                found[place] = length
                for other in range(n):
                    heappush(waiting, (length + int(roads[place, other]), other))
        if (found != end["distances"][first]).any():
            return False
    return True
