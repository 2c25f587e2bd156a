"""How often each byte occurs in a text: each step adds the counts of the next block to an array."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from steps.texts import prose

BLOCK = 4_096
TEXT = 1 << 20  # bytes; a longer run reads the text again


def step(state: Any) -> None:
    """Count a block."""
    start = state.start
    state.counts += np.bincount(state.text[start : start + BLOCK], minlength=256)
    state.start = (start + BLOCK) % len(state.text)


def initial(n: int, seed: int) -> dict[str, Any]:
    """Write a text of whole blocks."""
    text = np.frombuffer(prose(min(n * BLOCK, TEXT), seed).encode(), np.uint8)
    return {"text": text, "start": 0, "counts": np.zeros(256, np.int64)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Count the bytes one by one."""
    text = end["text"].tobytes()
    laps, rest = divmod(n * BLOCK, len(text))
    found = Counter(text * laps + text[:rest])
    return {byte: int(count) for byte, count in enumerate(end["counts"]) if count} == dict(found)
