"""A kind: how values of one type are taken apart and put together.

    value -> head: leaves that say how to make one     (dtype and shape of an array, the longest length of a deque)
          -> columns: the values that it holds         (the members of a list, the keys and the values of a dict)

Digests, duplicates and files all follow from these two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

Head = tuple[Any, ...]
Columns = tuple[Sequence[Any], ...]


class UnsupportedError(TypeError):
    """A value that cannot be compared and duplicated. The message is a phrase: "an open file"."""


def by_index(_head: Head, _columns: Columns, _column: int, index: int) -> str:
    """Say where the member of a sequence is."""
    return f"[{index}]"


class Kind(NamedTuple):
    """How values of one type are taken apart and put together.

    A *leaf* has no columns. It never changes, so duplicates share it.
    A *closed* kind (a tuple) is made at once from its head and its columns, and it keeps them.
    An *open* kind (a list) is made empty and filled afterwards, since it may hold itself. Its identity is content:
    two names for one list are not two equal lists.
    """

    name: str  # in digests and in files
    head: Callable[[Any], Head]
    new: Callable[[Head, Columns], Any]
    columns: Callable[[Any], Columns] | None = None  # None: a leaf
    fill: Callable[[Any, Head, Columns], None] | None = None  # None: a leaf, or closed
    place: Callable[[Head, Columns, int, int], str] = by_index  # of a part, for people
    keyed: bool = False  # whether the first column has keys: leaves, and tuples of leaves
    renewed: bool = False  # whether a duplicate of a closed value is always a new one


def no_head(_value: Any) -> Head:
    """Return the head of a kind whose values need none."""
    return ()


def no_columns(_value: Any) -> Columns:
    """Return the columns of an open kind whose head holds everything."""
    return ()


def no_fill(_value: Any, _head: Head, _columns: Columns) -> None:
    """Leave an open value as its head has made it."""


def only_members(value: Any) -> Columns:
    """Return the one column of a sequence."""
    return (value,)
