"""Compression by LZ77: each step finds the longest earlier occurrence of what comes next."""

from __future__ import annotations

from typing import Any

from steps.texts import prose

WINDOW = 32_000
LONGEST = 64


def step(state: Any) -> None:
    """Append a back reference and the character after it: how far back, how long, which."""
    text, at = state.text, state.at
    if at >= len(text):
        return
    start, length, place = max(0, at - WINDOW), 0, 0
    while length < LONGEST and at + length + 1 < len(text):
        found = text.find(text[at : at + length + 1], start, at + length)
        if found < 0:
            break
        length, place = length + 1, found
    state.tokens.append((at - place if length else 0, length, text[at + length]))
    state.at = at + length + 1


def initial(n: int, seed: int) -> dict[str, Any]:
    """Write a text that is long enough."""
    return {"text": prose(9 * n, seed), "at": 0, "tokens": []}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Decompress."""
    text = ""
    for back, length, character in end["tokens"]:
        for _ in range(length):
            text += text[-back]
        text += character
    return bool(text == end["text"][: end["at"]] and len(text) > n)
