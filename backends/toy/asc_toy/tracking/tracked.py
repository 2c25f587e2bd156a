"""Tracked execution: what a superstep read before it wrote it, and what it changed.

Tracking words costs almost nothing. The tracked state starts empty, and the first read of a word calls `__getattr__`,
which records the value and stores it in the instance's dictionary. Every later read is an ordinary attribute access.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from asc.types import Transition
from asc.words import Word, bits
from asc_toy.program import Step
from asc_toy.state import (
    NAMES,
    OPERATIONS,
    Array,
    Index,
    State,
    is_name,
    is_word,
    no_word,
    require_integer,
    require_integers,
    with_arrays,
)
from asc_toy.tracking.arrays import TrackedArray
from asc_toy.tracking.elements import Elements, ElementTracker, Flags
from asc_toy.tracking.guarded import GuardedArray, alias, guarded
from asc_toy.tracking.increments import ElementIncrements, suits


class Effect(NamedTuple):
    """What a superstep changed, and which arrays it relied on. `Transition.causal` has the words it relied on."""

    words: dict[str, Word]  # written words
    increments: dict[str, tuple[str, int]]  # by word, which must be an int: operation and operand
    elements: dict[str, Elements]  # by array: written elements
    element_increments: dict[str, ElementIncrements]  # by array
    unwritten: frozenset[str]  # arrays that were read before anything had written them: nothing may have by now
    reads: dict[str, Elements]  # by array that had been written: elements that were read before they were written

    @property
    def nbytes(self) -> int:
        """Approximate bytes in memory."""
        words = 64 * (len(self.words) + len(self.increments))
        elements = sum(elements.nbytes for elements in (*self.elements.values(), *self.reads.values()))
        return words + elements + 64 * sum(map(len, self.element_increments.values()))

    def fits(self, words: Mapping[str, Word], buffers: Mapping[str, Array]) -> bool:
        """Whether every increment can be applied at once: the words are integers, and the elements have room."""
        return all(type(words.get(name)) is int for name in self.increments) and all(
            increments.fits(buffers[name].reshape(-1)) for name, increments in self.element_increments.items()
        )


class TrackedState(State):
    """The state of one superstep. It reads words from the base and keeps written words to itself."""

    __slots__ = ("_base", "_element_pending", "_failed", "_handles", "_pending", "_reads", "_store", "_trackers")

    def __init__(self, base: Mapping[str, Word], store: ArrayStore) -> None:
        self._base, self._store = base, store
        self._reads: dict[str, Word | None] = {}  # words; None: there was no word of this name
        self._pending: dict[str, tuple[str, int]] = {}  # increments of words that nothing has read
        self._handles: dict[str, GuardedArray | TrackedArray] = {}
        self._trackers: dict[str, ElementTracker] = {}
        self._element_pending: dict[str, ElementIncrements] = {}  # of arrays that nothing has opened
        self._failed: Exception | None = None

    def __getattr__(self, name: str) -> Any:
        if name not in self._base:
            if name.startswith("_"):
                raise AttributeError(name)
            self._reads[name] = None
            raise no_word(name, {**self._base, **self.__dict__}, self._store.buffers)
        value = self._reads[name] = self._base[name]
        pending = self._pending.pop(name, None)
        if pending is not None:
            value = OPERATIONS[pending[0]](value, pending[1])  # type: ignore[arg-type]
        self.__dict__[name] = value
        return value

    @property
    def _arrays(self) -> TrackedState:
        return self

    def __getitem__(self, name: str) -> GuardedArray | TrackedArray:
        """Open an array, for its property."""
        handle = self._handles.get(name)
        return self._open(name) if handle is None else handle

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Record the increment apart while nothing reads the word itself."""
        require_integer(operation, name, value)
        if at is not None:
            try:
                self._accumulate_element(operation, name, value, at)
            except Exception as error:
                self._failed = error
                raise
            return
        words = self.__dict__
        if name not in words:
            pending = self._pending.get(name)
            if pending is None and type(self._base.get(name)) is int:
                self._pending[name] = (operation, value)
                return
            if pending is not None and pending[0] == operation:
                self._pending[name] = (operation, OPERATIONS[operation](pending[1], value))
                return
            if name in self._store.buffers:
                raise no_word(name, self._base, self._store.buffers)
        words[name] = OPERATIONS[operation](getattr(self, name), value)

    def _transition(self, start: int, steps: int) -> Transition:
        """Return what was read before it was written, and what changed, as a transition.

        Raises again what an accumulation has raised, even if the step caught it: a plain run may raise at another
        place.
        """
        if self._failed is not None:
            raise self._failed
        words, reads = self.__dict__, self._reads
        changed = {name: value for name, value in words.items() if value is not reads.get(name, self)}
        require_words(changed)
        opened = self._handles.items()
        effect = Effect(
            changed,
            {name: pending for name, pending in self._pending.items() if name not in words},
            {name: tracker.written_elements() for name, tracker in self._trackers.items() if tracker.was_written},
            self._element_pending,
            frozenset(name for name, handle in opened if type(handle) is not TrackedArray),
            {
                name: self._trackers[name].read_elements()
                for name, handle in opened
                if type(handle) is TrackedArray and self._trackers[name].was_read
            },
        )
        causal = {name: None if value is None else bits(value) for name, value in reads.items()}
        return Transition(start, steps, effect, effect.nbytes + 64 * len(causal), "", causal)

    def _undo(self) -> None:
        """Restore the buffers as they were at the start of the superstep."""
        for tracker in self._trackers.values():
            tracker.undo()

    def _close(self) -> None:
        """Give back what tracking needed. The state must not be used any more."""
        for tracker in self._trackers.values():
            tracker.release()

    def _open(self, name: str) -> GuardedArray | TrackedArray:
        tracker = self._trackers[name] = ElementTracker(self._store.buffers[name], self._store.spare[name])
        written = name in self._store.written
        handle = TrackedArray(tracker) if written else guarded(tracker.buffer, tracker)
        self._handles[name] = handle
        pending = self._element_pending.pop(name, None)
        if pending is not None:  # the step reads the array after all
            try:
                tracker.increment(pending)
            except OverflowError as error:
                self._failed = error
                raise
        return handle

    def _accumulate_element(self, operation: str, name: str, value: int, at: Index) -> None:
        buffer = self._store.buffers[name]
        require_integers(operation, name, buffer)
        index = _flat_index(at, buffer)
        if name not in self._handles:
            pending = self._element_pending.get(name)
            if pending is None and suits(operation, value, buffer):
                pending = self._element_pending[name] = ElementIncrements(operation)
            if pending is not None and pending.operation == operation and suits(operation, value, buffer):
                pending.fold(index, value)
                return
            self._open(name)
        increments = ElementIncrements(operation)
        increments.fold(index, value)
        self._trackers[name].increment(increments)


class ArrayStore:
    """The arrays' buffers, and which arrays have ever been written.

    `handles` are the arrays as untracked execution sees them, `spare` holds unused flags for tracked execution.
    """

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.buffers = arrays
        self.written: set[str] = set()
        self.spare: dict[str, list[Flags]] = {name: [] for name in arrays}
        self.tracked_class = with_arrays(TrackedState, arrays)
        self.handles: dict[str, Array] = {}
        for name, buffer in arrays.items():
            self.handles[name] = guarded(buffer, FirstWrite(self, name))

    def mark_written(self, name: str) -> None:
        """From now on, track this array by element in tracked execution, and leave it unguarded in untracked."""
        self.written.add(name)
        self.handles[name] = self.buffers[name]


class FirstWrite:
    """Notices the first write of untracked execution to an array that has only been read so far."""

    def __init__(self, store: ArrayStore, name: str) -> None:
        self._store, self._name = store, name

    def write(self, key: Any, value: Any, part: Array | None = None) -> None:
        """Mark the array as written, then write."""
        buffer = self._store.buffers[self._name]
        self._store.mark_written(self._name)
        (buffer if part is None else alias(buffer, buffer, part))[key] = value


def require_words(words: Mapping[str, Any]) -> None:
    """Refuse values that are no words, and names that no word can have."""
    for name, value in words.items():
        if not is_word(value):
            raise TypeError(
                f"state.{name} was set to a {type(value).__name__}; a word holds int, float, bool, bytes, str or a "
                "plain numpy scalar. An array must be part of the initial state."
            )
        if not is_name(name):
            raise TypeError(f"state.{name} was set, which cannot name a word: {NAMES}")


def run_tracked(
    step: Step, words: Mapping[str, Word], store: ArrayStore, start: int, steps: int, *, keep: bool = False
) -> Transition:
    """Run `steps` tracked and return what they read and changed. The words stay unchanged.

    The buffers are restored afterwards, whatever is raised. With `keep`, what was written stays in them, and the caller
    applies the effect; OverflowError is raised where the effect does not fit.
    """
    state = store.tracked_class(words, store)
    kept = False
    try:
        for _ in range(steps):
            step(state)
        transition = state._transition(start, steps)
        if keep and not transition.effect.fits(words, store.buffers):
            raise OverflowError("a sum leaves the range of an array's elements")
        kept = keep
        return transition
    finally:
        if not kept:
            state._undo()
        state._close()


def apply_effect(effect: Effect, words: dict[str, Word], store: ArrayStore) -> None:
    """Apply an effect to words and buffers."""
    words.update(effect.words)
    for name, (operation, operand) in effect.increments.items():
        words[name] = OPERATIONS[operation](words[name], operand)  # type: ignore[arg-type]
    for name, elements in effect.elements.items():
        store.buffers[name].reshape(-1)[elements.where] = elements.values
        store.mark_written(name)
    for name, increments in effect.element_increments.items():
        increments.apply(store.buffers[name].reshape(-1))
        store.mark_written(name)


def _flat_index(at: Index, buffer: Array) -> int:
    given = at if isinstance(at, tuple) else (at,)
    if len(given) != buffer.ndim or any(type(index) is bool for index in given):
        raise TypeError(
            f"an accumulation at {at!r} needs one integer index for each axis, and the array has {buffer.ndim}"
        )
    indices = []
    for index, size in zip(given, buffer.shape, strict=True):
        if not -size <= index < size:
            raise IndexError(f"index {index} is out of bounds for an axis of size {size}")
        indices.append(index % size)
    return int(np.ravel_multi_index(tuple(indices), buffer.shape))
