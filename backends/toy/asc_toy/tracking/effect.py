"""What a superstep changed, and what it relied on beside the words that `Transition.causal` has."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Collection, Mapping, MutableMapping
from itertools import islice
from typing import Any, NamedTuple

import numpy as np

from asc_toy.content import content, duplicate
from asc_toy.state import OPERATIONS, Array
from asc_toy.tracking.elements import Elements
from asc_toy.tracking.flags import Signal, raise_flags
from asc_toy.tracking.increments import ElementIncrements
from asc_toy.tracking.memory import SIMPLE, flat, is_by_element

_SAMPLE = 64  # parts of a container that are weighed at most
_SCALARS = frozenset({bool, int, float, bytes, str, *(np.dtype(char).type for char in SIMPLE)})


def is_scalar(value: object) -> bool:
    """Whether a value is a word in the core's sense (`asc.words.Word`), which predictors see."""
    return type(value) in _SCALARS


class Held(NamedTuple):
    """Stands for the array that a word held at the start of the superstep, where another word has it at the end."""

    name: str


class Layout(NamedTuple):
    """What an array must be, for elements to be found in it by their place in memory."""

    dtype: str
    shape: tuple[int, ...]
    fortran: bool

    @classmethod
    def of(cls, array: Array) -> Layout:
        """Return the layout of an array that is tracked by element."""
        return cls(array.dtype.str, array.shape, not array.flags.c_contiguous)

    def fits(self, value: object) -> bool:
        """Whether a value is an array of this layout."""
        return is_by_element(value) and Layout.of(value) == self  # type: ignore[arg-type]

    def empty(self) -> Array:
        """Make an array of this layout, of zeros."""
        return np.zeros(self.shape, self.dtype, "F" if self.fortran else "C")


class Effect(NamedTuple):
    """What a superstep changed, and which arrays and containers it relied on."""

    words: dict[str, Any]
    """Written words, in the order of writing: scalars, new arrays and containers, or `Held`."""

    digests: dict[str, bytes] = {}  # noqa: RUF012 -- never changed by default
    """Of the containers among them. A pickle does not bring everything back, so they are compared once on arrival."""

    deleted: tuple[str, ...] = ()
    """Words that were deleted; one that was set again afterwards is also among the written."""

    increments: Mapping[str, tuple[str, int]] = {}
    """Of words that nothing read, which must be ints: operation and operand."""

    elements: Mapping[str, Elements] = {}
    """Written elements, by array."""

    element_increments: Mapping[str, ElementIncrements] = {}
    """By array."""

    layouts: Mapping[str, Layout] = {}
    """Of every array whose elements were read, written or incremented."""

    constants: frozenset[str] = frozenset()
    """Arrays and containers that were relied on with the contents that the program started with."""

    reads: Mapping[str, Elements] = {}
    """Elements that were read before they were written, by changing array."""

    names: tuple[str, ...] | None = None
    """All names in their order, if the step looked at them (`vars(state)`)."""

    order: tuple[str, ...] | None = None
    """All names in their order at the end, in the same case."""

    ended: bool = False
    """Whether the program's own condition (`until`) holds at the end."""

    flags: tuple[Signal, ...] = ()
    """The flags of the decimal context that were raised."""

    @property
    def nbytes(self) -> int:
        """Approximate bytes in memory."""
        elements = sum(elements.nbytes for elements in (*self.elements.values(), *self.reads.values()))
        words = sum(weight(value) for value in self.words.values()) + 64 * len(self.increments)
        return words + elements + 64 * sum(map(len, self.element_increments.values()))

    def relied_on(self) -> set[str]:
        """Return the changing arrays whose contents matter: those that were read, or moved to another word."""
        return {*self.reads, *(value.name for value in self.words.values() if type(value) is Held)}

    def is_intact(self) -> bool:
        """Whether the written containers are what the superstep has left; asked before the first use."""
        intact = all(content(self.words[name]) == digest for name, digest in self.digests.items())
        if intact:
            self.digests.clear()
        return intact

    def fits(self, words: Mapping[str, Any]) -> bool:
        """Whether the effect can be applied: arrays have the layout, sums have room, incremented words are ints."""
        return (
            all(layout.fits(words.get(name)) for name, layout in self.layouts.items())
            and all(type(words.get(name)) is int for name in self.increments)
            and all(increments.fits(flat(words[name])) for name, increments in self.element_increments.items())
        )

    def apply(self, words: MutableMapping[str, Any], *, elements: bool = True) -> set[str]:
        """Change `words`, and the arrays that they hold in place; return the names of changed arrays and containers.

        Without `elements`, the arrays have the written elements already.
        """
        start = {name: words[name] for name in self.layouts}
        changed = {*self.elements, *self.element_increments, *self.deleted}
        if elements:
            for name, written in self.elements.items():
                flat(start[name])[written.where] = written.values
        for name, increments in self.element_increments.items():
            increments.apply(flat(start[name]))
        for name, (operation, operand) in self.increments.items():
            words[name] = OPERATIONS[operation](words[name], operand)
        for name in self.deleted:
            words.pop(name, None)
        for name, value in self.words.items():
            if not (is_scalar(value) and is_scalar(words.get(name, 0))):
                changed.add(name)
            if type(value) is Held:
                words[name] = start[value.name]
            else:
                words[name] = value if is_scalar(value) else duplicate(value)
        for name in self.order or ():
            words[name] = words.pop(name)
        raise_flags(self.flags)
        return changed


def weight(value: object) -> int:
    """Approximate bytes of a value in memory. Of a large container, some parts stand for all."""
    total, seen, waiting = 0.0, set[int](), [(value, 1.0)]
    while waiting:
        part, times = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        total += times * (int(part.nbytes) + 128 if isinstance(part, np.ndarray) else sys.getsizeof(part, 64))
        for parts in _held_by(part):
            every = -(-len(parts) // _SAMPLE) or 1
            waiting += [(each, every * times) for each in islice(parts, 0, None, every)]
    return int(total)


def _held_by(value: object) -> tuple[Collection[object], ...]:
    if isinstance(value, dict):
        return value.keys(), value.values()
    if isinstance(value, list | tuple | set | frozenset | deque):
        return (value,)
    if isinstance(value, type | np.ndarray):
        return ()
    return (getattr(value, "__dict__", {}).values(),)
