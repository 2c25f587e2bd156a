"""Arrays as flat memory: which arrays are tracked by element, and where an element lies."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from asc_toy.state import Array, Index

SIMPLE = frozenset(char for char in "?bBhHiIlLqQefdFDSUMm" if np.dtype(np.dtype(char).str).char == char)
"""The dtypes whose elements are their bytes. Of two C types of one width, one has the name that numpy gives to the
other too: its values are compared as a whole, with their type."""

_WORDS = frozenset({1, 2, 4, 8})  # bytes of numpy's unsigned integers


def is_by_element(value: object) -> bool:
    """Whether a value is an array whose elements can be tracked.

    It is writeable, of numpy's own class, in C or F order without gaps, and an element's bytes are its whole value.
    """
    if type(value) is not np.ndarray:
        return False
    dtype, flags = value.dtype, value.flags
    return bool(flags.forc and flags.writeable and dtype.char in SIMPLE and dtype.itemsize and not dtype.metadata)


def flat(buffer: Array) -> Array:
    """Return a one-dimensional view, in memory order, of an array in C or F order."""
    return buffer.reshape(-1, order="A")


def flat_index(at: Index, buffer: Array) -> int:
    """Return where an element lies in `flat(buffer)`. Raises IndexError where there is none, else TypeError."""
    given = at if isinstance(at, tuple) else (at,)
    if len(given) != buffer.ndim or any(type(index) is bool for index in given):
        raise TypeError(
            f"an accumulation at {at!r} needs one integer index for each axis, and the array has {buffer.ndim}"
        )
    offset = 0
    for index, size, stride in zip(given, buffer.shape, buffer.strides, strict=True):
        if not -size <= index < size:
            raise IndexError(f"index {index} is out of bounds for an axis of size {size}")
        offset += operator.index(index) % size * stride
    return offset // buffer.itemsize


def differing(one: Array, other: Array) -> Array:
    """Return a mask of the elements whose bits differ, of two flat arrays of one size and dtype."""
    size = one.itemsize
    if one.dtype.kind == "c":
        half = np.dtype(f"u{size // 2}")
        parts = one.view(half) != other.view(half)
        either: Array = parts[::2] | parts[1::2]
        return either
    bits = np.dtype(f"u{size}" if size in _WORDS else f"V{size}")
    found: Array = one.view(bits) != other.view(bits)
    return found


def positions(part: Array, whole: Array) -> slice | Array:
    """Return where the bytes of `part`, a view, lie in the flat array of bytes `whole`: sorted, and none twice."""
    first = _address(part) - _address(whole)
    if part.flags.forc:
        return slice(first, first + part.size)
    found: Any = first
    for size, stride in zip(part.shape, part.strides, strict=True):
        found = np.add.outer(found, np.arange(size) * stride)
    return _distinct(found.reshape(-1))


def union(spans: list[slice], scattered: list[Array]) -> slice | Array:
    """Return all indices of spans and arrays of indices, sorted, and none twice."""
    merged: list[slice] = []
    for span in sorted(spans, key=operator.attrgetter("start")):
        if merged and span.start <= merged[-1].stop:
            merged[-1] = slice(merged[-1].start, max(merged[-1].stop, span.stop))
        else:
            merged.append(span)
    if len(merged) == 1 and not scattered:
        return merged[0]
    parts = [np.arange(span.start, span.stop) for span in merged]
    if scattered:
        return _distinct(np.concatenate([*parts, *scattered]))
    return np.concatenate(parts) if parts else slice(0, 0)


def indices(mask: Array) -> slice | Array:
    """Return where a mask is true; neighbours without a gap are one slice."""
    count = int(np.count_nonzero(mask))
    first = int(mask.argmax()) if count else 0
    return slice(first, first + count) if mask[first : first + count].all() else np.flatnonzero(mask)


def chosen(where: slice | Array, mask: Array) -> slice | Array:
    """Return those of these sorted indices for which the mask is true."""
    if isinstance(where, slice):
        found = indices(mask)
        if isinstance(found, slice):
            return slice(where.start + found.start, where.start + found.stop)
        found += where.start
        return found
    rest: Array = where[mask]
    if len(rest) and rest[-1] - rest[0] == len(rest) - 1:
        return slice(int(rest[0]), int(rest[-1]) + 1)
    return rest


def _distinct(where: Array) -> Array:
    """Return the indices sorted, and none twice."""
    ordered = np.sort(where)
    first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def _address(array: Array) -> int:
    return int(array.__array_interface__["data"][0])
