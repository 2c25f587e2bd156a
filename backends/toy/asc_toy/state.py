"""What a step function sees: words and arrays as attributes, and order-free accumulations as methods.

    def step(state):
        state.add("total", state.n * state.n)   # replayed as an increment, so it never makes a state unpredictable
        state.n = state.n + 1

Words are immutable values (int, float, bool, bytes, str, numpy scalars). Arrays keep their shape and dtype for good:
`state.a = x` copies x into a, in every mode, so no two names ever share memory.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asc.errors import AscError
from asc.words import WORD_TYPES, Word

Array = NDArray[Any]
Index = int | tuple[int, ...]
S = TypeVar("S", bound="State")

OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "add": operator.add,
    "minimum": min,
    "maximum": max,
    "bit_and": operator.and_,
    "bit_or": operator.or_,
    "bit_xor": operator.xor,
}
"""Accumulations whose order does not matter; a float sum does not qualify, and is an ordinary read and write."""


class State:
    """The interface; `accumulate` is what plain and tracked execution do differently."""

    __slots__ = ("__dict__",)

    def __delattr__(self, name: str) -> None:
        raise TypeError(f"state.{name} cannot be deleted: a state keeps its words; give it a value that means none.")

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Fold `value` into the word `name`, or into the element `at` of the integer array `name`."""
        raise NotImplementedError

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
        """Keep the bits that both have."""
        self.accumulate("bit_and", name, value, at)

    def bit_or(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the bits that either has."""
        self.accumulate("bit_or", name, value, at)

    def bit_xor(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the bits that just one has."""
        self.accumulate("bit_xor", name, value, at)


RESERVED = frozenset(name for name in dir(State) if not name.startswith("__"))


class PlainState(State):
    """The state without any tracking: words in the instance's own dictionary, arrays behind one property each."""

    __slots__ = ("_arrays",)

    def __init__(self, words: Mapping[str, Word], arrays: dict[str, Array]) -> None:
        self._arrays = arrays
        self.__dict__.update(words)

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Fold in place."""
        require_integer(operation, name, value)
        if at is None:
            words = self.__dict__
            words[name] = OPERATIONS[operation](words[name], value)
        else:
            array = self._arrays[name]
            array[at] = OPERATIONS[operation](int(array[at]), value)


def require_integer(operation: str, name: str, value: object) -> None:
    """Refuse what would depend on the order of accumulation."""
    if type(value) is not int:
        raise TypeError(
            f"state.{operation}({name!r}, …) takes an int, not {type(value).__name__}: only integers accumulate in any "
            f"order. For anything else write state.{name} = … , an ordinary read and write."
        )


def with_arrays(base: type[S], names: Iterable[str]) -> type[S]:
    """Derive the class whose array names are properties, so that assignment copies into the buffer."""
    properties: dict[str, Any] = {name: _array_property(name) for name in names}
    return type(base.__name__, (base,), {"__slots__": (), **properties})


def _array_property(name: str) -> property:
    def get(self: PlainState) -> Any:
        return self._arrays[name]

    def put(self: PlainState, value: Any) -> None:
        array = self._arrays[name]
        if value is not array:  # `state.a += 1` has already done its work in place
            require_fit(name, array, value)
            array[...] = value

    return property(get, put)


def require_fit(name: str, array: Any, value: Any) -> None:
    """Refuse an assignment that would change an array's shape or dtype."""
    given = np.asarray(value)
    if given.shape != array.shape or given.dtype != array.dtype:
        raise TypeError(
            f"state.{name} is an array of shape {array.shape} and dtype {array.dtype}; it cannot become one of shape "
            f"{given.shape} and dtype {given.dtype}. Convert it first, or write state.{name}[...] = value."
        )


def split(values: Mapping[str, Any]) -> tuple[dict[str, Word], dict[str, Array]]:
    """Separate a program's initial state into words and private, contiguous copies of its arrays."""
    words: dict[str, Word] = {}
    arrays: dict[str, Array] = {}
    for name, value in values.items():
        if not name.isidentifier() or name.startswith("_") or name in RESERVED:
            raise AscError(
                f"{name!r} cannot name a word: use a Python identifier without a leading underscore that is none of "
                f"{', '.join(sorted(RESERVED))}."
            )
        if isinstance(value, np.ndarray):
            if value.dtype.hasobject:
                raise AscError(f"The array {name!r} holds Python objects; give it a numeric or bytes dtype.")
            arrays[name] = np.array(value, order="C", copy=True, subok=False)
        elif isinstance(value, WORD_TYPES):
            words[name] = value
        else:
            raise AscError(
                f"The word {name!r} holds a {type(value).__name__}; a state is made of int, float, bool, bytes, str "
                "and numpy arrays. Split it into several words, or put it into an array."
            )
    return words, arrays


def plain_state(words: Mapping[str, Word], arrays: dict[str, Array]) -> PlainState:
    """Make the state that a step function runs on directly; it takes the arrays over, not a copy."""
    return with_arrays(PlainState, arrays)(words, arrays)
