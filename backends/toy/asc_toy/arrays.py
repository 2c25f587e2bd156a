"""Arrays as a step function sees them: stamped until something writes them, tracked by element from then on.

A stamped array is read at numpy's own speed, and the whole of it counts as read. A tracked one notes which elements
were read before they were written. Both hand out values or read-only views; writing goes through the name:
`state.a[key] = value`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from asc_toy.state import Array


class Cells(NamedTuple):
    """Some elements of an array: where they are in flat order, and their values."""

    where: slice | Array
    values: Array

    @classmethod
    def of(cls, flat: Array, mask: Array) -> Cells:
        """Take the masked elements of a flat array; neighbours without a gap are one slice."""
        found = np.flatnonzero(mask)
        if len(found) and found[-1] - found[0] == len(found) - 1:
            where = slice(int(found[0]), int(found[-1]) + 1)
            return cls(where, flat[where].copy())
        return cls(found, flat[found])

    def agree(self, flat: Array) -> bool:
        """Whether the same elements have the same bits there."""
        return flat[self.where].tobytes() == self.values.tobytes()

    @property
    def nbytes(self) -> int:
        """Bytes that these cells take."""
        return int(self.values.nbytes) + (0 if isinstance(self.where, slice) else int(self.where.nbytes))


class Writer(Protocol):
    """Where a stamped array's writes go."""

    def write(self, key: Any, value: Any) -> None:
        """Carry out `array[key] = value`."""


class StampedArray(np.ndarray[Any, Any]):
    """A read-only view whose item assignment goes to a writer; slices of it, and results, have none."""

    _writer: Writer | None = None

    def __setitem__(self, key: Any, value: Any) -> None:
        if self._writer is None:
            super().__setitem__(key, value)
        else:
            self._writer.write(key, value)


def stamped(buffer: Array, writer: Writer) -> StampedArray:
    """Wrap a buffer; the buffer itself stays writable for the writer."""
    view = buffer.view(StampedArray)
    view.flags.writeable = False
    view._writer = writer
    return view


class CellTracker:
    """Which elements of one array a superstep has read before writing, and which it has written."""

    __slots__ = ("buffer", "read", "read_mask", "start", "written", "written_mask")

    def __init__(self, buffer: Array) -> None:
        self.buffer = buffer
        self.start: Array | None = None  # a copy from before the first write
        self.read, self.written = bytearray(buffer.size), bytearray(buffer.size)
        self.read_mask = np.frombuffer(self.read, bool).reshape(buffer.shape)
        self.written_mask = np.frombuffer(self.written, bool).reshape(buffer.shape)

    def get(self, key: Any) -> Any:
        """Return `buffer[key]`, as a value or a read-only view, and note what was read."""
        found = self.buffer[key]
        self.read_mask[key] |= ~self.written_mask[key]
        if isinstance(found, np.ndarray) and np.may_share_memory(found, self.buffer):
            found.flags.writeable = False
        return found

    def write(self, key: Any, value: Any) -> None:
        """Carry out `buffer[key] = value` and note what was written."""
        if self.start is None:
            self.start = self.buffer.copy()
        self.buffer[key] = value
        self.written_mask[key] = True

    def read_cells(self) -> Cells:
        """Return the elements read before written, with the values they had at the start."""
        before = self.buffer if self.start is None else self.start
        return Cells.of(before.reshape(-1), self.read_mask.reshape(-1))

    def written_cells(self) -> Cells:
        """Return the elements written, with their values now."""
        return Cells.of(self.buffer.reshape(-1), self.written_mask.reshape(-1))

    def undo(self) -> None:
        """Put back what was there before the first write."""
        if self.start is not None:
            self.buffer[...] = self.start


class TrackedArray(NDArrayOperatorsMixin):
    """Stands for an array whose elements are tracked; takes part in numpy expressions as a whole read."""

    __slots__ = ("_flat", "_tracker")

    def __init__(self, tracker: CellTracker) -> None:
        self._tracker = tracker
        self._flat = tracker.buffer.ndim == 1

    def __getitem__(self, key: Any) -> Any:
        tracker = self._tracker
        if type(key) is int and self._flat:  # the common case, three times as fast as by masks
            found = tracker.buffer[key]
            if not tracker.written[key]:
                tracker.read[key] = 1
            return found
        return tracker.get(key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._tracker.write(key, value)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        whole = self._tracker.get(...)
        return np.array(whole, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = (), **options: Any) -> Any:
        if not out:
            return getattr(ufunc, method)(*map(_plain, inputs), **options)
        results = tuple(np.array(target) for target in out)
        getattr(ufunc, method)(*map(_plain, inputs), out=results, **options)
        for target, result in zip(out, results, strict=True):
            target[...] = result
        return out[0] if len(out) == 1 else out

    def __iter__(self) -> Iterator[Any]:
        return iter(self._tracker.get(...))

    def __len__(self) -> int:
        return len(self._tracker.buffer)

    def __repr__(self) -> str:
        return repr(self._tracker.get(...))

    def __getattr__(self, name: str) -> Any:
        """Whatever else an array can do, it does on a read-only view of the whole."""
        if name in _SHAPE:
            return getattr(self._tracker.buffer, name)
        return getattr(self._tracker.get(...), name)


_SHAPE = frozenset(
    {"shape", "dtype", "ndim", "size", "itemsize", "nbytes"}
)  # fixed for good, so reading them is no read


def _plain(value: Any) -> Any:
    return value._tracker.get(...) if isinstance(value, TrackedArray) else value


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    def operate(self: StampedArray, other: Any) -> StampedArray:
        self[...] = getattr(np.array(self, subok=False), name)(other)
        return self

    return operate


for _name in (
    "add",
    "sub",
    "mul",
    "truediv",
    "floordiv",
    "mod",
    "pow",
    "and",
    "or",
    "xor",
    "lshift",
    "rshift",
    "matmul",
):
    setattr(StampedArray, f"__i{_name}__", _in_place(f"__i{_name}__"))
