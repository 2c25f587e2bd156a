"""The scalars in a small container by their paths, so that predictors can predict them one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from asc.words import Word
from asc_toy.content.kind import Columns, Kind, UnsupportedError
from asc_toy.content.kinds import kind_of

T = TypeVar("T")

_MOST = 64  # scalars, and containers that hold them
_HOLDERS = frozenset({"list", "tuple", "deque", "dict", "OrderedDict", "Counter", "defaultdict", "SimpleNamespace"})
_HOLDER_CLASSES = ("object ", "named tuple ")
_SCALARS = frozenset({"bool", "int", "float", "bytes", "str", "scalar", "numpy.str_", "numpy.bytes_"})


def leaves(value: Any) -> dict[str, Word] | None:
    """Return the scalars in a list, tuple, dict or object by their paths: "[0]", "['x']", ".x", "[0].x".

    None where the value is no such container, is large, or holds other changeable values (arrays, sets). What else
    never changes (None, the member of an enumeration) is left out.
    """
    found: dict[str, Word] = {}
    try:
        fits = kind_of(value).columns is not None and _collect(value, "", found, set())
    except UnsupportedError:
        return None
    return found if fits else None


def with_leaves(value: T, words: Mapping[str, Word]) -> T:
    """Return a duplicate of a container that has `leaves`, with the scalars of `words` at their paths."""
    replaced: T = _replaced(value, "", words)
    return replaced


def _collect(value: Any, path: str, found: dict[str, Word], containers: set[int]) -> bool:
    """Collect the scalars; whether all is small and simple, and nothing is held twice."""
    kind = kind_of(value)
    if kind.name in _SCALARS:
        found[path] = value
        return len(found) <= _MOST
    if kind.columns is None:
        return True
    if not (kind.name in _HOLDERS or kind.name.startswith(_HOLDER_CLASSES)) or id(value) in containers:
        return False
    containers.add(id(value))
    columns = kind.columns(value)
    if len(containers) > _MOST or sum(map(len, columns)) > 2 * _MOST:
        return False
    head = kind.head(value)
    return all(
        _collect(part, path + kind.place(head, columns, place, index), found, containers)
        for place, index, part in _members(kind, columns)
    )


def _replaced(value: Any, path: str, words: Mapping[str, Word]) -> Any:
    kind = kind_of(value)
    if kind.name in _SCALARS:
        return words.get(path, value)
    if kind.columns is None:
        return value
    head, columns = kind.head(value), kind.columns(value)
    new = tuple(list(column) for column in columns)
    for place, index, part in _members(kind, columns):
        new[place][index] = _replaced(part, path + kind.place(head, columns, place, index), words)
    found = kind.new(head, new)
    if kind.fill is not None:
        kind.fill(found, head, new)
    return found


def _members(kind: Kind, columns: Columns) -> list[tuple[int, int, Any]]:
    """Return all parts but the keys, with column and index."""
    return [
        (place, index, part)
        for place, column in enumerate(columns)
        if not (kind.keyed and place == 0)
        for index, part in enumerate(column)
    ]
