"""The random generators that all code of a process shares."""

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
def seeded(seed: int) -> Iterator[None]:
    """Seed these generators for a while, then restore their state."""
    python, numpy = random.getstate(), np.random.get_state()
    random.seed(seed)
    np.random.seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
