"""Keys by which values are compared: what they hold, down to types and bits."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from asc.words import WORD_TYPES, bits


def contents(value: Any) -> Hashable:  # noqa: PLR0911 -- one line for each kind of value
    """Return a key that two values share where they consist of the same types and bits.

    Looks into mappings, sequences, arrays (and what converts to an array, such as a tensor) and objects with
    attributes. A function is compared by its name: it has no contents.
    """
    if isinstance(value, WORD_TYPES):
        return bits(value)
    if value is None or isinstance(value, Fraction | complex):
        return type(value).__name__, value
    if hasattr(value, "detach"):  # a tensor that has gradients does not convert to an array by itself
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
    if isinstance(value, np.ndarray) or hasattr(value, "__array__"):
        array = np.ascontiguousarray(value)
        return "array", array.shape, array.dtype.str, array.tobytes()
    if isinstance(value, Mapping):
        return "mapping", frozenset((contents(key), contents(part)) for key, part in value.items())
    if isinstance(value, set | frozenset):
        return "set", frozenset(contents(part) for part in value)
    if isinstance(value, Iterable):
        return type(value).__name__, tuple(contents(part) for part in value)
    if callable(value):
        return "function", getattr(value, "__qualname__", type(value).__name__)
    held = getattr(value, "__dict__", None)
    return type(value).__name__, repr(value) if held is None else contents(held)
