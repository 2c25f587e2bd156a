"""What a step function sees: state words and arrays as attributes, order-free accumulations as methods.

    def step(state):
        state.add("total", state.n * state.n)   # recorded as an increment, so `total` need not be predicted
        state.n = state.n + 1

A state word, or word for short, is a named immutable value: an int, float, bool, bytes, str or numpy scalar. An array
keeps its shape and dtype: `state.a = x` copies x into a, so no two names ever share memory. Write to an array by item
assignment or in place (`state.a[1:3] += 1`), by its name or by a view of it. numpy's functions that write (`out=`,
sort, fill) need a copy. Read words and arrays from the state in every step: a value that a step keeps elsewhere is not
part of the state.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asc.errors import AscError
from asc.words import Word

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
"""Accumulations whose order does not matter. The order of a float sum matters, so it is an ordinary read and write."""

_PLAIN_TYPES = frozenset({bool, int, float, bytes, str})
_KINDS = frozenset("biufcSUMm")  # of numpy's dtypes: neither objects nor records
_LONGEST = {"f": 8, "c": 16}  # bytes; a longer float has padding bytes, which mean nothing


class State:
    """The interface of a state. Plain and tracked states differ in `accumulate`, and in how they read and write."""

    __slots__ = ("__dict__",)

    def __delattr__(self, name: str) -> None:
        raise TypeError(f"state.{name} cannot be deleted: a state keeps its words. Give it a value that means none.")

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
        """Keep the bits that both integers have."""
        self.accumulate("bit_and", name, value, at)

    def bit_or(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the bits that at least one of the two has."""
        self.accumulate("bit_or", name, value, at)

    def bit_xor(self, name: str, value: int, at: Index | None = None) -> None:
        """Keep the bits that exactly one of the two has."""
        self.accumulate("bit_xor", name, value, at)


RESERVED = frozenset(name for name in dir(State) if not name.startswith("__"))
NAMES = "use a Python identifier without a leading underscore that is none of " + ", ".join(sorted(RESERVED))


class PlainState(State):
    """The state without tracking: words in the instance's own dictionary, arrays behind one property each."""

    __slots__ = ("_arrays",)

    def __init__(self, words: Mapping[str, Word], arrays: dict[str, Array]) -> None:
        self._arrays = arrays
        self.__dict__.update(words)

    def accumulate(self, operation: str, name: str, value: int, at: Index | None) -> None:
        """Fold the value in at once."""
        require_integer(operation, name, value)
        if at is None:
            words = self.__dict__
            try:
                present = words[name]
            except KeyError:
                raise no_word(name, words, self._arrays) from None
            words[name] = OPERATIONS[operation](present, value)
        else:
            array = self._arrays[name]
            require_integers(operation, name, array)
            array[at] = OPERATIONS[operation](int(array[at]), value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise no_word(name, self.__dict__, self._arrays)


def no_word(name: str, words: Iterable[str], arrays: Iterable[str]) -> AttributeError:
    """Return the error for a name that is no word; it lists the names that there are."""
    if name in arrays:
        return AttributeError(f"{name!r} is an array of the state: name the element, with at=…", name=name)
    known = ", ".join(sorted({*words, *arrays})) or "nothing"
    return AttributeError(f"the state has no word {name!r}; it has {known}", name=name)


def require_integers(operation: str, name: str, array: Array) -> None:
    """Refuse to accumulate into an array of anything but integers."""
    if array.dtype.kind not in "iu":
        raise TypeError(
            f"state.{operation}({name!r}, …, at=…) needs an array of integers, and this one holds {array.dtype}. "
            f"Write state.{name}[…] = …, an ordinary read and write."
        )


def require_integer(operation: str, name: str, value: object) -> None:
    """Refuse a value whose accumulation would depend on the order."""
    if type(value) is not int:
        raise TypeError(
            f"state.{operation}({name!r}, …) takes an int, not {type(value).__name__}: only integers accumulate in any "
            f"order. For any other value write state.{name} = …, an ordinary read and write."
        )


def with_arrays(base: type[S], names: Iterable[str]) -> type[S]:
    """Derive a class with a property for each array, so that assignment copies into the buffer."""
    properties: dict[str, Any] = {name: _array_property(name) for name in names}
    return type(base.__name__, (base,), {"__slots__": (), **properties})


def _array_property(name: str) -> property:
    def get(self: PlainState) -> Any:
        return self._arrays[name]

    def put(self: PlainState, value: Any) -> None:
        array = self._arrays[name]
        if value is not array:  # after `state.a += 1` it is the array, which has changed in place
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


def is_name(name: str) -> bool:
    """Whether a word or an array may have this name."""
    return name.isidentifier() and not name.startswith("_") and name not in RESERVED


def is_word(value: object) -> bool:
    """Whether a value is a word. A subclass of a word's type is none, since what it adds would be lost."""
    return type(value) in _PLAIN_TYPES or (isinstance(value, np.generic) and is_dtype(value.dtype))


def is_dtype(dtype: np.dtype[Any]) -> bool:
    """Whether an element's bytes are its whole value."""
    return dtype.kind in _KINDS and dtype.itemsize <= _LONGEST.get(dtype.kind, dtype.itemsize)


def split(values: Mapping[str, Any]) -> tuple[dict[str, Word], dict[str, Array]]:
    """Split a program's initial state into words and private, contiguous copies of its arrays."""
    words: dict[str, Word] = {}
    arrays: dict[str, Array] = {}
    for name, value in values.items():
        if not is_name(name):
            raise AscError(f"{name!r} cannot name a word: {NAMES}.")
        if isinstance(value, np.ndarray):
            if not is_dtype(value.dtype):
                raise AscError(
                    f"The array {name!r} has the dtype {value.dtype}; an array of the state holds bool, integers, "
                    "float or complex of up to 64 bits a part, bytes, str or dates. Convert it first."
                )
            arrays[name] = np.array(value, order="C", copy=True, subok=False)
        elif is_word(value):
            words[name] = value
        else:
            raise AscError(
                f"The word {name!r} holds a {type(value).__name__}; a state consists of int, float, bool, bytes, "
                "str and numpy arrays. Split it into several words, or put it into an array."
            )
    return words, arrays


def plain_state(words: Mapping[str, Word], arrays: dict[str, Array]) -> PlainState:
    """Make a state without tracking. It uses the arrays themselves, not copies."""
    return with_arrays(PlainState, arrays)(words, arrays)
