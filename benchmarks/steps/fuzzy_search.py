"""Search for a word with up to two errors by an automaton of bit masks, a piece of the text in each step."""

from __future__ import annotations

from typing import Any

from steps.texts import prose

PIECE = 200
ERRORS = 2
PATTERN = "palverno"
MASKS = {letter: sum(1 << i for i, other in enumerate(PATTERN) if other == letter) for letter in set(PATTERN)}
FOUND = 1 << len(PATTERN) - 1
TEXT = 1 << 20  # characters; a longer run reads the text again


def step(state: Any) -> None:
    """Feed the next characters to the automaton: one number of bits for each count of errors."""
    active = list(state.active)
    start = state.start
    for letter in state.text[start : start + PIECE]:
        mask = MASKS.get(letter, 0)
        before, active[0] = active[0], (active[0] << 1 | 1) & mask
        for errors in range(1, ERRORS + 1):
            fewer = before
            before = active[errors]
            # a match, or else an insertion, a substitution or a deletion from the row of one error less
            active[errors] = (before << 1 | 1) & mask | fewer | fewer << 1 | active[errors - 1] << 1 | 1
        if active[ERRORS] & FOUND:
            state.add("matches", 1)
    state.active = tuple(bits & 2 * FOUND - 1 for bits in active)
    state.start = (start + PIECE) % len(state.text)


def initial(n: int, seed: int) -> dict[str, Any]:
    """Write a text of whole pieces."""
    size = min(n * PIECE, TEXT - TEXT % PIECE)
    return {"text": prose(size, seed), "start": 0, "active": (0, 1, 3), "matches": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Compute the table of edit distances, with a start anywhere in the text."""
    column, matches = list(range(len(PATTERN) + 1)), 0
    for place in range(n * PIECE):
        letter, before = end["text"][place % len(end["text"])], column
        column = [0]
        for i, other in enumerate(PATTERN):
            column.append(min(before[i] + (letter != other), before[i + 1] + 1, column[i] + 1))
        matches += column[-1] <= ERRORS
    return bool(end["matches"] == matches)
