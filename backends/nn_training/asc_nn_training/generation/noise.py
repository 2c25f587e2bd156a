"""Noise of sampling that is fixed by seed, prompt, sample and position: common random numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SMALLEST = np.float32(1e-30)
_HALF = 2**64 - 1  # of a key


def noise_key(seed: int, prompt: Sequence[int], sample: int) -> int:
    """Return the key of a text's noise, of 128 bits."""
    about = np.array([seed, sample, *prompt], np.int64).tobytes()
    return int.from_bytes(hashlib.blake2b(about, digest_size=16).digest(), "little")


def gumbel(keys: Sequence[int], positions: Sequence[int], vocabulary: int) -> NDArray[np.float32]:
    """Return independent Gumbel variables for the choice of texts' tokens at positions: (texts, vocabulary), fp32.

    The token with the largest sum of log-probability and noise has the distribution of a sample (the Gumbel-max trick;
    Maddison, Tarlow and Minka 2014). With the same noise, two models that are almost equal mostly take the same token.
    """
    source: Any = np.random.Philox(key=0)  # one for all: to make a generator takes several times as long as to draw
    random, state = np.random.Generator(source), source.state
    waits = np.empty((len(keys), vocabulary), np.float32)
    for row, key, position in zip(waits, keys, positions, strict=True):
        state["state"] = {"key": (key & _HALF, key >> 64), "counter": (0, 0, 0, position)}
        source.state = state
        random.standard_exponential(dtype=np.float32, out=row)
    found: NDArray[np.float32] = -np.log(np.maximum(waits, _SMALLEST))
    return found
