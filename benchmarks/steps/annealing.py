"""A round trip by simulated annealing: each step tries some exchanges, with a generator of its own."""

from __future__ import annotations

from math import exp, hypot
from random import Random
from typing import Any

CITIES = 60
TRIES = 10


def draw(state: Any) -> int:
    """Return 31 random bits."""
    state.random = (6364136223846793005 * state.random + 1442695040888963407) % (1 << 64)
    return int(state.random >> 33)


def leg(state: Any, i: int) -> float:
    """Return the length from one place of the trip to the next."""
    (a, b), (c, d) = state.cities[state.trip[i]], state.cities[state.trip[(i + 1) % CITIES]]
    return hypot(a - c, b - d)


def step(state: Any) -> None:
    """Reverse a part of the trip where that shortens it, or at random while it is hot; then cool down."""
    trip = state.trip
    for _ in range(TRIES):
        i, j = sorted((draw(state) % CITIES, draw(state) % CITIES))
        before = leg(state, i) + leg(state, j)
        trip[i + 1 : j + 1] = trip[i + 1 : j + 1][::-1]
        change = leg(state, i) + leg(state, j) - before
        if change > 0 and draw(state) / (1 << 31) >= exp(-change / state.temperature):
            trip[i + 1 : j + 1] = trip[i + 1 : j + 1][::-1]
        else:
            state.length += change
    state.temperature = max(0.001, state.temperature * 0.9995)


def initial(n: int, seed: int) -> dict[str, Any]:
    """Place the cities at random, and visit them in this order at first."""
    draw = Random(seed)
    cities = [(draw.random(), draw.random()) for _ in range(CITIES)]
    length = sum(hypot(a[0] - b[0], a[1] - b[1]) for a, b in zip(cities, cities[1:] + cities[:1], strict=True))
    trip = list(range(CITIES))
    return {"cities": cities, "trip": trip, "length": length, "temperature": 1.0, "random": draw.getrandbits(64)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Measure the trip again."""
    places = [end["cities"][city] for city in end["trip"]]
    length = sum(hypot(a[0] - b[0], a[1] - b[1]) for a, b in zip(places, places[1:] + places[:1], strict=True))
    return sorted(end["trip"]) == list(range(CITIES)) and abs(length - end["length"]) < 1e-6
