"""numpy arrays of every dtype, order and class; and the comparison of two arrays at memory speed.

The result of a numpy operation depends on the layout of its operands, so the layout is content: C or F order, or else
the strides themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc_toy.content.kind import Columns, Head, Kind, UnsupportedError
from asc_toy.content.values import dtype_name

Array = NDArray[Any]
Bytes = NDArray[np.uint8]

_CHUNK = 1 << 17  # bytes: both arrays' chunks stay in the nearest caches
_WORD = np.uint64


def same_array(a: Array, b: Array) -> bool:
    """Whether two arrays of the same layout have the same bits; stops at the first chunk that differs."""
    if not a.flags.forc or a.dtype.hasobject or a.dtype.names:
        return all(bool(np.array_equal(x, y)) for x, y in zip(_pieces(a), _pieces(b), strict=True))
    x, y = _raw(a), _raw(b)
    whole = len(x) - len(x) % 8
    if not np.array_equal(x[whole:], y[whole:]):
        return False
    left, right = x[:whole].view(_WORD), y[:whole].view(_WORD)
    step = _CHUNK // 8
    differs = np.empty(min(step, len(left)), bool)
    for start in range(0, len(left), step):
        part = left[start : start + step]
        flags = np.not_equal(part, right[start : start + step], out=differs[: len(part)])
        if flags.any():
            return False
    return True


def in_order(array: Array) -> Array:
    """Return the elements, flat: in memory order and without a copy where the array has no gaps."""
    return (array if array.flags.c_contiguous or not array.flags.f_contiguous else array.T).reshape(-1)


def _raw(array: Array) -> Bytes:
    """Return the bytes of the elements of a simple dtype."""
    flat = np.ascontiguousarray(in_order(array))
    return flat.view(np.uint8) if flat.nbytes else np.empty(0, np.uint8)


def _pieces(array: Array) -> list[Bytes]:
    """Return the bytes of all fields, without padding, which means nothing."""
    if array.dtype.names is None:
        return [_raw(array)]
    return [piece for name in array.dtype.names for piece in _pieces(array[name])]


def _dtype_head(dtype: np.dtype[Any]) -> Any:
    if dtype.names is None or dtype.fields is None:
        return "O" if dtype.kind == "O" and not dtype.metadata else dtype_name(dtype)
    fields = [dtype.fields[name] for name in dtype.names]
    if dtype.type is not np.void or dtype.metadata or any(len(field) > 2 for field in fields):
        raise UnsupportedError(f"records of dtype {dtype}")
    inner = [(field[0].base, field[0].shape) for field in fields]
    if any(base.hasobject for base, _ in inner):
        raise UnsupportedError("a structured array with objects in it")
    formats = tuple((_dtype_head(base), shape) for base, shape in inner)
    return tuple(dtype.names), formats, tuple(field[1] for field in fields), dtype.itemsize, dtype.isalignedstruct


def _dtype_of(head: Any) -> np.dtype[Any]:
    if isinstance(head, str):
        return np.dtype(head)
    names, formats, offsets, itemsize, aligned = head
    return np.dtype(
        {
            "names": list(names),
            "formats": [(_dtype_of(base), shape) for base, shape in formats],
            "offsets": list(offsets),
            "itemsize": itemsize,
        },
        align=aligned,
    )


def _head(array: Array) -> Head:
    base, flags = np.asarray(array), array.flags
    dtype = _dtype_head(base.dtype)
    layout = "C" if flags.c_contiguous else "F" if flags.f_contiguous else array.strides
    pieces = () if dtype == "O" else tuple(_pieces(base))
    names = () if type(array) is np.ndarray else tuple(vars(array))
    return dtype, array.shape, layout, flags.writeable, names, *pieces


def _empty(shape: tuple[int, ...], dtype: np.dtype[Any], layout: Any) -> Array:
    if isinstance(layout, str):
        return np.empty(shape, dtype, order="C" if layout == "C" else "F")
    ends = [(count - 1) * stride for count, stride in zip(shape, layout, strict=True)]
    first = -sum(end for end in ends if end < 0)
    memory = np.zeros(first + sum(end for end in ends if end > 0) + dtype.itemsize, np.uint8)
    return np.ndarray(shape, dtype, memory.data, first, layout)


def _put(array: Array, pieces: Iterable[Bytes]) -> None:
    """Fill in what `_pieces` has taken; consumes one piece for each simple field."""
    if array.dtype.names is not None:
        for name in array.dtype.names:
            _put(array[name], pieces)
        return
    elements = next(iter(pieces)).view(array.dtype) if array.nbytes else array
    if array.flags.forc:
        in_order(array)[...] = elements.reshape(-1)
    else:
        array[...] = elements.reshape(array.shape)


def array_kind(cls: type[Any], name: str) -> Kind:
    """Return the kind of the arrays of a class; a subclass keeps its attributes (the mask of a masked array)."""

    def new(head: Head, _columns: Columns) -> Array:
        dtype, shape, layout, writeable, _names, *pieces = head
        array = _empty(shape, _dtype_of(dtype), layout)
        if dtype != "O":
            _put(array, iter(pieces))
            array.flags.writeable = writeable
        found: Array = array if cls is np.ndarray else array.view(cls)
        return found

    def columns(array: Any) -> Columns:
        attributes = [] if cls is np.ndarray else list(vars(array).values())
        return in_order(np.asarray(array)).tolist() if array.dtype.kind == "O" else [], attributes

    def fill(array: Any, head: Head, columns: Columns) -> None:
        elements, attributes = columns
        if head[0] == "O":
            flat = np.empty(len(elements), object)
            for index, element in enumerate(elements):
                flat[index] = element
            base = np.asarray(array)
            if base.flags.forc:
                in_order(base)[...] = flat
            else:
                base[...] = flat.reshape(base.shape)
            array.flags.writeable = head[3]
        if cls is not np.ndarray:
            vars(array).clear()
            vars(array).update(zip(head[4], attributes, strict=True))

    return Kind(name, _head, new, columns, fill, _place)


def _place(head: Head, _columns: Columns, column: int, index: int) -> str:
    if column:
        return f".{head[4][index]}"
    order: Callable[..., Any] = np.unravel_index
    at = order(index, head[1], order="F" if head[2] == "F" else "C")
    return "[" + ", ".join(str(int(number)) for number in at) + "]"
