"""What is known about a program's arrays and containers: which of them still have the contents of the start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from asc_toy.content import content, memories_of, same_array
from asc_toy.state import Array
from asc_toy.tracking.effect import Layout, is_scalar
from asc_toy.tracking.elements import ElementTracker
from asc_toy.tracking.marks import Flags
from asc_toy.tracking.memory import SIMPLE

_ENOUGH = 4  # supersteps that have used an array before it is asked whether they used it as a whole


class Contents:
    """Arrays and containers count as constant until a difference is found, and as changing from then on.

    `pristine` holds the program's initial values, which nothing changes.
    """

    def __init__(self, pristine: Mapping[str, Any]) -> None:
        self.pristine = {name: value for name, value in pristine.items() if not is_scalar(value)}
        self.constant = set(self.pristine)
        self.discarded: set[str] = set()  # constants that a failed superstep has changed: replace them
        self.by_element = True
        """Whether arrays may be tracked by element: some code refuses them, or takes them for another thing."""
        self._digests: dict[str, bytes] = {}
        self._with_memory: dict[str, bool] = {}
        self._spare: dict[tuple[str, Layout], list[Flags]] = {}
        self._used: dict[str, list[int]] = {}  # supersteps in which a step used an array; and as a whole

    def is_pristine(self, name: str, value: Any) -> bool:
        """Whether a value has the contents that the word had at the start."""
        first = self.pristine[name]
        if type(first) is np.ndarray and first.dtype.char in SIMPLE:
            return _is_alike(first, value) and same_array(first, value)
        return type(value) is type(first) and content(value) == self.digest(name)

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
