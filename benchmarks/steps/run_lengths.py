"""Run-length encoding: each step reads some pixels, and appends the runs that have ended to a list."""

from __future__ import annotations

from itertools import groupby
from random import Random
from typing import Any

BLOCK = 500
PIXELS = 1 << 22  # a longer run reads them again


def step(state: Any) -> None:
    """Read a block."""
    start = state.position % len(state.pixels)
    for pixel in state.pixels[start : start + BLOCK]:
        if pixel == state.colour:
            state.length += 1
        else:
            state.runs.append((state.colour, state.length))
            state.colour, state.length = pixel, 1
    state.position += BLOCK


def initial(n: int, seed: int) -> dict[str, Any]:
    """Draw a picture whose pixels often have the colour of the pixel before."""
    draw, pixels = Random(seed), bytearray()
    size = min(n * BLOCK, PIXELS - PIXELS % BLOCK)
    while len(pixels) < size:
        pixels += bytes([draw.randrange(8)]) * int(1 + draw.expovariate(1 / 300))
    return {"pixels": bytes(pixels[:size]), "position": 0, "colour": pixels[0], "length": 0, "runs": []}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Let itertools find the runs."""
    laps, rest = divmod(n * BLOCK, len(end["pixels"]))
    found = [(colour, len(list(run))) for colour, run in groupby(end["pixels"] * laps + end["pixels"][:rest])]
    return bool([*end["runs"], (end["colour"], end["length"])] == found)
