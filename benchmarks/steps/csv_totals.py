"""Totals of a file of payments by category: each step reads some lines of text."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

CATEGORIES = ("food", "rent", "travel", "books", "music", "garden", "repairs", "gifts")
LINES = 20  # a step


def step(state: Any) -> None:
    """Read the next lines."""
    for number in range(state.line, state.line + LINES):
        _, category, amount = state.lines[number % len(state.lines)].split(";")
        euros, cents = amount.split(".")
        state.add("cents", 100 * int(euros) + int(cents), at=CATEGORIES.index(category))
        state.add("payments", 1)
    state.line += LINES


def initial(n: int, seed: int) -> dict[str, Any]:
    """Write up to 10,000 lines."""
    draw = Random(seed)
    lines = [
        f"{draw.randint(1, 28)} May;{draw.choice(CATEGORIES)};{draw.randint(1, 99_999) / 100:.2f}"
        for _ in range(min(10_000, 30 * n))
    ]
    return {"lines": lines, "line": 0, "cents": np.zeros(len(CATEGORIES), np.int64), "payments": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Add up category by category."""
    lines = end["lines"]
    read = [lines[number % len(lines)] for number in range(n * LINES)]
    sums = [sum(round(100 * float(line.split(";")[2])) for line in read if f";{name};" in line) for name in CATEGORIES]
    return bool(end["payments"] == n * LINES and end["cents"].tolist() == sums)
