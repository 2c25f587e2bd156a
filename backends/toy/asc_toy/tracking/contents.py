"""What is known about a program's arrays and containers: which of them still have the contents of the start."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import numpy as np

from asc.words import Word, bits
from asc_toy.content import content, memories_of, same_array
from asc_toy.state import Array
from asc_toy.tracking.effect import Layout, is_scalar, weight
from asc_toy.tracking.elements import ElementTracker
from asc_toy.tracking.marks import Flags
from asc_toy.tracking.memory import SIMPLE

_LONG = 1024  # bytes or characters: so long a word is not sent, hashed or kept while it is as it was at the start
_ENOUGH = 4  # supersteps that have used an array before it is asked whether they used it as a whole


class Contents:
    """Arrays and containers count as constant until a difference is found, and as changing from then on.

    `pristine` holds the program's initial values, which nothing changes.
    """

    def __init__(self, pristine: Mapping[str, Any]) -> None:
        self.pristine = {name: value for name, value in pristine.items() if not is_scalar(value)}
        self.constant = set(self.pristine)
        texts = {name: value for name, value in pristine.items() if type(value) in (bytes, str)}
        self.long = {name: value for name, value in texts.items() if len(value) > _LONG}
        self.discarded: set[str] = set()  # constants that a failed superstep has changed: replace them
        self.by_element = True
        """Whether arrays may be tracked by element: some code refuses them, or takes them for another thing."""
        self._digests: dict[str, bytes] = {}
        self._weighed: dict[str, tuple[int, float]] = {}  # bytes of a container, and the position until which they do
        self._with_memory: dict[str, bool] = {}
        self._spare: dict[tuple[str, Layout], list[Flags]] = {}
        self._used: dict[str, list[int]] = {}  # supersteps in which a step used an array; and as a whole

    def is_pristine(self, name: str, value: Any) -> bool:
        """Whether a value has the contents that the word had at the start."""
        first = self.pristine[name]
        if type(first) is np.ndarray and first.dtype.char in SIMPLE:
            return _is_alike(first, value) and same_array(first, value)
        return type(value) is type(first) and content(value) == self.digest(name)

    def is_given(self, name: str, value: Word) -> bool:
        """Whether a scalar word is a long text, or long bytes, and has the value of the start."""
        first = self.long.get(name)
        return first is not None and (value is first or (type(value) is type(first) and value == first))

    def bits(self, name: str, value: Word) -> Hashable:
        """Return the bits of a scalar word; a short sign for them where it is long, and as it was at the start."""
        return ("start", name) if self.long and self.is_given(name, value) else bits(value)

    def digest(self, name: str) -> bytes:
        """Return the content digest of a word at the start."""
        if name not in self._digests:
            self._digests[name] = content(self.pristine[name])
        return self._digests[name]

    def has_memory(self, name: str) -> bool:
        """Whether a word held an array at the start, or several."""
        if name not in self._with_memory:
            self._with_memory[name] = any(True for _ in memories_of(self.pristine[name]))
        return self._with_memory[name]

    def nbytes(self, name: str, value: Any, position: int) -> int:
        """Return the approximate bytes of a word. A container is weighed seldom: a large one takes long."""
        if isinstance(value, np.ndarray) and not value.dtype.hasobject:
            return int(value.nbytes)
        nbytes, until = self._weighed.get(name, (0, -1.0))
        if position > until:
            nbytes, until = weight(value), 1.25 * position
            self._weighed[name] = nbytes, until
        return nbytes

    def changed(self, names: Iterable[str]) -> None:
        """From now on, these count as changing."""
        self.constant.difference_update(names)

    def tracker(self, name: str, array: Array) -> ElementTracker:
        """Track an array by element, or as a whole where most supersteps use all of it."""
        used, opened = self._used.get(name, (0, 0))
        whole = not self.by_element or (used >= _ENOUGH and 8 * opened > 7 * used)
        return ElementTracker(array, self._spare.setdefault((name, Layout.of(array)), []), whole=whole)

    def note(self, name: str, *, opened: bool) -> None:
        """Take a superstep's use of an array into account."""
        count = self._used.setdefault(name, [0, 0])
        count[0] += 1
        count[1] += opened


def _is_alike(first: Array, value: Any) -> bool:
    """Whether a value is an array in all that a step can see but its elements."""
    return (
        type(value) is np.ndarray
        and value.dtype == first.dtype
        and value.dtype.str == first.dtype.str
        and value.shape == first.shape
        and value.strides == first.strides
        and value.flags.writeable == first.flags.writeable
    )
