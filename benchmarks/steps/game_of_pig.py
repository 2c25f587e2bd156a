"""The game of pig as a Markov chain: each step is a turn, and changes the chances of every score."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

GOAL = 100
HOLD = 20


def turn() -> list[float]:
    """Return the chance of each number of points in a turn of a player who holds at HOLD points."""
    going, ended = {0: 1.0}, [0.0] * (HOLD + 6)
    while going:
        points = min(going)
        chance = going.pop(points)
        ended[0] += chance / 6
        for face in range(2, 7):
            if points + face < HOLD:
                going[points + face] = going.get(points + face, 0.0) + chance / 6
            else:
                ended[points + face] += chance / 6
    return ended


def step(state: Any) -> None:
    """Play a turn. A player who has reached the goal stays there."""
    after = np.zeros(GOAL + 1)
    after[GOAL] = state.chances[GOAL]
    for points, chance in enumerate(state.turn):
        moved = chance * state.chances[:GOAL]
        after[points:GOAL] += moved[: GOAL - points]
        after[GOAL] += moved[GOAL - points :].sum()
    state.chances = after


def initial(n: int, seed: int) -> dict[str, Any]:
    """Begin at no points."""
    chances = np.zeros(GOAL + 1)
    chances[seed % HOLD] = 1.0
    return {"chances": chances, "turn": turn()}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Do the same in fractions, for the chances of a turn as they are."""
    chances = {int(start["chances"].argmax()): Fraction(1)}
    for _ in range(n):
        after: dict[int, Fraction] = {}
        for score, chance in chances.items():
            for points, other in enumerate(end["turn"] if score < GOAL else [1.0]):
                place = min(GOAL, score + points)
                after[place] = after.get(place, Fraction(0)) + chance * Fraction(other)
        chances = after
    return bool(np.allclose(end["chances"], [float(chances.get(score, 0)) for score in range(GOAL + 1)]))
