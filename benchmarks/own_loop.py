"""The user's own loop: a step function on a plain object, and a comparison of final values. Nothing here is asc's.

The results of `benchmarks/programs.py` are measured against this loop, and judged by this comparison.
"""

from __future__ import annotations

import random
import struct
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from decimal import Decimal
from typing import Any

import numpy as np

Step = Callable[[Any], None]
Index = int | tuple[int, ...] | None


class Plain:
    """An object with the program's values as attributes. Its methods fold an integer into a word or an element."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, value)  # as a constructor does: attributes of a copied dictionary are slower to reach

    def add(self, name: str, value: int, at: Index = None) -> None:
        """Add an integer."""
        if at is None:
            setattr(self, name, getattr(self, name) + value)
        else:
            getattr(self, name)[at] += value

    def minimum(self, name: str, value: int, at: Index = None) -> None:
        """Keep the smaller integer."""
        if at is None:
            setattr(self, name, min(getattr(self, name), value))
        else:
            array = getattr(self, name)
            array[at] = min(int(array[at]), value)

    def maximum(self, name: str, value: int, at: Index = None) -> None:
        """Keep the larger integer."""
        if at is None:
            setattr(self, name, max(getattr(self, name), value))
        else:
            array = getattr(self, name)
            array[at] = max(int(array[at]), value)


def loop(step: Step, state: Any, steps: int) -> float:
    """Run the user's own loop; return the seconds."""
    began = time.perf_counter()
    for _ in range(steps):
        step(state)
    return time.perf_counter() - began


def difference(left: Any, right: Any, place: str = "") -> str:
    """Return where two values differ in type or bits, and how; "" where they are equal. Order counts, in sets too."""
    if type(left) is not type(right):
        return f"{place}: {type(left).__name__} and {type(right).__name__}"
    if isinstance(left, np.ndarray):
        return _array_difference(left, right, place)
    parts = _parts(left, place)
    if parts is None:
        return "" if _bits(left, place) == _bits(right, place) else f"{place}: {left!r} and {right!r}"
    others = _parts(right, place)
    assert others is not None
    if len(parts) != len(others):
        return f"{place}: {len(parts)} and {len(others)} parts"
    pairs = zip(parts, others, strict=True)
    return next((found for (at, one), (_, other) in pairs if (found := difference(one, other, at))), "")


def _parts(value: Any, place: str) -> list[tuple[str, Any]] | None:
    """Return what a container holds, each with its place; None for a value that is no container."""
    if isinstance(value, list | tuple | deque | set | frozenset):
        return [(f"{place}[{i}]", part) for i, part in enumerate(value)]
    if isinstance(value, dict):
        return [(f"{place} key {i}", key) for i, key in enumerate(value)] + [
            (f"{place}[{key!r}]", part) for key, part in value.items()
        ]
    if is_dataclass(value) and not isinstance(value, type):
        return [(f"{place}.{field.name}", getattr(value, field.name)) for field in fields(value)]
    return None


def _array_difference(left: Any, right: Any, place: str) -> str:
    for what in ("dtype", "shape", "strides"):
        if getattr(left, what) != getattr(right, what):
            return f"{place}.{what}: {getattr(left, what)} and {getattr(right, what)}"
    if left.dtype.hasobject:
        return difference(left.tolist(), right.tolist(), place)
    if left.tobytes() == right.tobytes():
        return ""
    size = left.itemsize
    one, other = (np.frombuffer(array.tobytes(), np.uint8).reshape(-1, size) for array in (left, right))
    first = int(np.flatnonzero((one != other).any(axis=1))[0])
    index = tuple(int(axis) for axis in np.unravel_index(first, left.shape))
    return f"{place}[{', '.join(map(str, index))}]: {left[index]!r} and {right[index]!r}"


def _bits(value: Any, place: str) -> Any:
    """Return what is equal exactly where two values of this type have the same bits."""
    if value is None or isinstance(value, bool | int | bytes | bytearray | str):
        return value
    if isinstance(value, float):
        return struct.pack("<d", value)
    if isinstance(value, complex):
        return struct.pack("<dd", value.real, value.imag)
    if isinstance(value, np.generic):
        return value.dtype.str, value.tobytes()
    if isinstance(value, Decimal):
        return value.as_tuple()
    if isinstance(value, random.Random):
        return value.getstate()
    raise TypeError(f"{place or 'the value'} is of the type {type(value).__name__}: teach own_loop to compare it")
