"""The generators that a whole process shares: whoever draws from them changes what others draw."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

import numpy as np

from asc.testing.contents import contents


def global_randomness() -> Hashable:
    """Return a key of the state of the global generators of Python and numpy."""
    return random.getstate(), contents(np.random.get_state())


@contextmanager
def shaken(seed: int) -> Iterator[None]:
    """Seed these generators for a while, then put them back."""
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
