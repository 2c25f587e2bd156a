"""Sets. The order of a set depends on its history, and so does the order that it will have after a change.

A set is a table of slots. Two equal sets may have tables of two sizes, or marks where a member was removed; then the
same change gives them two orders. Therefore the layout of the table is content, and a duplicate has the same layout.
CPython does not offer the layout to Python, so it is read from memory: the structure `PySetObject` of setobject.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, takewhile
from typing import Any

import numpy as np

from asc_toy.content.kind import Columns, Head, Kind, UnsupportedError

_HEADER = object.__basicsize__
_REMOVED = -1  # no member has this hash

Sources = list[Iterable[Any]]  # what a new set is filled from, one after the other


class OrderError(UnsupportedError):
    """A set that cannot be rebuilt in the order that it has, and will have."""


def layout(value: set[Any] | frozenset[Any]) -> Head:
    """Return the size of the table, where `pop` will search next, and the slots of the members and of removed ones."""
    _fill, _used, mask, table, _hash, finger = (ctypes.c_ssize_t * 6).from_address(id(value) + _HEADER)
    slots = np.frombuffer(ctypes.string_at(table, (mask + 1) * 16), np.int64).reshape(-1, 2)
    taken, removed = slots[:, 0] != 0, slots[:, 1] == _REMOVED
    return mask + 1, finger, _places(taken & ~removed), _places(taken & removed)


def _places(flags: Any) -> bytes:
    return bytes(np.flatnonzero(flags).astype("<u4").tobytes())


def _is_known() -> bool:
    """Whether the sets of this Python are those of setobject.h, as far as a trial shows."""
    value = {0, 2}
    fill, used, mask, *_ = (ctypes.c_ssize_t * 6).from_address(id(value) + _HEADER)
    return (fill, used, mask) == (2, 2, 7) and layout(value) == (8, 0, _places([1, 0, 1]), b"")


_KNOWN = ctypes.sizeof(ctypes.c_void_p) == 8 and _is_known()


def rebuilt(kind: type[Any], head: Head, members: Sequence[Any]) -> tuple[Any, Sources]:
    """Return a set with the layout and the order of another one, and what it was filled from. Raises OrderError."""
    for sources in _ways(head, members):
        found = kind().union(*sources)
        if layout(found) == head and all(a is b for a, b in zip(found, members, strict=True)):
            return found, sources
    raise OrderError(
        "a set whose order no copy can have, now or after a change: members were removed from it, or it has grown in "
        "an unusual way (write `s = set(s)`, or use a dict whose values are None)"
    )


def _ways(head: Head, members: Sequence[Any]) -> Iterator[Sources]:
    """Return ways to fill a set. One of them leads to the layout, if no member was removed, with rare exceptions.

    The size of a table depends on how the set has grown. Members that come one by one lead to other sizes than a dict,
    for which the table gets room at once.
    """
    at_home, displaced = _insertion_order(head, members)
    order = at_home + displaced
    everything = dict.fromkeys(order)
    yield [order]
    yield [everything]
    yield [at_home, everything]
    yield [dict.fromkeys(at_home), everything]
    yield [dict.fromkeys(order[:6]), order]


def _insertion_order(head: Head, members: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """Return the members in the slots that their hashes give, and the others, after those that they gave way to."""
    size, _, places, _ = head
    at_home: list[Any] = []
    displaced: list[Any] = []
    taken: set[int] = set()
    waiting: list[tuple[int, Any, set[int]]] = []
    for slot, member in zip(np.frombuffer(places, "<u4").tolist(), members, strict=True):
        if hash(member) & (size - 1) == slot:
            at_home.append(member)
            taken.add(slot)
        else:
            tried = takewhile(slot.__ne__, islice(_probes(hash(member), size - 1), size))
            waiting.append((slot, member, set(tried)))
    while waiting:
        ready = [item for item in waiting if item[2] <= taken] or waiting
        displaced.extend(member for _, member, _ in ready)
        taken.update(slot for slot, _, _ in ready)
        waiting = [item for item in waiting if item[0] not in taken]
    return at_home, displaced


def _probes(number: int, mask: int) -> Iterator[int]:
    """Return the slots that a member with this hash tries, in order: `set_add_entry` of setobject.c."""
    perturb, slot = number & (2**64 - 1), number & mask
    while True:
        yield from range(slot, slot + 10) if slot + 9 <= mask else (slot,)
        perturb >>= 5
        slot = (slot * 5 + 1 + perturb) & mask


def _head(value: Any) -> Head:
    if not _KNOWN:
        raise UnsupportedError("a set, whose order this Python hides; use a dict whose values are None")
    return layout(value)


def _columns(value: Any) -> Columns:
    return (list(value),)


def _fill(value: set[Any], head: Head, columns: Columns) -> None:
    _, sources = rebuilt(set, head, columns[0])
    value.update(*sources)


def _new_frozen(head: Head, columns: Columns) -> frozenset[Any]:
    found: frozenset[Any] = rebuilt(frozenset, head, columns[0])[0]
    return found


SETS: dict[type, Kind] = {
    set: Kind("set", _head, lambda _, __: set(), _columns, _fill, keyed=True),
    frozenset: Kind("frozenset", _head, _new_frozen, _columns, keyed=True),
}
