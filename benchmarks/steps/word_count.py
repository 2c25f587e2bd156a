"""How often each word occurs in a text: each step counts the words of a line in a dictionary."""

from __future__ import annotations

from collections import Counter
from typing import Any

from steps.texts import words

LINE = 12
LINES = 20_000  # a longer run reads them again


def step(state: Any) -> None:
    """Count the words of a line."""
    for word in state.lines[state.line % len(state.lines)].split():
        state.counts[word] = state.counts.get(word, 0) + 1
    state.line += 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Write the lines."""
    drawn = words(min(n, LINES) * LINE, seed)
    return {"lines": [" ".join(drawn[i : i + LINE]) for i in range(0, len(drawn), LINE)], "line": 0, "counts": {}}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Let Python count."""
    lines = end["lines"]
    return bool(Counter(" ".join(lines[i % len(lines)] for i in range(n)).split()) == end["counts"])
