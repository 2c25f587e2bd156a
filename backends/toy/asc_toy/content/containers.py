"""Python's own containers."""

from __future__ import annotations

import array
import collections
from collections.abc import Callable
from typing import Any

import numpy as np

from asc_toy.content.kind import Columns, Head, Kind, UnsupportedError, no_columns, no_fill, no_head, only_members


def dict_columns(value: dict[Any, Any]) -> Columns:
    """Return keys and values, in order."""
    return list(value), list(value.values())


def fill_dict(value: Any, _head: Head, columns: Columns) -> None:
    """Set the keys in order."""
    pairs = zip(*columns, strict=True)
    if isinstance(value, collections.OrderedDict):
        value.update(pairs)
    else:
        dict.update(value, pairs)  # a Counter's own method counts the pairs


def dict_place(_head: Head, columns: Columns, column: int, index: int) -> str:
    """Say where a value of a dict is, or which key is meant."""
    key = columns[0][index]
    return f"[{key!r}]" if column else " as a key"


def _dict(kind: type[Any]) -> Kind:
    def head(value: Any) -> Head:
        if getattr(value, "__dict__", None):
            raise UnsupportedError(f"{kind.__name__} with attributes")
        return ()

    return Kind(kind.__name__, head, lambda _, __: kind(), dict_columns, fill_dict, dict_place, keyed=True)


def _bytes_of(value: Any) -> Any:
    return np.frombuffer(bytes(value), np.uint8)


def _extend(value: Any, _head: Head, columns: Columns) -> None:
    value.extend(columns[0])


def _new_array(head: Head, _columns: Columns) -> array.array[Any]:
    found = array.array(head[0])
    found.frombytes(head[1].tobytes())
    return found


def _named_tuple_head(value: Any) -> Head:
    if getattr(value, "__dict__", None):
        raise UnsupportedError(f"{type(value).__name__} with attributes")
    return ()


def named_tuple_kind(cls: type[Any], name: str) -> Kind:
    """Return the kind of a named tuple."""
    make: Callable[..., Any] = tuple.__new__

    def place(_head: Head, _columns: Columns, _column: int, index: int) -> str:
        return f".{cls._fields[index]}"

    def new(_head: Head, columns: Columns) -> Any:
        return make(cls, columns[0])

    return Kind(f"named tuple {name}", _named_tuple_head, new, only_members, place=place)


def _fill_defaultdict(value: Any, head: Head, columns: Columns) -> None:
    keys, values, factory = columns
    (value.default_factory,) = factory
    fill_dict(value, head, (keys, values))


def _defaultdict_place(head: Head, columns: Columns, column: int, index: int) -> str:
    return " as its factory" if column == 2 else dict_place(head, columns, column, index)


CONTAINERS: dict[type, Kind] = {
    list: Kind("list", no_head, lambda _, __: [], only_members, _extend),
    tuple: Kind("tuple", no_head, lambda _, columns: tuple(columns[0]), only_members),
    dict: _dict(dict),
    collections.OrderedDict: _dict(collections.OrderedDict),
    collections.Counter: _dict(collections.Counter),
    collections.defaultdict: Kind(
        "defaultdict",
        no_head,
        lambda _, __: collections.defaultdict(),
        lambda value: (*dict_columns(value), [value.default_factory]),
        _fill_defaultdict,
        _defaultdict_place,
        keyed=True,
    ),
    collections.deque: Kind(
        "deque",
        lambda value: (value.maxlen,),
        lambda head, _: collections.deque(maxlen=head[0]),
        lambda value: (list(value),),
        _extend,
    ),
    bytearray: Kind(
        "bytearray",
        lambda value: (_bytes_of(value),),
        lambda head, _: bytearray(head[0].tobytes()),
        no_columns,
        no_fill,
    ),
    array.array: Kind(
        "array.array",
        lambda value: (value.typecode, np.frombuffer(value.tobytes(), np.uint8)),
        _new_array,
        no_columns,
        no_fill,
    ),
}
