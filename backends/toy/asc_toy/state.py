"""What a step function sees: an ordinary object, with the state words as its attributes.

    def step(state):
        state.add("total", state.n * state.n)   # recorded as an increment, so `total` need not be predicted
        state.n = state.n + 1

A state word, or word for short, is a named value. Plain steps run on a `State`, whose attributes are the values
themselves: numbers, strings, numpy arrays, lists, dictionaries, objects. Nothing wraps them, so a plain step is the
user's own loop, whatever it does. The page "What a step may do" says what can be tracked, and so leapt over.
"""

from __future__ import annotations

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asc.errors import AscError
from asc_toy.ambient import Watched, once
from asc_toy.content import duplicate, overlaps, unsupported

Array = NDArray[Any]
Index = int | tuple[int, ...]

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "minimum": min,
    "maximum": max,
    "bit_and": operator.and_,
    "bit_or": operator.or_,
    "bit_xor": operator.xor,
}
"""Accumulations whose order does not matter. The order of a float sum matters, so it is an ordinary read and write."""


class Accumulating(Watched, ABC):
    """Accumulations whose order does not matter, as methods of a state."""

    @abstractmethod
    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Fold `value` into the word `name`, or into the element `at` of the integer array `name`."""

    def once(self) -> AbstractContextManager[None]:
        """Begin a stretch that happens once, such as a payment: `with state.once(): pay(state.bill)`.

        Only the main thread does it, in a step that no leap replaces. Speculation ends before it. What happens within
        is not watched, and may use files, the network and other programs.
        """
        return once()

    def add(self, name: str, value: int, at: Index | None = None) -> None:
        """Add an integer to a word, or to one element of an integer array."""
        self.accumulate("add", name, value, at)

    def minimum(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the smaller of the present and the given integer."""
        self.accumulate("minimum", name, value, at)

    def maximum(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the larger of the present and the given integer."""
        self.accumulate("maximum", name, value, at)

    def bit_and(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the bits that both integers have."""
        self.accumulate("bit_and", name, value, at)

    def bit_or(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the bits that at least one of the two has."""
        self.accumulate("bit_or", name, value, at)

    def bit_xor(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the bits that exactly one of the two has."""
        self.accumulate("bit_xor", name, value, at)


class State(Accumulating):
    """A plain object: its attributes are the words. Reading and writing them costs what Python's attributes cost.

    Its methods never ask for `vars`, which slows every attribute down.
    """

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Fold the value in at once."""
        value, present = integer(operation, name, value), getattr(self, name)
        if at is None:
            require_number(operation, name, present)
            setattr(self, name, OPERATIONS[operation](present, value))
        else:
            accumulate_element(operation, name, value, at, present)

    def add(self, name: str, value: int, at: Index | None = None) -> None:
        """Add an integer to a word, or to one element of an integer array."""
        # It is used most, so it is written out. The usual cases are to cost what the user's own line costs.
        if at is None:
            try:
                total = getattr(self, name) + value
            except Exception:
                _require_numbers("add", name, value, self)
                raise
            if type(total) is not int:
                _require_numbers("add", name, value, self)
            setattr(self, name, total)
            return
        if type(value) is int and type(at) is int:
            present = getattr(self, name, None)
            if type(present) is _ndarray and present.ndim == 1 and present.dtype.kind in "iu":
                present[at] = present.item(at) + value
                return
        self.accumulate("add", name, value, at)


_ndarray = np.ndarray  # found faster than an attribute of a module


def accumulate_element(operation: str, name: str, value: int, at: Index, array: Any) -> None:
    """Fold `value` into one element. Raises TypeError where it is none of an array of integers."""
    require_integers(operation, name, array)
    require_index(at, array)
    array[at] = OPERATIONS[operation](int(array[at]), value)


def _quick(operation: str) -> Callable[[State, str, int, Index | None], None]:
    """Return a method that does the usual cases in one call, as `State.add` does."""
    operate = OPERATIONS[operation]

    def method(self: State, name: str, value: int, at: Index | None = None) -> None:
        present = getattr(self, name, None)
        if type(value) is int:
            if at is None:
                if type(present) is int:
                    setattr(self, name, operate(present, value))
                    return
            elif type(at) is int and type(present) is _ndarray and present.ndim == 1 and present.dtype.kind in "iu":
                present[at] = operate(present.item(at), value)
                return
        self.accumulate(operation, name, value, at)

    method.__name__, method.__doc__ = operation, getattr(Accumulating, operation).__doc__
    return method


for _operation in OPERATIONS:
    if _operation not in vars(State):
        setattr(State, _operation, _quick(_operation))

RESERVED = frozenset(name for name in dir(State) if not name.startswith("_"))
NAMES = "use a Python identifier without a leading underscore that is none of " + ", ".join(sorted(RESERVED))


def require_number(operation: str, name: str, present: object) -> None:
    """Refuse to accumulate into a word that is no number, such as an array whose element was not named."""
    if isinstance(present, np.ndarray):
        raise TypeError(f"state.{operation}({name!r}, …) needs at=…, the index of an element: {name!r} is an array")


def _require_numbers(operation: str, name: str, value: int, state: State) -> None:
    """Refuse a value that is no integer, a missing word, and a word that is no number."""
    integer(operation, name, value)
    require_number(operation, name, getattr(state, name))


def require_integers(operation: str, name: str, array: Any) -> None:
    """Refuse to accumulate into anything but an array of integers."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        holds = array.dtype if isinstance(array, np.ndarray) else type(array).__name__
        raise TypeError(
            f"state.{operation}({name!r}, …, at=…) needs an array of integers, and this is {holds}. "
            f"Write state.{name}[…] = …, an ordinary read and write."
        )


def require_index(at: Index, array: Array) -> None:
    """Refuse an index that names no single element."""
    given = at if isinstance(at, tuple) else (at,)
    if len(given) != array.ndim or any(type(index) is bool for index in given):
        raise TypeError(
            f"an accumulation at {at!r} needs one integer index for each axis, and the array has {array.ndim}"
        )


def integer(operation: str, name: str, value: int) -> int:
    """Return an integer to accumulate, such as 1 for an added True; refuse what would depend on the order."""
    if type(value) is not int and not (operation == "add" and type(value) is bool):
        raise TypeError(
            f"state.{operation}({name!r}, …) takes an int, not {type(value).__name__}: only integers accumulate in any "
            f"order. For any other value write state.{name} = …, an ordinary read and write."
        )
    return int(value)


def is_name(name: object) -> bool:
    """Whether a word of the initial state may have this name."""
    return isinstance(name, str) and name.isidentifier() and not name.startswith("_") and name not in RESERVED


def check(values: Mapping[str, Any]) -> None:
    """Refuse an initial state that cannot be copied or compared."""
    for name, value in values.items():
        if not is_name(name):
            raise AscError(f"{name!r} cannot name a word: {NAMES}.")
        if problem := unsupported(value):
            raise AscError(
                f"The word {name!r} holds {problem}, which a state cannot hold, since it can be neither copied nor "
                "compared. A state holds numbers, strings, numpy arrays, and lists, dictionaries and plain objects of "
                'them: the page "What a step may do" has the list.'
            )
    if shared := overlaps(values):
        raise AscError(
            f"The arrays {shared} share memory. Copy one of them with .copy(), or keep one array and take the view of "
            "it within the step."
        )


def copied(values: Mapping[str, Any]) -> dict[str, Any]:
    """Copy values; words that hold the same object hold the same copy."""
    memo: dict[int, Any] = {}
    return {name: duplicate(value, memo) for name, value in values.items()}


def plain_state(values: dict[str, Any]) -> State:
    """Make a state of the values themselves, without a copy."""
    state = State()
    state.__dict__ = dict(values)  # CPython reaches attributes slowly once `vars` has been asked for, unless it is so
    return state
