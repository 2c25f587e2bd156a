"""The user's own loop: an ordinary object, a step function, a `for` statement. It knows nothing of asc."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, NamedTuple

from fuzzing.subject import Loaded


class State:
    """An object with the accumulation methods that the documentation promises, each done at once."""

    __module__ = "asc_toy.state"  # the name of the class is part of some messages, and of what a word may hold

    def add(self, name: str, value: int, at: Any = None) -> None:
        _fold(self, operator.add, name, value, at)

    def minimum(self, name: str, value: int, at: Any = None) -> None:
        _fold(self, min, name, value, at)

    def maximum(self, name: str, value: int, at: Any = None) -> None:
        _fold(self, max, name, value, at)

    def bit_and(self, name: str, value: int, at: Any = None) -> None:
        _fold(self, operator.and_, name, value, at)

    def bit_or(self, name: str, value: int, at: Any = None) -> None:
        _fold(self, operator.or_, name, value, at)

    def bit_xor(self, name: str, value: int, at: Any = None) -> None:
        _fold(self, operator.xor, name, value, at)


def _fold(state: State, operation: Callable[[int, int], int], name: str, value: int, at: Any) -> None:
    if at is None:
        setattr(state, name, operation(getattr(state, name), value))
    else:
        array = getattr(state, name)
        array[at] = operation(int(array[at]), value)


class Ended(NamedTuple):
    """How a loop ended."""

    state: dict[str, Any]  # after the last step that did not raise, where `complete`
    position: int
    error: BaseException | None = None
    complete: bool = True


def run_loop(program: Loaded, steps: int | None) -> Ended:
    """Run a program to its end, or to the step that raises."""
    state = State()
    vars(state).update(program.initial())
    position, step, until = 0, program.step, program.until
    try:
        while position != steps and not (until is not None and until(state)):
            step(state)
            position += 1
    except Exception as error:  # noqa: BLE001 -- a step may raise anything
        return Ended(vars(state), position, error, complete=False)
    return Ended(vars(state), position)
