"""The longest of all shortest ways in a maze. Places wait in a deque, and the places that were seen are in a set."""

from __future__ import annotations

from collections import deque
from random import Random
from typing import Any

import numpy as np

SIZE = 60
PLACES = 10  # a step


def step(state: Any) -> None:
    """Visit the next places, in the order of distance; where no place waits, begin at the next start."""
    for _ in range(PLACES):
        if not state.waiting:
            start = state.starts[state.start % len(state.starts)]
            state.start += 1
            state.seen = {start}
            state.waiting.append((*start, 0))
        y, x, distance = state.waiting.popleft()
        state.farthest = max(state.farthest, distance)
        for place in ((y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)):
            if state.open[place] and place not in state.seen:
                state.seen.add(place)
                state.waiting.append((*place, distance + 1))


def initial(n: int, seed: int) -> dict[str, Any]:
    """Make a maze whose walls leave most places open, with an edge that is closed."""
    draw = Random(seed)
    open_ = np.zeros((SIZE, SIZE), bool)
    open_[1:-1, 1:-1] = [[draw.random() < 0.65 for _ in range(SIZE - 2)] for _ in range(SIZE - 2)]
    starts = [(int(y), int(x)) for y, x in np.argwhere(open_)]
    draw.shuffle(starts)
    return {"open": open_, "starts": starts, "start": 0, "waiting": deque(), "seen": set(), "farthest": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Spread from start to start over a whole ring of places at a time."""
    farthest, visits, number = 0, n * PLACES, 0
    while visits > 0:
        seen = ring = {end["starts"][number % len(end["starts"])]}
        number, distance = number + 1, 0
        while ring and visits > 0:
            farthest, visits = max(farthest, distance), visits - len(ring)
            around = {(y + i, x + j) for y, x in ring for i, j in ((0, 1), (0, -1), (1, 0), (-1, 0))}
            ring = {place for place in around - seen if end["open"][place]}
            seen, distance = seen | ring, distance + 1
    return bool(end["farthest"] == farthest and end["start"] == number)
