"""The shortest round trip by brute force: each step takes the next permutations by their index."""

from __future__ import annotations

from itertools import permutations
from math import factorial
from random import Random
from typing import Any

CITIES = 12
BLOCK = 20


def permutation(index: int, count: int) -> list[int]:
    """Return the permutation with this index in lexicographic order."""
    rest, found = list(range(count)), []
    for size in range(count - 1, -1, -1):
        place, index = divmod(index, factorial(size))
        found.append(rest.pop(place))
    return found


def step(state: Any) -> None:
    """Measure a block of trips; the best has the length in its upper bits, the index in its lower 40."""
    distances = state.distances
    for index in range(state.index, state.index + BLOCK):
        trip = permutation(index % factorial(CITIES - 1), CITIES)
        length = sum(distances[trip[i - 1]][trip[i]] for i in range(CITIES))
        state.minimum("best", length << 40 | index)
    state.index += BLOCK


def initial(n: int, seed: int) -> dict[str, Any]:
    """Place the cities at random."""
    draw = Random(seed)
    places = [(draw.randrange(1_000), draw.randrange(1_000)) for _ in range(CITIES)]
    distances = [[abs(a - c) + abs(b - d) for c, d in places] for a, b in places]
    return {"index": 0, "distances": distances, "best": 1 << 80}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Let itertools make the permutations."""
    best = 1 << 80
    for index, trip in zip(range(n * BLOCK), permutations(range(CITIES)), strict=False):
        length = sum(end["distances"][a][b] for a, b in zip(trip, trip[1:] + trip[:1], strict=True))
        best = min(best, length << 40 | index)
    return bool(end["best"] == best)
