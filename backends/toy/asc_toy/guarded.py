"""Arrays that cannot be written past the state: read-only views that pass their writes on to whoever keeps account."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from asc_toy.state import Array


class Writer(Protocol):
    """Where a guarded array's writes go."""

    def write(self, key: Any, value: Any, part: Array | None = None) -> None:
        """Carry out `array[key] = value`, or `part[key] = value` for a view of a part of the array."""


class GuardedArray(np.ndarray[Any, Any]):
    """A read-only view whose item assignment and in-place operators go to a writer, as do those of views of it.

    Reading is numpy's own. A copy is of this class too, but has its own memory and no writer.
    """

    _writer: Writer | None = None
    _whole = True

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._writer is not None:
            self._writer.write(key, value, None if self._whole else self)
        elif isinstance(self.base, GuardedArray) and self.base._writer is not None and not self.flags.writeable:
            self.base._writer.write(key, value, self)
        else:
            super().__setitem__(key, value)

    def __array_wrap__(self, array: Array, context: Any = None, return_scalar: bool = False) -> Any:
        """Results are ordinary: arrays of numpy's own class, and scalars from reductions."""
        plain = np.asarray(array)
        return plain[()] if return_scalar or not plain.ndim else plain

    def __repr__(self) -> str:
        return repr(np.asarray(self))  # what a step makes of it must not tell how it is run


def guarded(memory: Array, writer: Writer, *, whole: bool = True) -> GuardedArray:
    """Guard a buffer, or with `whole` false a view of a part of it; the memory itself stays writable for the writer."""
    view = memory.view(GuardedArray)
    view.flags.writeable = False
    view._writer = writer
    view._whole = whole
    return view


def alias(cells: Array, buffer: Array, part: Array) -> Array:
    """Return the elements of `cells`, writable, that lie as those of `buffer` lie which `part` shows.

    `cells` and `buffer` are contiguous and of one shape. Raises ValueError where the part shows no whole elements.
    """
    size, scale = buffer.itemsize, cells.itemsize
    if part.dtype != buffer.dtype or any(stride % size for stride in part.strides):
        raise ValueError("assignment destination is read-only, since it shows an array of the state as another dtype")
    if not part.size:
        return np.empty(part.shape, cells.dtype)
    first = (part.ctypes.data - buffer.ctypes.data) // size
    memory = cells.reshape(-1).view(np.uint8)
    strides = tuple(stride // size * scale for stride in part.strides)
    return np.ndarray(part.shape, cells.dtype, memory.data, first * scale, strides)


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    operation: Callable[[Any, Any], Any] = getattr(operator, name)
    usual: Callable[[Any, Any], Any] = getattr(np.ndarray, f"__{name}__")

    def operate(self: GuardedArray, other: Any) -> Any:
        if self.flags.writeable:
            return usual(self, other)
        self[...] = operation(np.array(self, subok=False), other)
        return self

    return operate


for _name in (
    "iadd",
    "isub",
    "imul",
    "itruediv",
    "ifloordiv",
    "imod",
    "ipow",
    "iand",
    "ior",
    "ixor",
    "ilshift",
    "irshift",
    "imatmul",
):
    setattr(GuardedArray, f"__{_name}__", _in_place(_name))
