"""Tracked execution: what a superstep read before writing it, and what it changed.

Words are tracked at almost no cost: the tracked state starts empty, the first read of a word comes by `__getattr__`,
which notes it and puts it into the instance's dictionary; everything after that is an ordinary attribute.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from asc.types import Transition
from asc.words import WORD_TYPES, Word, bits
from asc_toy.arrays import Cells, CellTracker, StampedArray, TrackedArray, stamped
from asc_toy.program import Step
from asc_toy.state import OPERATIONS, Array, Index, State, require_integer, with_arrays


class Effect(NamedTuple):
    """What a superstep did, and which cells it relied on. The words it relied on are in `Transition.causal`."""

    words: dict[str, Word]
    increments: dict[str, tuple[str, int]]  # word: operation, operand
    cells: dict[str, Cells]
    cell_increments: dict[str, tuple[str, dict[int, int]]]  # array: operation, operand by flat index
    stamps: frozenset[str]  # arrays that must never have been written
    reads: dict[str, Cells]

    @property
    def nbytes(self) -> int:
        """Roughly what it takes to keep."""
        words = 64 * (len(self.words) + len(self.increments))
        cells = sum(cells.nbytes for cells in (*self.cells.values(), *self.reads.values()))
        return words + cells + 64 * sum(len(by_index) for _, by_index in self.cell_increments.values())


class TrackedState(State):
    """One superstep's state: reads through to the base, keeps what is written to itself."""

    __slots__ = ("_base", "_cell_pending", "_handles", "_pending", "_reads", "_store", "_trackers")

    def __init__(self, base: Mapping[str, Word], store: ArrayStore) -> None:
        self._base, self._store = base, store
        self._reads: dict[str, Word] = {}
        self._pending: dict[str, tuple[str, int]] = {}
        self._handles: dict[str, StampedArray | TrackedArray] = {}
        self._trackers: dict[str, CellTracker] = {}
        self._cell_pending: dict[str, tuple[str, dict[int, int]]] = {}

    def __getattr__(self, name: str) -> Any:
        if name not in self._base:
            known = ", ".join(sorted([*self._base, *self._store.buffers])) or "nothing"
            raise AttributeError(f"the state has no word {name!r}; it has {known}", name=name)
        value = self._reads[name] = self._base[name]
        pending = self._pending.pop(name, None)
        if pending is not None:
            value = OPERATIONS[pending[0]](value, pending[1])  # type: ignore[arg-type]
        self.__dict__[name] = value
        return value

    @property
    def _arrays(self) -> TrackedState:
        return self

    def __getitem__(self, name: str) -> StampedArray | TrackedArray:
        """Open an array: this is what its property calls."""
        handle = self._handles.get(name)
        return self._open(name) if handle is None else handle

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Keep the increment apart while nobody looks at the word itself."""
        require_integer(operation, name, value)
        if at is not None:
            self._accumulate_cell(operation, name, value, at)
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
        words[name] = OPERATIONS[operation](getattr(self, name), value)

    def transition(self, start: int, steps: int) -> Transition:
        """Return what was read before it was written, and what changed, as a cache entry."""
        words, reads = self.__dict__, self._reads
        changed = {name: value for name, value in words.items() if value is not reads.get(name, self)}
        require_words(changed)
        opened = self._handles.items()
        effect = Effect(
            changed,
            {name: pending for name, pending in self._pending.items() if name not in words},
            {name: tracker.written_cells() for name, tracker in self._trackers.items() if tracker.start is not None},
            self._cell_pending,
            frozenset(name for name, handle in opened if isinstance(handle, StampedArray)),
            {name: self._trackers[name].read_cells() for name, handle in opened if isinstance(handle, TrackedArray)},
        )
        causal = {name: bits(value) for name, value in reads.items()}
        return Transition(start, steps, effect, effect.nbytes + 64 * len(causal), "", causal)

    def undo(self) -> None:
        """Put the buffers back to the start of the superstep."""
        for tracker in self._trackers.values():
            tracker.undo()

    def _open(self, name: str) -> StampedArray | TrackedArray:
        tracker = self._trackers[name] = CellTracker(self._store.buffers[name])
        written = name in self._store.written
        handle = TrackedArray(tracker) if written else stamped(tracker.buffer, tracker)
        self._handles[name] = handle
        operation, pending = self._cell_pending.pop(name, ("add", {}))
        for index, operand in pending.items():  # somebody looks at the array after all
            at = np.unravel_index(index, tracker.buffer.shape)
            tracker.write(at, OPERATIONS[operation](int(tracker.get(at)), operand))
        return handle

    def _accumulate_cell(self, operation: str, name: str, value: int, at: Index) -> None:
        buffer = self._store.buffers[name]
        index = _flat_index(at, buffer)
        if name not in self._handles:
            known, pending = self._cell_pending.setdefault(name, (operation, {}))
            if known == operation:
                pending[index] = OPERATIONS[operation](pending[index], value) if index in pending else value
                return
            self._open(name)
        tracker = self._trackers[name]
        place = np.unravel_index(index, buffer.shape)
        tracker.write(place, OPERATIONS[operation](int(tracker.get(place)), value))


class ArrayStore:
    """The arrays' buffers, and which of them anything has ever written."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        self.buffers = arrays
        self.written: set[str] = set()
        self.tracked_class = with_arrays(TrackedState, arrays)
        self.handles: dict[str, Array] = {}
        for name, buffer in arrays.items():
            self.handles[name] = stamped(buffer, FirstWrite(self, name))

    def mark_written(self, name: str) -> None:
        """From now on this array is tracked by element wherever it is tracked, and plain where it is not."""
        self.written.add(name)
        self.handles[name] = self.buffers[name]


class FirstWrite:
    """Catches the first write of untracked execution to an array that was only read so far."""

    def __init__(self, store: ArrayStore, name: str) -> None:
        self._store, self._name = store, name

    def write(self, key: Any, value: Any) -> None:
        """Mark the array as written and write."""
        self._store.mark_written(self._name)
        self._store.buffers[self._name][key] = value


def require_words(words: Mapping[str, Any]) -> None:
    """Refuse values that are not words."""
    for name, value in words.items():
        if not isinstance(value, WORD_TYPES):
            raise TypeError(
                f"state.{name} was set to a {type(value).__name__}; a word holds int, float, bool, bytes or str. "
                "Arrays must be part of the initial state."
            )


def run_tracked(step: Step, words: Mapping[str, Word], store: ArrayStore, steps: int) -> TrackedState:
    """Run `steps` on a tracked state; the base words stay as they are, the buffers are written and can be undone."""
    state = store.tracked_class(words, store)
    try:
        for _ in range(steps):
            step(state)
    except BaseException:
        state.undo()
        raise
    return state


def apply_effect(effect: Effect, words: dict[str, Word], store: ArrayStore) -> None:
    """Carry an effect out on plain words and buffers."""
    words.update(effect.words)
    for name, (operation, operand) in effect.increments.items():
        words[name] = OPERATIONS[operation](words[name], operand)  # type: ignore[arg-type]
    for name, cells in effect.cells.items():
        store.buffers[name].reshape(-1)[cells.where] = cells.values
        store.mark_written(name)
    for name, (operation, operands) in effect.cell_increments.items():
        flat = store.buffers[name].reshape(-1)
        for index, operand in operands.items():
            flat[index] = OPERATIONS[operation](int(flat[index]), operand)
        store.mark_written(name)


def _flat_index(at: Index, buffer: Array) -> int:
    given = at if isinstance(at, tuple) else (at,)
    if len(given) != buffer.ndim or buffer.dtype.kind not in "iu":
        raise TypeError(
            f"an accumulation at {at!r} needs an integer array with {len(given)} axes; "
            f"this one has dtype {buffer.dtype} and {buffer.ndim}"
        )
    places = []
    for index, size in zip(given, buffer.shape, strict=True):
        if not -size <= index < size:
            raise IndexError(f"index {index} is out of bounds for an axis of size {size}")
        places.append(index % size)
    return int(np.ravel_multi_index(tuple(places), buffer.shape))
