"""The state that plain steps run on: as quick as the user's own object.

CPython keeps the attributes of a new object in the object itself, and reaches them fastest there. Once `vars` is asked
for, they are in a dictionary for good. A computation asks for `vars` between its stretches of plain steps, so each
stretch runs on a new object. A step cannot tell, since that is done only where nothing else refers to the old one.
"""

from __future__ import annotations

import math
import sys
import time
import weakref
from typing import Any

from asc_toy.content import MOST, renew
from asc_toy.state import State, plain_state

_WORTH_S = 5e-5  # seconds of a stretch for which a new object, in one or two microseconds, is worth its price
_SHARE = 0.03  # of a stretch that may go into new objects within the words
_FADING = 0.98  # what is left of their price after a stretch without: it may have been high by chance


class RunningState:
    """A state, which is a `State` between stretches of plain steps."""

    def __init__(self, words: dict[str, Any]) -> None:
        self.state = plain_state(words)
        self._class = _state_class()
        self._usual: tuple[str, ...] = ()  # names that were found to be usual ones
        self._renewal_s = 0.0  # seconds that it likely takes to make the objects within the words anew

    def start(self, seconds: float = math.inf) -> State:
        """Return the state for a stretch of plain steps, which is expected to take so long."""
        self._renew(seconds)
        if seconds > _WORTH_S and self._is_only_here():
            state: State = object.__new__(self._class)
            for name, value in self.state.__dict__.items():
                setattr(state, name, value)
            self.state = state
        return self.state

    def stop(self) -> None:
        """End a stretch of plain steps."""
        state = self.state
        if type(state) is self._class:
            _set_class(state, State)
            if type(state.__dict__) is dict and sys.getrefcount(state.__dict__) == _ALONE:
                state.__dict__ = {**state.__dict__}

    def _renew(self, seconds: float) -> None:
        """Make the objects within the words anew, where that takes a small part of the stretch."""
        if _SHARE * seconds < self._renewal_s:
            self._renewal_s *= _FADING
            return
        began = time.perf_counter()
        renew(self.state.__dict__)
        taken = time.perf_counter() - began
        self._renewal_s = min(taken, 2 * self._renewal_s) if self._renewal_s else taken

    def _is_only_here(self) -> bool:
        """Whether nothing else refers to the state or to its dictionary, and its words are set as any attribute is."""
        return (
            type(self.state) is State
            and sys.getrefcount(self.state) == _ALONE
            and not weakref.getweakrefcount(self.state)
            and type(self.state.__dict__) is dict
            and sys.getrefcount(self.state.__dict__) == _ALONE
            and self._are_usual(self.state.__dict__)
        )

    def _are_usual(self, words: dict[str, Any]) -> bool:
        names = tuple(words)
        if names != self._usual:
            if len(names) > MOST or any(type(name) is not str or hasattr(State, name) for name in names):
                return False
            self._usual = names
        return True


_ALONE = 2  # references to what one attribute holds, as `sys.getrefcount` counts its own argument too

_set_class: Any = vars(object)["__class__"].__set__


def _state_class() -> type[State]:
    """Return a class for the states of one program, whose instances answer as a `State`.

    Instances keep attributes in themselves only while all instances of their class have few names together.
    """

    class Running(State):
        def __new__(cls) -> Any:  # for a step that calls `type(state)`
            return State()

        @property
        def __class__(self) -> type:  # pickle and `singledispatch` ask for it
            return State

        @__class__.setter
        def __class__(self, cls: Any) -> None:
            _set_class(self, cls)

        def __reduce_ex__(self, protocol: Any) -> Any:  # so that copies are quite ordinary
            reduced: Any = super().__reduce_ex__(protocol)
            make, (_, *arguments), *others = reduced
            return make, (State, *arguments), *others

    Running.__module__, Running.__name__, Running.__qualname__ = State.__module__, State.__name__, State.__qualname__
    return Running
