"""The edit distance of two texts: each step computes the next row of the table from the row before."""

from __future__ import annotations

from functools import cache
from typing import Any

from steps.texts import prose


def step(state: Any) -> None:
    """Compute a row."""
    before, letter = state.row, state.one[state.i]
    row = [state.i + 1]
    for j, other in enumerate(state.other):
        row.append(min(before[j] + (letter != other), before[j + 1] + 1, row[j] + 1))
    state.row = row
    state.i += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Write two texts; the first has a letter for each step."""
    one, other = prose(n, seed), prose(min(n, 400), seed + 1)
    return {"one": one, "other": other, "i": 0, "row": list(range(len(other) + 1))}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Follow the definition."""
    one, other = end["one"], end["other"]

    @cache
    def distance(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        return min(
            distance(i - 1, j) + 1, distance(i, j - 1) + 1, distance(i - 1, j - 1) + (one[i - 1] != other[j - 1])
        )

    return bool(end["row"][-1] == distance(len(one), len(other)))
