"""The generators of random numbers that a whole process shares: how to notice that numbers were drawn."""

from __future__ import annotations

import ctypes
import pickle
import random
import sys
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np

_PLAIN = random.Random.__mro__[1]  # the part of a generator that is written in C
_OFFSET = object.__basicsize__
_SIZE = _PLAIN.__basicsize__ - _OFFSET
_WORDS = 4 * 625  # bytes of a state of the Mersenne twister: 624 numbers and a position
_GENERATOR: random.Random = random.random.__self__  # type: ignore[attr-defined]


def _memory(generator: random.Random) -> bytes:
    return ctypes.string_at(id(generator) + _OFFSET, _SIZE)


def _shows_memory() -> bool:
    """Whether a generator's state lies in memory where it is expected, as far as a trial shows."""
    if _SIZE < _WORDS:
        return False
    one, other = random.Random(1), random.Random(1)
    before, equal = _memory(one), _memory(one) == _memory(other)
    one.random()
    return equal and _memory(one) != before


_SHOWS_MEMORY = _shows_memory()


def objects() -> tuple[object, ...]:
    """Return the generators of Python and numpy."""
    legacy: Any = np.random.mtrand._rand
    return _GENERATOR, legacy, legacy._bit_generator


def of_python() -> Hashable:
    """Return what changes when `random` draws. Its own `getstate` takes thirty times longer: it makes 625 numbers."""
    if _SHOWS_MEMORY:
        return _memory(_GENERATOR), _GENERATOR.gauss_next  # type: ignore[attr-defined]
    return _GENERATOR.getstate()


def of_numpy() -> Callable[[], Hashable]:
    """Return a function that returns what changes when `np.random` draws."""
    legacy: Any = np.random.mtrand._rand
    bits: Any = legacy._bit_generator
    if type(bits) is not np.random.MT19937 or legacy.get_state(legacy=False)["has_gauss"]:
        return lambda: pickle.dumps(legacy)  # a number is kept apart, and may be drawn next
    address = int(bits.ctypes.state_address)
    return lambda: (id(legacy._bit_generator), ctypes.string_at(address, _WORDS))


def of_torch() -> Hashable:
    """Return what changes when torch draws on the processor."""
    return bytes(sys.modules["torch"].default_generator.get_state().numpy().tobytes())
