"""Tracked execution: what a superstep reads before it writes it, and what it changes.

Tracking words costs little. The tracked state starts empty, and the first read of a word calls `__getattr__`, which
notes the word and stores its value in the instance's dictionary. Every later read is an ordinary attribute access.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from asc.types import Transition
from asc_toy.ambient import Watch, isolated
from asc_toy.content import SharedError, claim, content, duplicate, overlaps
from asc_toy.program import Program
from asc_toy.state import (
    OPERATIONS,
    Array,
    Index,
    accumulate_element,
    integer,
    require_number,
)
from asc_toy.tracking.arrays import BLIND
from asc_toy.tracking.contents import Contents
from asc_toy.tracking.effect import Effect, Held, Layout, is_scalar
from asc_toy.tracking.elements import Elements, ElementTracker
from asc_toy.tracking.flags import Signal, collected_flags, looks_at_flags
from asc_toy.tracking.increments import ElementIncrements, suits
from asc_toy.tracking.memory import differing, flat, flat_index, is_by_element
from asc_toy.tracking.outside import Outside, outside
from asc_toy.tracking.states import DeletableState, TrackedState, attach, own_dictionary

_MISSING = object()


class UntrackableError(Exception):
    """The superstep does what a transition cannot express; plain steps can do it."""


class Superstep:
    """What a tracked superstep has read and written so far.

    `base` holds the values at the start; it stays unchanged. Arrays that are tracked by element, and constants, are
    changed in place: `undo` restores them.
    """

    def __init__(
        self,
        base: Mapping[str, Any],
        contents: Contents,
        is_constant: Callable[[str], bool],
        outside: Outside,
        state: TrackedState,
    ) -> None:
        self._base, self._contents, self._is_constant = base, contents, is_constant
        self._own: dict[str, Any] = own_dictionary(state)
        self._given: dict[str, Any] = {}  # what the step got for each word that it has read
        self._absent: set[str] = set()  # names that the step asked for, and that there were not
        self._deleted: dict[str, None] = {}  # in order
        self._named = False  # whether the step has looked at all names
        self._pending: dict[str, tuple[str, int]] = {}  # increments of words that nothing has read
        self._element_pending: dict[str, ElementIncrements] = {}  # of arrays that nothing has read
        self._trackers: dict[str, ElementTracker] = {}
        self._constants: set[str] = set()  # constants that the step got
        self._starts: dict[str, bytes] = {}  # digests of changing containers
        self._outside = outside
        self._failed: Exception | None = None
        self.violated: set[str] = set()  # constants that the superstep has changed; known at its end

    def read(self, name: str) -> Any:
        """Return a word that the state's own dictionary does not have yet. Raises AttributeError as an object would."""
        known = self._named or name in self._deleted
        if known or name not in self._base:
            if not known:
                self._absent.add(name)
            raise AttributeError(f"'State' object has no attribute {name!r}", name=name)
        value = self._given[name] = self._base[name]
        if is_scalar(value):
            pending = self._pending.pop(name, None)
            if pending is not None:
                value = OPERATIONS[pending[0]](value, pending[1])
        else:
            try:
                value = self._given[name] = self._open(name, value)
            except Exception as error:
                self._failed = error  # even if the step catches it: a plain step has no such error
                raise
        self._own[name] = value
        return value

    def read_all(self) -> dict[str, Any]:
        """Read every word; return the state's own dictionary, in the order that a plain object's would have."""
        if not self._named:
            own, before = self._own, dict(self._own)
            own.clear()
            for name in self._base:
                if name in before and name not in self._deleted:
                    own[name] = before[name]
                elif name not in self._deleted:
                    self.read(name)
            for name, value in before.items():
                own.setdefault(name, value)
            self._named = True
        return self._own

    def refuse(self, why: str) -> None:
        """Note what a transition cannot express, even if the step catches the error. Raises UntrackableError."""
        self._failed = UntrackableError(why)
        raise self._failed

    def note_deleted(self, name: str) -> None:
        """Note that the state's own dictionary has lost a word."""
        self._deleted[name] = None

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Record an increment apart, or apply it where the word has been read."""
        if type(value) is not int:
            try:
                value = integer(operation, name, value)
            except TypeError as error:
                self._failed = error  # even if the step catches it: a plain step adds any kind of int
                raise
        there = name in self._own or self._named or name in self._deleted
        present = None if there else self._base.get(name)
        if at is not None:
            try:
                self._accumulate_element(operation, name, value, at, present)
            except Exception as error:
                self._failed = error  # even if the step catches it: plain steps may raise at another place
                raise
            return
        pending = self._pending.get(name)
        if type(present) is int and pending is None:
            self._pending[name] = (operation, value)
        elif type(present) is int and pending is not None and pending[0] == operation:
            self._pending[name] = (operation, OPERATIONS[operation](pending[1], value))
        else:
            now = self._own[name] if name in self._own else self.read(name)
            require_number(operation, name, now)
            self._own[name] = OPERATIONS[operation](now, value)

    def transition(self, start: int, steps: int, *, ended: bool, flags: Sequence[Signal] = ()) -> Transition:
        """Return what was read before it was written, and what changed; `flags` were raised in the decimal context.

        Raises UntrackableError where that cannot be expressed, and again what an accumulation has raised.
        """
        if self._failed is not None:
            raise self._failed
        try:
            effect = self._effect(ended, flags)
        except (SharedError, TypeError) as error:
            raise UntrackableError(str(error)) from error
        scalars = ((name, self._base[name]) for name in self._given if name not in self._trackers)
        causal: dict[str, Any] = {name: self._contents.bits(name, value) for name, value in scalars if is_scalar(value)}
        causal |= {name: ("content", digest) for name, digest in self._starts.items()}
        causal |= dict.fromkeys(self._absent)
        return Transition(start, steps, effect, effect.nbytes + 64 * len(causal), "", causal)

    @property
    def has_handles(self) -> bool:
        """Whether the step got an array that is tracked by element."""
        return any(tracker.handle is not tracker.array for tracker in self._trackers.values())

    def learn(self) -> None:
        """Note which arrays the step used as a whole."""
        for name, tracker in self._trackers.items():
            self._contents.note(name, opened=tracker.opened)

    def undo(self) -> set[str]:
        """Restore arrays as they were at the start; return the constants that must be replaced by new ones.

        A container of the same contents may hold other parts, such as those of another word.
        """
        for tracker in self._trackers.values():
            tracker.undo()
        return {
            name
            for name in self._constants
            if not (is_by_element(self._base[name]) and self._contents.is_pristine(name, self._base[name]))
        }

    def close(self) -> None:
        """Give back what tracking needed. The state must not be used any more."""
        for tracker in self._trackers.values():
            tracker.release()

    def _open(self, name: str, value: Any) -> Any:
        constant = self._is_constant(name)
        if constant:
            self._constants.add(name)
        if not is_by_element(value):
            if constant:
                return value
            self._starts[name] = content(value)
            return duplicate(value)
        pending = self._element_pending.pop(name, None)
        if pending is not None and not pending.fits(flat(value)):
            raise OverflowError(f"a sum may leave the range of {value.dtype}")
        if constant:
            if pending is not None:
                pending.apply(flat(value))
            return value
        tracker = self._trackers[name] = self._contents.tracker(name, value)
        if pending is not None:
            tracker.increment(pending)
        return tracker.handle

    def _accumulate_element(self, operation: str, name: str, value: int, at: Index, present: Any) -> None:
        if is_by_element(present) and present.dtype.kind in "iu":
            pending = self._element_pending.get(name)
            index = flat_index(at, present)
            if pending is None and suits(operation, value, present):
                pending = self._element_pending[name] = ElementIncrements(operation)
            if pending is not None and pending.operation == operation and suits(operation, value, present):
                pending.fold(index, value)
                return
        if name not in self._own:
            self.read(name)
        accumulate_element(operation, name, value, at, self._own[name])

    def _effect(self, ended: bool, flags: Sequence[Signal]) -> Effect:
        elements = {name: tracker.written_elements() for name, tracker in self._trackers.items() if tracker.was_written}
        arrays = {name: self._base[name] for name in self._given if is_by_element(self._base[name])}
        sources = {id(self._given[name]): name for name in arrays}
        sources |= {id(tracker.array): name for name, tracker in self._trackers.items()}
        owners: MutableMapping[int, str] = ChainMap({id(self._own): "vars(state)"}, self._outside.owners)
        for name, value in arrays.items():
            claim(value, owners, name)
        digests: dict[str, bytes] = {}
        words: dict[str, Any] = {}
        for name in self._constants:
            self._compare_constant(name, elements, owners, digests)
        for name, value in self._own.items():
            if value is self._given.get(name, _MISSING) and name not in self._deleted:
                if name in self._starts and (digest := content(value, owners, name)) != self._starts[name]:
                    digests[name] = digest
                if name in digests:
                    words[name] = value
            elif id(value) in sources:
                words[name] = Held(sources[id(value)])
            else:
                words[name] = value
                if is_by_element(value):
                    claim(value, owners, name)
                elif not is_scalar(value):
                    digests[name] = content(value, owners, name)
        self._separate(words, arrays, sources)
        touched = {*self._trackers, *self._element_pending, *elements}
        touched |= {value.name for value in words.values() if type(value) is Held}
        gone = [name for name in (self._base if self._named else self._given) if name not in self._own]
        return Effect(
            words,
            digests={name: digest for name, digest in digests.items() if name in words},
            deleted=tuple(dict.fromkeys([*self._deleted, *gone])),
            increments={name: pending for name, pending in self._pending.items() if name not in self._own},
            elements=elements,
            element_increments={name: one for name, one in self._element_pending.items() if name not in self._own},
            layouts={name: Layout.of(self._base[name]) for name in touched},
            constants=frozenset(self._constants),
            reads={name: tracker.read_elements() for name, tracker in self._trackers.items() if tracker.was_read},
            names=tuple(self._base) if self._named else None,
            order=tuple(self._own) if self._named else None,
            ended=ended,
            flags=tuple(flags),
        )

    def _compare_constant(
        self, name: str, elements: dict[str, Elements], owners: MutableMapping[int, str], digests: dict[str, bytes]
    ) -> None:
        """Find what the superstep has changed in a constant, by whatever way."""
        value = self._base[name]
        if is_by_element(value):
            if self._contents.is_pristine(name, value):
                return
            mask = differing(flat(value), flat(self._contents.pristine[name]))
            elements[name] = Elements.of(flat(value), mask)
        elif (digest := content(value, owners, name)) != self._contents.digest(name):
            digests[name] = digest
        else:
            return
        self.violated.add(name)

    def _separate(self, words: dict[str, Any], arrays: Mapping[str, Array], sources: Mapping[int, str]) -> None:
        """Give written words memory of their own, as a leap does. Refuse an end at which two words share memory."""
        holders: dict[int, str] = {}
        for name, value in self._own.items():
            if id(value) in sources:
                claim(arrays[sources[id(value)]], holders, name)
        written = {name: value for name, value in words.items() if type(value) is not Held and not is_scalar(value)}
        others = {
            name: value
            for name, value in self._own.items()
            if not is_scalar(value)
            and id(value) not in sources
            and (name in words or name not in self._constants or self._contents.has_memory(name))
        }
        held = {holders[id(array)]: array for array in arrays.values() if id(array) in holders}
        if others and (shared := overlaps(self._outside.arrays | held | others)):
            raise UntrackableError(f"The arrays {shared} share memory.")
        left = {f"{name}, as it was": array for name, array in arrays.items() if id(array) not in holders}
        if left and overlaps(left | written):  # memory that the next superstep may use
            words.update({name: duplicate(value) for name, value in written.items()})


def run_tracked(
    program: Program,
    base: Mapping[str, Any],
    contents: Contents,
    is_constant: Callable[[str], bool],
    watch: Watch,
    start: int,
    steps: int,
) -> tuple[Superstep, Transition]:
    """Run up to `steps` tracked; fewer where the program's own condition ends it.

    `is_constant` says whether a word of `base` has the contents that the program started with.

    Where something is raised, the arrays are restored first, and constants that must be replaced are `discarded`.
    """
    if looks_at_flags(watch.reach.names):
        raise UntrackableError("The step may ask for the flags of the decimal context, or clear them.")
    state = (DeletableState if watch.reach.deletes else TrackedState)()
    superstep = Superstep(base, contents, is_constant, outside(watch), state)
    attach(state, superstep)
    if watch.reach.catches or not BLIND.isdisjoint(watch.reach.names_applied):
        contents.by_element = False  # the step may tell a tracked array from a real one
    step, until, done, ended = program.paced, program.until, 0, False
    try:
        with isolated(watch), collected_flags() as flags:
            while done < steps and not ended:
                step(state)
                done += 1
                ended = until is not None and bool(until(state))
        transition = superstep.transition(start, done, ended=ended, flags=flags)
        if not transition.effect.fits(base):
            raise OverflowError("a sum may leave the range of an array's elements")
        superstep.learn()
    except BaseException as error:
        if isinstance(error, TypeError) and superstep.has_handles:
            contents.by_element = False  # compiled code may have refused a tracked array; next time it gets a real one
        contents.discarded |= superstep.undo()
        superstep.close()
        raise
    return superstep, transition
