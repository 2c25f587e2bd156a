"""What a step hands to an array: indices, and values."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

_SCALARS = frozenset({bool, int, float, complex, bytes, str})
_CONSTANTS = _SCALARS | {type(None), type(...)}


def is_inert(value: Any) -> bool:
    """Whether numpy can use a value without running code that may see a tracked array."""
    kind = type(value)
    if kind in _SCALARS or isinstance(value, np.generic):
        return True
    if kind is np.ndarray:
        return not value.dtype.hasobject
    return kind in (list, tuple) and all(map(is_inert, value))


def frozen(key: Any) -> Any:
    """Return an index that a write cannot change, even where it consists of the array that is written.

    What is no index stays as it is, so that numpy refuses it in its own words.
    """
    kind = type(key)
    if kind in _CONSTANTS or isinstance(key, np.generic) or (kind is list and not key) or is_plain_index(key):
        return key
    if kind is tuple:
        return tuple(map(frozen, key))
    if kind is slice:
        return slice(frozen(key.start), frozen(key.stop), frozen(key.step))
    if kind is list or isinstance(key, np.ndarray):
        return np.array(key)
    try:
        return operator.index(key)
    except TypeError:
        return key


def is_plain_index(key: Any) -> bool:
    """Whether an index consists of ints, so that it finds one element if it has one for each axis."""
    if type(key) is tuple:
        for part in key:  # noqa: SIM110  # three times as fast as all(…)
            if type(part) is not int:
                return False
        return True
    return type(key) is int
