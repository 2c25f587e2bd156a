"""What a step sees in tracked execution: an object that tells its superstep what is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from asc_toy.state import Accumulating, Index, State, plain_state


class Superstep(Protocol):
    """What the state asks (`asc_toy.tracking.superstep.Superstep`)."""

    def read(self, name: str) -> Any:
        """Return a word that the state's own dictionary does not have yet."""

    def read_all(self) -> dict[str, Any]:
        """Read every word; return the state's own dictionary."""

    def refuse(self, why: str) -> None:
        """Raise the error for what a transition cannot express."""

    def note_deleted(self, name: str) -> None:
        """Note that the state's own dictionary has lost a word."""

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Record an increment."""


class TrackedState(Accumulating):
    """What a step sees in tracked execution. It answers as the plain object for which it stands."""

    __slots__ = ("_superstep",)

    def __getattr__(self, name: str) -> Any:
        try:
            return _superstep_of(self).read(name)
        except AttributeError as error:
            error.obj = self
            raise

    @property
    def __dict__(self) -> dict[str, Any]:  # vars(state) asks for it
        return _superstep_of(self).read_all()

    @__dict__.setter
    def __dict__(self, words: object) -> None:
        if words is not vars(self):  # as it is after `vars(state) |= …`
            _superstep_of(self).refuse("The step replaces the state's dictionary.")

    @property  # isinstance asks for it
    def __class__(self) -> type:
        return State

    @__class__.setter
    def __class__(self, cls: Any) -> None:
        _superstep_of(self).refuse("The step changes the state's class.")

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Record the increment apart while nothing reads the word itself."""
        _superstep_of(self).accumulate(operation, name, value, at)

    def __dir__(self) -> Any:
        return plain_state(vars(self)).__dir__()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return plain_state(vars(self)).__reduce_ex__(protocol)


class DeletableState(TrackedState):
    """A tracked state for steps that delete attributes. Noticing that slows every assignment down."""

    __slots__ = ()

    def __delattr__(self, name: str) -> None:
        getattr(self, name, None)  # reads the word, or notes its absence
        super().__delattr__(name)
        _superstep_of(self).note_deleted(name)


own_dictionary: Callable[[TrackedState], dict[str, Any]] = Accumulating.__dict__["__dict__"].__get__
"""Returns a state's own dictionary, past the property that replaces it."""

_slot: Any = vars(TrackedState)["_superstep"]
attach: Callable[[TrackedState, Superstep], None] = _slot.__set__
"""Tells a new state which superstep it belongs to."""

_superstep_of: Callable[[TrackedState], Superstep] = _slot.__get__
del TrackedState._superstep  # type: ignore[attr-defined]  # all names are the step's own
for _class in (TrackedState, DeletableState):
    _class.__module__, _class.__name__, _class.__qualname__ = State.__module__, State.__name__, State.__qualname__
