"""Whether two arrays of a state share memory, so that a write to one of them changes the other."""

from __future__ import annotations

import array
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

import numpy as np

from asc_toy.content.arrays import Array
from asc_toy.content.graph import take_apart
from asc_toy.content.kind import UnsupportedError

_EFFORT: Any = 10_000  # of numpy's exact answer; two arrays for which it does not suffice count as overlapping


class _Held(NamedTuple):
    start: int
    end: int  # addresses
    name: str
    array: Array


def overlaps(values: Mapping[str, Any]) -> str:
    """Return the names of two state words whose arrays share memory, as "'a' and 'b'"; "" where there are none.

    One array under two names is an alias, and shares nothing in this sense.
    """
    held: dict[int, _Held] = {}
    for name, value in values.items():
        for found in memories_of(value):
            held.setdefault(id(found), _held(name, found))
    open_ones: list[_Held] = []  # that reach beyond the start of the present one
    for item in sorted(held.values(), key=lambda item: (item.start, item.end)):
        open_ones = [other for other in open_ones if other.end > item.start]
        for other in open_ones:
            if _share(other.array, item.array):
                return f"{other.name!r} and {item.name!r}"
        open_ones.append(item)
    return ""


def memories_of(value: Any) -> Iterator[Any]:
    """Return the arrays and the bytearrays in a value."""
    if type(value) is np.ndarray and value.dtype.kind != "O":
        yield value
        return
    with suppress(UnsupportedError):
        for node in take_apart(value):
            if isinstance(node.value, np.ndarray | bytearray | array.array):
                yield node.value


def _held(name: str, found: Any) -> _Held:
    flat: Array = found if isinstance(found, np.ndarray) else np.frombuffer(found, np.uint8)
    return _Held(*_bounds(flat), name, flat)


def _bounds(array: Array) -> tuple[int, int]:
    start = int(array.__array_interface__["data"][0])
    if not array.nbytes:
        return start, start
    ends = [(count - 1) * stride for count, stride in zip(array.shape, array.strides, strict=True)]
    return start + sum(min(end, 0) for end in ends), start + sum(max(end, 0) for end in ends) + array.itemsize


def _share(a: Array, b: Array) -> bool:
    try:
        return bool(np.shares_memory(a, b, max_work=_EFFORT))
    except np.exceptions.TooHardError:
        return True
