"""Noise of sampling that is fixed by seed, prompt, sample and position: common random numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SMALLEST = np.float32(1e-30)


def noise_key(seed: int, prompt: Sequence[int], sample: int) -> int:
    """Return the key of a text's noise, of 128 bits."""
    about = np.array([seed, sample, *prompt], np.int64).tobytes()
    return int.from_bytes(hashlib.blake2b(about, digest_size=16).digest(), "little")


def gumbel(key: int, position: int, vocabulary: int) -> NDArray[np.float32]:
    """Return independent Gumbel variables for the choice of a text's token at a position: (vocabulary,), fp32.

    The token with the largest sum of log-probability and noise has the distribution of a sample (the Gumbel-max trick;
    Maddison, Tarlow and Minka 2014). With the same noise, two models that are almost equal mostly take the same token.
    """
    random = np.random.Generator(np.random.Philox(key=key, counter=[0, 0, 0, position]))
    waits = random.standard_exponential(vocabulary, dtype=np.float32)
    found: NDArray[np.float32] = -np.log(np.maximum(waits, _SMALLEST))
    return found
