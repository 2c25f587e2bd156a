"""A queue at some counters, simulated event by event: the events wait in a heap."""

from __future__ import annotations

from collections import Counter
from heapq import heappop, heappush
from typing import Any

EVENTS = 10  # a step
COUNTERS = 3


def draw(state: Any, most: int) -> int:
    """Return a whole number from 1 to `most`."""
    state.random = state.random * 48271 % 2147483647
    return int(state.random % most) + 1


def step(state: Any) -> None:
    """Take the next events: a customer comes, or one has been served."""
    for _ in range(EVENTS):
        time, kind = heappop(state.events)
        state.now = time
        if kind == "arrival":
            state.arrived += 1
            state.waiting.append(time)
            heappush(state.events, (time + draw(state, 20), "arrival"))
        else:
            state.free += 1
            state.served += 1
        if state.free and state.waiting:
            state.free -= 1
            state.waited += time - state.waiting.pop(0)
            heappush(state.events, (time + draw(state, 55), "done"))


def initial(n: int, seed: int) -> dict[str, Any]:
    """Wait for the first customer; all counters are free."""
    return {
        "events": [(1, "arrival")], "waiting": [], "free": COUNTERS, "now": 0,
        "arrived": 0, "served": 0, "waited": 0, "random": seed % 1_000_000 + 1,
    }  # fmt: skip


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """See that no customer and no event was lost."""
    kinds = Counter(kind for _, kind in end["events"])
    present = len(end["waiting"]) + COUNTERS - end["free"]
    counted = end["arrived"] + end["served"] == n * EVENTS and end["arrived"] - end["served"] == present
    return counted and kinds["arrival"] == 1 and kinds["done"] == COUNTERS - end["free"]
