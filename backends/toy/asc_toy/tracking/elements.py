"""Elements of an array: which of them a superstep has read before it wrote them, and which it has written."""

from __future__ import annotations

import operator
from typing import Any, NamedTuple

import numpy as np

from asc_toy.state import OPERATIONS, Array
from asc_toy.tracking.guarded import alias, guarded
from asc_toy.tracking.increments import ElementIncrements


class Elements(NamedTuple):
    """Some elements of an array: their flat indices and their values."""

    where: slice | Array
    values: Array

    @classmethod
    def of(cls, flat: Array, mask: Array) -> Elements:
        """Take the masked elements of a flat array; neighbours without a gap are one slice."""
        found = np.flatnonzero(mask)
        if len(found) and found[-1] - found[0] == len(found) - 1:
            where = slice(int(found[0]), int(found[-1]) + 1)
            return cls(where, flat[where].copy())
        return cls(found, flat[found])

    def agree(self, flat: Array) -> bool:
        """Whether the same elements of a flat array have the same bits."""
        return flat[self.where].tobytes() == self.values.tobytes()

    @property
    def nbytes(self) -> int:
        """Bytes of indices and values."""
        return int(self.values.nbytes) + (0 if isinstance(self.where, slice) else int(self.where.nbytes))


Flags = tuple[bytearray, bytearray]  # one byte an element: read before it was written; written


class ElementTracker:
    """Tracks which elements of one array a superstep reads before it writes them, and which it writes.

    `spare` holds unused flags for this array, all zero. Where an array is large, new flags cost more than most
    supersteps.
    """

    __slots__ = (
        "_flags",
        "_overwritten",
        "_saved_bytes",
        "_spare",
        "buffer",
        "read_flags",
        "read_mask",
        "written_flags",
        "written_mask",
    )

    def __init__(self, buffer: Array, spare: list[Flags] | None = None) -> None:
        self.buffer = buffer
        self._spare = [] if spare is None else spare
        self._flags: Flags | None = None
        self._overwritten: list[tuple[Any, Any, Array | None]] = []  # key, old values, the part that the key indexes
        self._saved_bytes = 0  # of the old values; from the size of the array on, one copy of the array replaces them

    def track(self) -> None:
        """Get flags. An array that is only read as a whole needs none."""
        if self._flags is None:
            size, shape = self.buffer.size, self.buffer.shape
            self._flags = self._spare.pop() if self._spare else (bytearray(size), bytearray(size))
            self.read_flags, self.written_flags = self._flags
            self.read_mask = np.frombuffer(self.read_flags, bool).reshape(shape)
            self.written_mask = np.frombuffer(self.written_flags, bool).reshape(shape)

    def release(self) -> None:
        """Give the flags back. The tracker must not be used any more."""
        if self._flags is not None:
            self.read_mask[...] = self.written_mask[...] = False
            self._spare.append(self._flags)
            self._flags = None

    def get(self, key: Any) -> Any:
        """Return `buffer[key]`, as a value or a guarded view, and mark what was read."""
        found = self.buffer[key]
        self.read_mask[key] |= ~self.written_mask[key]
        if isinstance(found, np.ndarray) and np.may_share_memory(found, self.buffer):
            return guarded(found, self, whole=False)
        return found

    def whole(self) -> Array:
        """Return the array as a read-only view of numpy's own class, and mark all of it as read."""
        self.read_mask |= ~self.written_mask
        view = self.buffer.view()
        view.flags.writeable = False
        return view

    def write(self, key: Any, value: Any, part: Array | None = None) -> None:
        """Do `buffer[key] = value`, or `part[key] = value` for a view of a part, and mark what was written."""
        self.track()
        if type(key) is not int:
            key = frozen(key)
        target, mask = self.buffer, self.written_mask
        if part is not None:
            target, mask = alias(target, self.buffer, part), alias(mask, self.buffer, part)
        if self._saved_bytes < self.buffer.nbytes or not self._overwritten:
            self._save(key, np.array(target[key]), part)
        try:
            target[key] = value
        except BaseException:  # a step may catch it, and which elements the write has reached is unknown
            self.read_mask |= ~self.written_mask
            self.written_mask[...] = True
            raise
        mask[key] = True

    def increment(self, increments: ElementIncrements) -> None:
        """Apply accumulations as reads and writes. Raises OverflowError where they may leave the range."""
        self.track()
        if not increments.fits(self.buffer.reshape(-1)):
            raise OverflowError(f"a sum may leave the range of {self.buffer.dtype}")
        for index, operand in increments.operands.items():
            at = np.unravel_index(index, self.buffer.shape)
            self.write(at, OPERATIONS[increments.operation](int(self.get(at)), operand))

    def read_elements(self) -> Elements:
        """Return the elements that were read before they were written, with their values at the start."""
        if not self._overwritten:
            return Elements.of(self.buffer.reshape(-1), self.read_mask.reshape(-1))
        return Elements.of(self._restored(self.buffer.copy()).reshape(-1), self.read_mask.reshape(-1))

    @property
    def was_read(self) -> bool:
        """Whether any element was read before it was written."""
        return bool(self.read_mask.any())

    @property
    def was_written(self) -> bool:
        """Whether anything was written."""
        return bool(self._overwritten)

    def written_elements(self) -> Elements:
        """Return the elements that were written, with their present values."""
        return Elements.of(self.buffer.reshape(-1), self.written_mask.reshape(-1))

    def undo(self) -> None:
        """Restore the values from before the first write."""
        self._restored(self.buffer)

    def _save(self, key: Any, old: Array, part: Array | None) -> None:
        self._overwritten.append((key, old, part))
        self._saved_bytes += old.nbytes
        if self._saved_bytes >= self.buffer.nbytes:  # a few elements, written many times, may reach it too
            self._overwritten = [(..., self._restored(self.buffer.copy()), None)]

    def _restored(self, values: Array) -> Array:
        """Turn the present values into those from before the first write, in place."""
        for key, old, part in reversed(self._overwritten):
            target = values if part is None else alias(values, self.buffer, part)
            target[key] = old
        return values


def frozen(key: Any) -> Any:
    """Return an index that a write cannot change, even where it consists of the array that is written."""
    match key:
        case None | int() | np.generic():
            return key
        case tuple():
            return tuple(frozen(part) for part in key)
        case slice():
            bounds = (key.start, key.stop, key.step)
            return slice(*(None if bound is None else operator.index(bound) for bound in bounds))
    return key if key is Ellipsis or (isinstance(key, list) and not key) else np.array(key)
