"""Elements of an array: which of them a superstep has read before it wrote them, and which it has written."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from asc_toy.content import same_array
from asc_toy.state import Array
from asc_toy.tracking.arrays import TrackedArray
from asc_toy.tracking.increments import ElementIncrements
from asc_toy.tracking.marks import KEPT, READ, Flags
from asc_toy.tracking.memory import chosen, differing, flat, indices
from asc_toy.tracking.operands import frozen, is_inert

_SMALL = 4096  # bytes: below that, comparing copies is quicker
_OFTEN = 4  # times its size: after so much use of an array it is asked whether all of it is marked


class Elements(NamedTuple):
    """Some elements of an array: their flat indices, in memory order, and their values."""

    where: slice | Array
    values: Array

    @classmethod
    def of(cls, flat: Array, mask: Array) -> Elements:
        """Take the masked elements of a flat array; neighbours without a gap are one slice."""
        return cls.at(flat, indices(mask))

    @classmethod
    def at(cls, flat: Array, where: slice | Array) -> Elements:
        """Take the elements at these indices."""
        return cls(where, flat[where].copy() if isinstance(where, slice) else flat[where])

    def agree(self, flat: Array) -> bool:
        """Whether the same elements of a flat array have the same bits."""
        present = flat[self.where]
        if present.nbytes < _SMALL:
            return present.tobytes() == self.values.tobytes()
        return same_array(present, self.values)

    @property
    def nbytes(self) -> int:
        """Bytes of indices and values."""
        return int(self.values.nbytes) + (0 if isinstance(self.where, slice) else int(self.where.nbytes))


class ElementTracker:
    """Tracks which elements of one array a superstep reads before it writes them, and which it writes.

    The superstep changes `buffer` itself, through `handle`. A part of the memory that the step gets as a view, or all
    of it once the array is `opened`, can be written in ways that no handle sees. All of such a part counts as read, its
    values are kept, and what differs at the end was written. With `whole` the array is open from the start, and the
    handle is an ordinary array. `spare` holds unused flags for this array.

    What was read and what was written is asked once the superstep has ended.
    """

    __slots__ = (
        "_bulk",
        "_direct",
        "_flags",
        "_spare",
        "_where",
        "_written",
        "array",
        "buffer",
        "fast",
        "handle",
        "kept",
        "marks",
    )

    def __init__(self, buffer: Array, spare: list[Flags], *, whole: bool = False) -> None:
        self.buffer = buffer
        self.array = buffer  # what the step sees of it; once opened, a view, whose shape and flags are the step's own
        self._direct = False  # whether everything is done to `array` itself
        self.fast = False  # whether the handle may use the marks by itself, for integer indices
        self.marks = bytearray()  # empty: nothing was touched so far, or all of it by opening
        self._bulk = 0  # elements that slices and expressions have touched since all marks were looked at
        self._spare = spare
        self._flags = spare.pop() if spare else Flags(buffer)
        self.kept = self._flags.kept
        self._where: slice | Array | None = None
        self._written: slice | Array | None = None
        self.handle: TrackedArray | Array = self.open() if whole else TrackedArray(self)

    def get(self, key: Any) -> Any:
        """Return `array[key]`, and note what was read: the step can write to a view."""
        if self._direct:
            return self.array[key]
        key = frozen(key)
        flags = self._touch()
        here = flags.shaped[key]
        if not isinstance(here, np.ndarray):
            self._note_element(key, here)
            if not here:
                flags.shaped[key] = READ
            self._open_if_marked(1)
        elif here.base is flags.flat:
            self._lend(key, here)
            self._open_if_marked(here.size)
        else:  # numpy copies the elements
            flags.note_all()
            flags.shaped[key] = here | (here == 0)
        return self.array[key]

    def set(self, key: Any, value: Any) -> None:
        """Do `array[key] = value`, and note what was written."""
        if self._direct:
            self.array[key] = value
            return
        key = frozen(key)
        flags, buffer, kept = self._touch(), self.buffer, self.kept
        here = flags.shaped[key]
        new = here < KEPT
        if not isinstance(here, np.ndarray):
            self._note_element(key, here)
            if new:
                kept[key] = buffer[key]
        elif here.base is flags.flat:
            flags.note_region(here)
            _keep(kept[key], buffer[key], new)
        else:
            flags.note_all()
            kept[key] = np.where(new, buffer[key], kept[key])
        try:
            if not is_inert(value):  # converting the value runs code, which may read what is written here
                flags.shaped[key] |= READ | KEPT
            buffer[key] = value
            flags.shaped[key] |= KEPT
        except BaseException:  # a step may catch it, and how much has been written is unknown
            flags.shaped[key] |= READ | KEPT
            raise
        self._open_if_marked(here.size)

    def set_one(self, key: int, value: Any) -> None:
        """Do the same for an element of a one-dimensional array whose handle is fast."""
        buffer, marks = self.buffer, self.marks
        try:
            known = marks[key] >= KEPT
        except IndexError:
            known = True  # numpy's own error follows
        if known:
            buffer[key] = value
            return
        self.kept[key] = buffer[key]
        try:
            buffer[key] = value
            marks[key] |= KEPT
        except BaseException:
            marks[key] |= READ | KEPT
            raise

    def read(self) -> Array:
        """Return the array to code that neither writes to it nor hands it on: all of it counts as read."""
        if not self._direct:
            marks = self._touch().flat
            self._flags.note_all()
            np.bitwise_or(marks, marks == 0, out=marks)
            self._open_if_marked(marks.size)
        return self.array

    def open(self) -> Array:
        """Return the array to code that may do anything with it: all of it counts as read, and is compared."""
        if not self._direct:
            if self.marks:
                self._lend(..., self._flags.shaped)
            else:
                np.copyto(self.kept, self.buffer)
            self.array = self.buffer.view()
            self._direct, self.fast, self._where, self._written = True, False, None, None
        return self.array

    def increment(self, increments: ElementIncrements) -> None:
        """Apply accumulations as reads and writes. Raises OverflowError where they may leave the range."""
        values = flat(self.buffer)
        if not increments.fits(values):
            raise OverflowError(f"a sum may leave the range of {self.buffer.dtype}")
        if not self._direct:
            flags = self._touch()
            where = np.fromiter(increments.operands, np.intp, len(increments))
            where = where[flags.flat[where] < KEPT]
            flags.note_elements(where)
            flat(self.kept)[where] = values[where]
            flags.flat[where] = READ | KEPT
        increments.apply(values)

    @property
    def opened(self) -> bool:
        """Whether the array was opened and all of it counts as read, so that `whole` would have been as good."""
        return self._direct and bool((self._flags.flat & READ).all() if self.marks else True)

    @property
    def was_read(self) -> bool:
        """Whether any element was read before it was written."""
        return bool(np.any(self._marks_there() & READ)) if self.marks else self._everything().stop > 0

    @property
    def was_written(self) -> bool:
        """Whether anything was written. Raises TypeError as `written_elements` does."""
        where = self._written_where()
        return bool(where.stop > where.start) if isinstance(where, slice) else len(where) > 0

    def read_elements(self) -> Elements:
        """Return the elements that were read before they were written, with their values at the start."""
        if not self.marks:
            return Elements.at(flat(self.kept), self._everything())
        where = chosen(self._marked(), self._marks_there() & READ != 0)
        kept = self._flags.flat[where] >= KEPT
        if kept.all():
            return Elements.at(flat(self.kept), where)
        elements = Elements.at(flat(self.buffer), where)
        if kept.any():
            np.copyto(elements.values, flat(self.kept)[where], where=kept)
        return elements

    def written_elements(self) -> Elements:
        """Return the elements that were written, with their present values.

        An element that was read counts as written only if its bits differ now. Raises TypeError where the step has
        changed the array itself, and not only its elements.
        """
        return Elements.at(flat(self.buffer), self._written_where())

    def undo(self) -> None:
        """Restore the values of the start."""
        where = chosen(self._marked(), self._marks_there() >= KEPT) if self.marks else self._everything()
        flat(self.buffer)[where] = flat(self.kept)[where]

    def release(self) -> None:
        """Give the flags back. The tracker must not be used any more."""
        if self.marks:
            self._flags.clear(self._marked())
        self.fast = False
        self._spare.append(self._flags)
        del self._flags, self.handle

    def _touch(self) -> Flags:
        """Return the flags, with marks."""
        if not self.marks:
            self.marks = self._flags.prepare()
        self._where = self._written = None
        return self._flags

    def _lend(self, key: Any, here: Array) -> None:
        """Prepare for a view at this key, whose marks these are."""
        self._flags.note_region(here)
        new = here < KEPT
        _keep(self.kept[key], self.buffer[key], new)
        np.bitwise_or(here, np.multiply(new, READ | KEPT, dtype=np.uint8), out=here)

    def _open_if_marked(self, size: int) -> None:
        """Open the array once every element is marked: that adds no read, and what follows is much faster."""
        self._bulk += size
        if self._bulk >= _OFTEN * self.buffer.size:
            self._bulk = 0
            if self._flags.flat.all():
                self.open()

    def _note_element(self, key: Any, mark: Any) -> None:
        self._flags.note_element(key, mark)
        self.fast = self._flags.everywhere and self.buffer.ndim == 1

    def _everything(self) -> slice:
        """Return where all elements are; where none are, if nothing was touched."""
        return slice(0, self.buffer.size if self._direct else 0)

    def _marked(self) -> slice | Array:
        """Return where elements may be marked. From now on the handle marks none by itself."""
        if self._where is None:
            self.fast = False
            self._where = self._flags.marked() if self.marks else self._everything()
        return self._where

    def _marks_there(self) -> Array:
        """Return the marks of these elements."""
        return self._flags.flat[self._marked()]

    def _written_where(self) -> slice | Array:
        if self._written is None:
            self._require_form()
            where = self._marked()
            if self.marks:
                marks = self._marks_there()
                written, unsure = marks == KEPT, marks == READ | KEPT
                if unsure.any():
                    written |= unsure & self._changed(where)
            else:
                written = self._changed(where)
            self._written = chosen(where, written)
        return self._written

    def _changed(self, where: slice | Array) -> Array:
        return differing(flat(self.buffer)[where], flat(self.kept)[where])

    def _require_form(self) -> None:
        """Refuse what elements cannot express."""
        array, buffer = self.array, self.buffer
        if (array.shape, array.strides, array.dtype) != (buffer.shape, buffer.strides, buffer.dtype) or (
            not array.flags.writeable
        ):
            raise TypeError(
                "the step changed the shape, the dtype or the flags of an array in place; give the name a new array "
                "instead, as in state.a = state.a.reshape(…).copy()"
            )


def _keep(kept: Array, present: Array, new: Array) -> None:
    """Keep the present values where they are new. A copy without a mask is much faster."""
    if new.all():
        kept[...] = present
    elif new.any():
        np.copyto(kept, present, where=new)
