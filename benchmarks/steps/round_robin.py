"""A scheduler with a ring queue: each step gives a task its share of time. The queue returns to where it was."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np

CAPACITY = 16
SHARE = 3


def step(state: Any) -> None:
    """Serve the task at the head; one that is not done goes to the tail, one that is done comes again."""
    task = int(state.ring[state.head])
    state.head = (state.head + 1) % CAPACITY
    left = state.left[task] - SHARE
    if left <= 0:
        state.add("finished", 1, at=task)
        left = state.lengths[task]
    state.left[task] = left
    state.ring[state.tail] = task
    state.tail = (state.tail + 1) % CAPACITY


def initial(n: int, seed: int) -> dict[str, Any]:
    """Queue ten tasks."""
    lengths = np.arange(10) * 2 + 5 + seed % 5
    ring = np.zeros(CAPACITY, np.int64)
    ring[:10] = range(10)
    finished = np.zeros(10, np.int64)
    return {"ring": ring, "head": 0, "tail": 10, "lengths": lengths, "left": lengths.copy(), "finished": finished}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Queue in a deque, and count each task's turns."""
    queue, turns = deque(range(10)), [0] * 10
    for _ in range(n):
        turns[queue[0]] += 1
        queue.rotate(-1)
    needed = [-(-int(length) // SHARE) for length in end["lengths"]]
    return end["finished"].tolist() == [turn // need for turn, need in zip(turns, needed, strict=True)]
