"""The kind of any value."""

from __future__ import annotations

import enum
import io
import types
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np

from asc_toy.content.arrays import array_kind
from asc_toy.content.containers import CONTAINERS, named_tuple_kind
from asc_toy.content.generators import GENERATORS
from asc_toy.content.kind import Kind, UnsupportedError
from asc_toy.content.objects import NAMESPACE, hindrance, is_python_class, object_kind
from asc_toy.content.sets import SETS
from asc_toy.content.values import LEAVES, NAMED, NAMED_TYPES, SCALAR, enum_kind, named

KINDS: dict[type, Kind] = {
    **LEAVES,
    **CONTAINERS,
    **SETS,
    **GENERATORS,
    types.SimpleNamespace: NAMESPACE,
    np.ndarray: array_kind(np.ndarray, "array"),
    np.matrix: array_kind(np.matrix, "matrix"),
    np.ma.MaskedArray: array_kind(np.ma.MaskedArray, "masked array"),
}
"""The kinds that are the same in every program."""

_PHRASES: tuple[tuple[Any, str], ...] = (
    (io.IOBase, "an open file"),
    (types.GeneratorType, "a running generator"),
    (types.CoroutineType, "a coroutine"),
    (types.ModuleType, "a module"),
    (types.MethodType, "a method of an object"),
    (memoryview, "a memoryview"),
    (BaseException, "an exception"),
    (Iterator, "an iterator"),
)


def kind_of(value: Any) -> Kind:
    """Return the kind of a value. Raises UnsupportedError, whose message is a phrase."""
    cls: Any = type(value)
    found = KINDS.get(cls) or kind_of_class(cls)
    if isinstance(found, Kind):
        return found
    raise UnsupportedError(next((phrase for kind, phrase in _PHRASES if isinstance(value, kind)), found))


@lru_cache(maxsize=1024)
def kind_of_class(cls: Any) -> Kind | str:
    """Return the kind of the instances of a class of the user or of a library, or a phrase that refuses them."""
    if issubclass(cls, NAMED_TYPES):
        return NAMED
    if issubclass(cls, enum.Enum):
        return enum_kind(cls)
    if issubclass(cls, np.generic):
        return SCALAR
    if issubclass(cls, tuple) and _adds_only_names(cls):
        return named_tuple_kind(cls, named(cls))
    if issubclass(cls, np.ndarray) and _is_plain_array_class(cls):
        return array_kind(cls, f"array {named(cls)}")
    return hindrance(cls) or object_kind(cls)


def _adds_only_names(cls: type[Any]) -> bool:
    return isinstance(getattr(cls, "_fields", None), tuple) and all(
        base is tuple or is_python_class(base) for base in cls.__mro__[:-1]
    )


def _is_plain_array_class(cls: type[Any]) -> bool:
    """Whether a class adds only Python methods and attributes to numpy's array."""
    bases = [base for base in cls.__mro__[:-1] if base is not np.ndarray]
    return all(is_python_class(base) and "__slots__" not in vars(base) for base in bases)
