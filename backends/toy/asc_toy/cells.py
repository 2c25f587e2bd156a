"""Cells: elements of an array, which of them a superstep has read before writing them, and which it has written."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from asc_toy.guarded import alias, guarded
from asc_toy.increments import CellIncrements
from asc_toy.state import OPERATIONS, Array


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


Flags = tuple[bytearray, bytearray]  # one byte an element: read before it was written, written


class CellTracker:
    """Which elements of one array a superstep has read before writing, and which it has written.

    `spare` holds flags for this array that nobody uses, all zero: where an array is large, new ones cost more than most
    supersteps.
    """

    __slots__ = ("_before", "_flags", "_kept", "_spare", "buffer", "read", "read_mask", "written", "written_mask")

    def __init__(self, buffer: Array, spare: list[Flags] | None = None) -> None:
        self.buffer = buffer
        self._spare = [] if spare is None else spare
        self._flags: Flags | None = None
        self._before: list[tuple[Any, Any, Array | None]] = []  # key, what was there, the part that the key is of
        self._kept = 0  # bytes of that; once there are as many as the array has, a copy of the whole takes its place

    def track(self) -> None:
        """Have flags; what is only read as a whole needs none."""
        if self._flags is None:
            size, shape = self.buffer.size, self.buffer.shape
            self._flags = self._spare.pop() if self._spare else (bytearray(size), bytearray(size))
            self.read, self.written = self._flags
            self.read_mask = np.frombuffer(self.read, bool).reshape(shape)
            self.written_mask = np.frombuffer(self.written, bool).reshape(shape)

    def release(self) -> None:
        """Give the flags back; the tracker is not used any more."""
        if self._flags is not None:
            self.read_mask[...] = self.written_mask[...] = False
            self._spare.append(self._flags)
            self._flags = None

    def get(self, key: Any) -> Any:
        """Return `buffer[key]`, as a value or a guarded view, and note what was read."""
        found = self.buffer[key]
        self.read_mask[key] |= ~self.written_mask[key]
        if isinstance(found, np.ndarray) and np.may_share_memory(found, self.buffer):
            return guarded(found, self, whole=False)
        return found

    def whole(self) -> Array:
        """Return the array as a read-only view of numpy's own class, and note that all of it was read."""
        self.read_mask |= ~self.written_mask
        view = self.buffer.view()
        view.flags.writeable = False
        return view

    def write(self, key: Any, value: Any, part: Array | None = None) -> None:
        """Carry out `buffer[key] = value`, or `part[key] = value` for a view of a part, and note what was written."""
        self.track()
        if type(key) is not int:
            key = frozen(key)
        cells, mask = self.buffer, self.written_mask
        if part is not None:
            cells, mask = alias(cells, self.buffer, part), alias(mask, self.buffer, part)
        if self._kept < self.buffer.nbytes or not self._before:
            self._keep(key, np.array(cells[key]), part)
        try:
            cells[key] = value
        except BaseException:  # a step may catch it, and nobody knows how far the write has come
            self.read_mask |= ~self.written_mask
            self.written_mask[...] = True
            raise
        mask[key] = True

    def increment(self, pending: CellIncrements) -> None:
        """Carry accumulations out, as reads and writes. Raises OverflowError where they may leave the range."""
        self.track()
        if not pending.fits(self.buffer.reshape(-1)):
            raise OverflowError(f"a sum may leave the range of {self.buffer.dtype}")
        for index, operand in pending.operands.items():
            at = np.unravel_index(index, self.buffer.shape)
            self.write(at, OPERATIONS[pending.operation](int(self.get(at)), operand))

    def read_cells(self) -> Cells:
        """Return the elements read before written, with the values they had at the start."""
        if not self._before:
            return Cells.of(self.buffer.reshape(-1), self.read_mask.reshape(-1))
        return Cells.of(self._restored(self.buffer.copy()).reshape(-1), self.read_mask.reshape(-1))

    @property
    def was_read(self) -> bool:
        """Whether any element was read before it was written."""
        return bool(self.read_mask.any())

    @property
    def touched(self) -> bool:
        """Whether anything was written."""
        return bool(self._before)

    def written_cells(self) -> Cells:
        """Return the elements written, with their values now."""
        return Cells.of(self.buffer.reshape(-1), self.written_mask.reshape(-1))

    def undo(self) -> None:
        """Put back what was there before the first write."""
        self._restored(self.buffer)

    def _keep(self, key: Any, was: Array, part: Array | None) -> None:
        self._before.append((key, was, part))
        self._kept += was.nbytes
        if self._kept >= self.buffer.nbytes:  # by a few elements many times over, it may be
            self._before = [(..., self._restored(self.buffer.copy()), None)]

    def _restored(self, cells: Array) -> Array:
        """Turn the present elements into those from before the first write, in place."""
        for key, was, part in reversed(self._before):
            target = cells if part is None else alias(cells, self.buffer, part)
            target[key] = was
        return cells


def frozen(key: Any) -> Any:
    """Return an index that a write cannot change, though it be made of the very array that is written."""
    match key:
        case None | int() | np.generic():
            return key
        case tuple():
            return tuple(frozen(part) for part in key)
        case slice():
            bounds = (key.start, key.stop, key.step)
            return slice(*(None if bound is None else operator.index(bound) for bound in bounds))
    return key if key is Ellipsis or (isinstance(key, list) and not key) else np.array(key)
