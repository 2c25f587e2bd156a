"""A value taken apart into nodes, and put together again.

    [[1], shared, shared]  ->  0: list (Ref(1), Ref(2), Ref(2))    1: list (1,)    2: list …

Nodes are in the order in which they are found, so equal values have equal nodes. There is no recursion: a chain of a
million objects is a value like any other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

from asc_toy.content.kind import Columns, Head, Kind, UnsupportedError
from asc_toy.content.kinds import kind_of
from asc_toy.content.values import PRIMITIVES, described


class Ref(int):
    """A part that is the node of this number."""

    __slots__ = ()


class Parts(list[Any]):
    """A column in which there may be `Ref`s. Any other column is flat."""

    __slots__ = ()


class Node(NamedTuple):
    """One value, taken apart."""

    kind: Kind
    head: Head
    columns: Columns
    value: Any = None  # that was taken apart


def take_apart(value: Any, known: Mapping[int, Any] | None = None) -> Iterator[Node]:
    """Return the nodes of a value one by one, the value itself first.

    `known` has what replaces a part, by the `id` of the part. Raises UnsupportedError, whose phrase names the place.
    """
    if type(value) in PRIMITIVES:
        yield Node(kind_of(value), (value,), (), value)
        return
    walk = _Walk({} if known is None else known)
    number = 0
    try:
        walk.find((value,), 0)
        for number, item in enumerate(walk.found):  # which grows meanwhile
            kind = walk.kinds[number]
            columns = () if kind.columns is None else walk.parts(kind, kind.columns(item), number)
            yield Node(kind, kind.head(item), columns, item)
    except UnsupportedError as error:
        place = walk.place(number)
        raise UnsupportedError(f"{error}, at {place}" if place else str(error)) from None


class _Walk:
    """The values that were found, in order, each with its kind and with the number of the node that holds it."""

    def __init__(self, known: Mapping[int, Any]) -> None:
        self.found: list[Any] = []
        self.kinds: list[Kind] = []
        self._holders: list[int] = []
        self._known = known
        self._numbers: dict[int, Ref] = {}  # of open values, whose identity counts, by `id`
        self._named: dict[str, Kind] = {}

    def parts(self, kind: Kind, columns: Columns, number: int) -> Columns:
        """Return the columns of a node, with numbers for the values that need nodes of their own."""
        parts: list[Sequence[Any]] = []
        for place, column in enumerate(columns):
            types = set(map(type, column))
            if types <= PRIMITIVES:
                parts.append(column)
                continue
            if kind.keyed and place == 0:
                _require_keys(column)
            is_flat = types == _ROWS and set(map(type, chain.from_iterable(column))) <= PRIMITIVES
            parts.append(column if is_flat else self.find(column, number))
        return tuple(parts)

    def find(self, column: Sequence[Any], number: int) -> Parts:
        """Return what stands for the parts of a column, and add the values that are new."""
        found, numbers, known = self.found, self._numbers, self._known
        kinds: dict[type, Kind | None] = dict.fromkeys(PRIMITIVES)
        parts = Parts(column)
        for index, part in enumerate(column):
            cls = type(part)
            if cls not in kinds:
                kinds[cls] = self._kind(part, number)
            kind = kinds[cls]
            if kind is None:
                continue
            new = Ref(len(found))
            if kind.fill is not None:
                key = id(part)
                if key in numbers or key in known:
                    parts[index] = numbers[key] if key in numbers else known[key]
                    continue
                numbers[key] = new
            parts[index] = new
            found.append(part)
            self.kinds.append(kind)
            self._holders.append(number)
        return parts

    def _kind(self, value: Any, number: int) -> Kind:
        try:
            kind = kind_of(value)
            if self._named.setdefault(kind.name, kind) is not kind:
                raise UnsupportedError(f"{described(type(value))}, and an instance of another class of this name")
        except UnsupportedError:
            self.found.append(value)
            self._holders.append(number)
            raise
        return kind

    def place(self, number: int) -> str:
        """Return the place of the value of this number, or of the one that has no kind: "['log'][0]"."""
        if len(self.found) > len(self.kinds):
            number = len(self.kinds)
        steps: list[str] = []
        while number:
            part, number = self.found[number], self._holders[number]
            steps.append(_step(self.kinds[number], self.found[number], part))
        steps.reverse()
        return "".join(steps if len(steps) <= _LONGEST else [*steps[:3], " … ", *steps[-3:]])


def _step(kind: Kind, value: Any, part: Any) -> str:
    """Return where a value holds a part."""
    columns = kind.columns(value) if kind.columns is not None else ()
    return next(
        kind.place(kind.head(value), columns, place, index)
        for place, column in enumerate(columns)
        for index, other in enumerate(column)
        if other is part
    )


_LONGEST = 12  # steps of a place that is shown as a whole
_ROWS = {tuple}  # many short tuples of primitives


def put_together(nodes: Sequence[Node]) -> list[Any]:
    """Return the values of the nodes, the value itself first. Leaves, and tuples without changes, are kept."""
    values = [node.kind.new(node.head, ()) if node.kind.fill is not None else None for node in nodes]
    for number in range(len(nodes) - 1, -1, -1):  # what a closed value holds was found after it
        kind, head, columns, original = nodes[number]
        filled = tuple(
            [values[part] if type(part) is Ref else part for part in column] if type(column) is Parts else column
            for column in columns
        )
        if kind.fill is not None:
            kind.fill(values[number], head, filled)
        elif original is None or _changed(kind, original, filled):
            values[number] = kind.new(head, filled)
        else:
            values[number] = original
    return values


def _changed(kind: Kind, original: Any, columns: Columns) -> bool:
    if kind.columns is None or kind.renewed:
        return kind.renewed
    return any(
        part is not old
        for column, before in zip(columns, kind.columns(original), strict=True)
        for part, old in zip(column, before, strict=True)
    )


def _require_keys(column: Sequence[Any]) -> None:
    """Refuse a key that can change, or whose hash is its identity."""
    waiting = list(column)
    for key in waiting:  # which grows meanwhile
        kind = kind_of(key)
        hashes: object = type(key).__hash__
        if kind.fill is not None or (kind.renewed and hashes is object.__hash__):
            raise UnsupportedError(f"{described(type(key))} as a key")
        for parts in kind.columns(key) if kind.columns is not None else ():
            waiting.extend(parts)
