"""Guarded arrays: read-only views that pass each write to a writer, so that no write to the state goes unnoticed."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from asc_toy.state import Array


class Writer(Protocol):
    """Receives the writes to a guarded array."""

    def write(self, key: Any, value: Any, part: Array | None = None) -> None:
        """Do `array[key] = value`, or `part[key] = value` for a view of a part of the array."""


class GuardedArray(np.ndarray[Any, Any]):
    """A read-only view whose item assignments and in-place operators go to a writer, and so do those of its views.

    Reading is numpy's own. A copy has this class too, but its own memory and no writer.
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
        return repr(np.asarray(self))  # a step must not see how it is run


def guarded(memory: Array, writer: Writer, *, whole: bool = True) -> GuardedArray:
    """Guard a buffer, or a view of a part of it if `whole` is false. The writer can still write to the memory."""
    view = memory.view(GuardedArray)
    view.flags.writeable = False
    view._writer = writer
    view._whole = whole
    return view


def alias(target: Array, buffer: Array, part: Array) -> Array:
    """Return a writable view of `target` at the indices of those elements of `buffer` that `part` shows.

    `target` and `buffer` are contiguous and have one shape. Raises ValueError where `part` shows no whole elements.
    """
    size, scale = buffer.itemsize, target.itemsize
    if part.dtype != buffer.dtype or any(stride % size for stride in part.strides):
        raise ValueError("assignment destination is read-only, since it shows an array of the state as another dtype")
    if not part.size:
        return np.empty(part.shape, target.dtype)
    first = (part.ctypes.data - buffer.ctypes.data) // size
    memory = target.reshape(-1).view(np.uint8)
    strides = tuple(stride // size * scale for stride in part.strides)
    return np.ndarray(part.shape, target.dtype, memory.data, first * scale, strides)


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
