"""How this machine calculates: two machines, or two versions of a library, may round differently."""

from __future__ import annotations

import hashlib
import math
import platform
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SIZE = 384  # of a matrix whose product is divided among threads


def arithmetic() -> dict[str, bytes]:
    """Return digests that are equal where Python and numpy give the same bits, by names for people."""
    return {
        "the version of Python": platform.python_version().encode(),
        "the version of numpy": np.__version__.encode(),
        "how numbers are rounded": _rounding(),
    }


def _rounding() -> bytes:
    """Digest results that depend on the processor, on the mathematical libraries, and on the number of threads."""
    numbers = np.random.default_rng(0).uniform(0.1, 5.0, _SIZE * _SIZE)
    sha = hashlib.sha256()
    for kind in (np.float64, np.float32):
        given: NDArray[Any] = numbers.astype(kind)
        matrix = given.reshape(_SIZE, _SIZE)
        for found in (np.sin(given), np.exp(given), np.log(given), np.tanh(given), given**1.7, given.sum()):
            sha.update(np.asarray(found).tobytes())
        sha.update((matrix @ matrix).tobytes())
        sha.update((matrix @ matrix[0]).tobytes())
    for number in numbers[:1000].tolist():
        for function in (math.sin, math.exp, math.log, math.gamma, math.sqrt):
            sha.update(function(number).hex().encode())
    return sha.digest()
