"""A tokenizer by regular expression: each step takes the next token of a text."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from steps.texts import prose

TOKEN = re.compile(r"(?P<word>[a-z]+)|(?P<number>\d+)|(?P<mark>[.,])|(?P<space>\s+)")
TEXT = 1 << 20  # characters; a longer run reads the text again


def step(state: Any) -> None:
    """Match a token, and count its kind."""
    found = TOKEN.match(state.text, state.position)
    assert found is not None
    assert found.lastgroup is not None
    state.counts[found.lastgroup] += 1
    if found.lastgroup == "number":
        state.sum += int(found[0])
    state.position = found.end() if found.end() < len(state.text) else 0


def initial(n: int, seed: int) -> dict[str, Any]:
    """Write a text."""
    counts = {"word": 0, "number": 0, "mark": 0, "space": 0}
    return {"text": prose(min(4 * n, TEXT), seed), "position": 0, "counts": counts, "sum": 0}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Take the tokens that the text has, as often as it takes to have n."""
    kinds = [found.lastgroup for found in TOKEN.finditer(end["text"])]
    return +Counter(end["counts"]) == Counter((kinds * (n // len(kinds) + 1))[:n])
