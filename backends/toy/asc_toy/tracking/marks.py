"""Marks on the elements of an array, and where the marked elements are."""

from __future__ import annotations

from typing import Any

import numpy as np

from asc_toy.state import Array
from asc_toy.tracking.memory import flat_index, indices, positions, union
from asc_toy.tracking.operands import is_plain_index

READ, KEPT = 1, 2
"""Bits of a mark: something read the element before it was written; the element's value at the start is kept.

So 0 is an untouched element, 1 one that was read, 2 one that was written before anything read it, and 3 one that was
read and may have been written.
"""

_ELEMENT, _REGION, _DENSE, _SCATTERED = 10_000, 50_000, 40, 500
"""What notes cost, as the number of marks that a search passes in the time: for one element, and for a region, and for
each element of a region without gaps and with gaps."""


class Flags:
    """One array's marks, and the kept values. They are used again: a large array's take longer to make than to use.

    The code that marks elements also notes where they are. Then finding the marks and clearing them costs what was
    marked, however large the array is. Once the notes cost as much as a search of all marks, nothing more is noted.
    """

    __slots__ = ("_elements", "_regions", "_room", "everywhere", "flat", "kept", "marks", "shaped")

    def __init__(self, buffer: Array) -> None:
        self.kept = np.empty_like(buffer)
        self.marks = bytearray()  # in memory order, one byte an element; quicker to index than an array
        self.flat: Array = np.empty(0, np.uint8)  # the same memory
        self.shaped: Array = self.flat  # in the array's shape
        self._note_none()

    def prepare(self) -> bytearray:
        """Make the marks where there are none. An array that is only used as a whole needs none."""
        kept = self.kept
        if self.shaped.shape != kept.shape:
            self.marks = bytearray(kept.size)
            self.flat = np.frombuffer(self.marks, np.uint8)
            self.shaped = self.flat.reshape(kept.shape, order="C" if kept.flags.c_contiguous else "F")
        return self.marks

    def note_element(self, key: Any, mark: Any) -> None:
        """Note the element at this key before it is marked; `mark` is its present mark."""
        if self.everywhere or mark:
            return
        if is_plain_index(key) and self._pays(_ELEMENT):
            self._elements.append(flat_index(key, self.kept))
        else:
            self.note_all()

    def note_elements(self, where: Array) -> None:
        """Note the elements at these flat indices."""
        if self._pays(_ELEMENT * len(where)):
            self._elements += where.tolist()

    def note_region(self, here: Array) -> None:
        """Note the elements whose marks are in this view of `shaped`."""
        if self._pays(_REGION + here.size * (_DENSE if here.flags.forc else _SCATTERED)):
            self._regions.append(here)

    def note_all(self) -> None:
        """Note that any element may be marked."""
        self.everywhere = True
        self._elements.clear()
        self._regions.clear()

    def marked(self) -> slice | Array:
        """Return where elements are marked, or a slice that has them all."""
        if self.everywhere:
            mask = self.flat != 0
            many = np.count_nonzero(mask) * 8 > len(mask)
            return slice(0, len(mask)) if many else indices(mask)
        spans: list[slice] = []
        scattered = [np.array(self._elements, np.intp)] if self._elements else []
        for region in self._regions:
            where = positions(region, self.flat)
            if isinstance(where, slice):
                spans.append(where)
            else:
                scattered.append(where)
        return union(spans, scattered)

    def clear(self, where: slice | Array) -> None:
        """Clear the marks, which are there and nowhere else."""
        self.flat[where] = 0
        self._note_none()

    def _pays(self, cost: int) -> bool:
        """Whether one more note is worth its cost. If not, nothing more is noted."""
        self._room -= cost
        if self._room < 0:
            self.note_all()
        return not self.everywhere

    def _note_none(self) -> None:
        self.everywhere = False  # whether any element may be marked
        self._elements: list[int] = []  # flat indices
        self._regions: list[Array] = []  # views of `shaped`
        self._room = self.kept.size
