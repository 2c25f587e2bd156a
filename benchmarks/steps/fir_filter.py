"""A finite impulse response filter over a signal, a block of samples in each step."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np

BLOCK = 250
TAPS = 255


def step(state: Any) -> None:
    """Filter the next block."""
    start = state.start
    block = np.zeros(BLOCK)
    for k in range(TAPS):
        block += state.taps[k] * state.signal[start + TAPS - 1 - k : start + TAPS - 1 - k + BLOCK]
    state.filtered[start : start + BLOCK] = block
    state.start = start + BLOCK


def initial(n: int, seed: int) -> dict[str, Any]:
    """Make up a noisy wave and a low pass."""
    noise = np.random.default_rng(seed).normal(size=n * BLOCK + TAPS - 1)
    wave = np.sin(np.arange(len(noise)) / (20 + Random(seed).randrange(20)))
    taps = np.hamming(TAPS)
    return {"start": 0, "signal": wave + noise, "taps": taps / taps.sum(), "filtered": np.zeros(n * BLOCK)}


def right(start: dict[str, Any], end: dict[str, Any], n: int) -> bool:
    """Let numpy convolve the whole signal."""
    return bool(np.allclose(end["filtered"], np.convolve(end["signal"], end["taps"], "valid")))
