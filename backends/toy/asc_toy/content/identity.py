"""The content of a value as a digest. Values of equal content behave the same in every step."""

from __future__ import annotations

import array
import hashlib
import struct
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from itertools import chain
from typing import Any

import numpy as np

from asc_toy.content.graph import Node, Parts, Ref, take_apart
from asc_toy.content.kind import UnsupportedError
from asc_toy.content.sets import SETS, OrderError, rebuilt
from asc_toy.content.values import described

Write = Callable[[Any], None]  # bytes, or a buffer of them


class SharedError(TypeError):
    """A part of a value belongs to another state word too."""


def unsupported(value: object) -> str:
    """Return what cannot be compared and duplicated, as a phrase with its place; "" where everything can."""
    try:
        for node in take_apart(value):
            if type(node.value) is set:
                rebuilt(set, node.head, list(node.value))
    except UnsupportedError as error:
        return str(error)
    return ""


def content(value: Any, owners: MutableMapping[int, str] | None = None, name: str = "") -> bytes:
    """Return a digest of types, bits and structure, which is the same in every process.

    What a list or an object holds is content, and where the same list is held twice; the sharing of immutable values is
    not. `owners` gets the `id` of every mutable part, with `name`. Then the value must be one that can be duplicated
    apart from others: raises SharedError where a part has another owner already, and OrderError where it is a set that
    cannot be rebuilt. Raises TypeError where a part is unsupported.
    """
    digest = hashlib.blake2b(digest_size=20)
    for node in nodes_of(value, name):
        if owners is not None and node.kind.fill is not None:
            claim(node.value, owners, name)
            if type(node.value) is set:  # a duplicate holds the same frozenset
                require_order(node, name)
        write_node(node, digest.update)
    return digest.digest()


def nodes_of(value: Any, name: str = "", known: Mapping[int, Any] | None = None) -> Iterator[Node]:
    """Take a value apart. Raises TypeError with a sentence."""
    try:
        yield from take_apart(value, known)
    except UnsupportedError as error:
        raise refusal(error, name) from None


def refusal(error: UnsupportedError, name: str = "") -> UnsupportedError:
    """Return the error with a sentence for its phrase."""
    subject = f"The state word {name!r} holds" if name else "The value holds"
    return type(error)(f"{subject} {error}. Such a value cannot be compared and copied.")


def require_order(node: Node, name: str = "") -> None:
    """Raise OrderError where the node is a set that cannot be rebuilt."""
    if type(node.value) in SETS:
        try:
            rebuilt(type(node.value), node.head, list(node.value))
        except OrderError as error:
            raise refusal(error, name) from None


def claim(part: Any, owners: MutableMapping[int, str], name: str) -> None:
    """Make a part that can change belong to a word. Raises SharedError where it has another owner.

    An owner is a word, or something else as a phrase.
    """
    owner = owners.setdefault(id(part), name)
    if owner != name:
        both = f"s {owner!r} and {name!r}" if owner.isidentifier() else f" {name!r} and {owner}"
        raise SharedError(
            f"The state word{both} share {described(type(part))}: what a step changes in one of them changes in the "
            "other. Keep it in one word."
        )


def write_node(node: Node, write: Write) -> None:
    """Write a node as bytes. No two values of different content have the same bytes."""
    kind, head, columns, _ = node
    write(b"<%b>" % kind.name.encode())
    if head:
        _write_head(head, write)
    for column in columns:
        _write_column(column, write)


def _write_head(head: tuple[Any, ...], write: Write) -> None:
    write(b"(%d:" % len(head))
    for part in head:
        if type(part) is tuple:
            _write_head(part, write)
        elif type(part) is np.ndarray:
            write(b"a%d:" % len(part))
            write(part.data)
        else:
            write(_TOKENS[type(part)](part))


def _write_column(column: Sequence[Any], write: Write) -> None:
    write(b"[%d:" % len(column))
    if type(column) is Parts:
        write(b"p" + _joined(column))
    elif column:
        _write_flat(column, write)


def _write_flat(column: Sequence[Any], write: Write) -> None:
    """Write a column of one type in one piece: a list of a million numbers is an array of them."""
    types = set(map(type, column))
    kind = types.pop() if len(types) == 1 else None
    if kind is tuple:
        _write_rows(column, write)
    elif kind in _PACKERS:
        write(_PACKERS[kind](column))
    else:
        write(b"m" + _joined(column))


def _write_rows(column: Sequence[tuple[Any, ...]], write: Write) -> None:
    widths = set(map(len, column))
    flat = list(chain.from_iterable(column))
    if len(widths) == 1:
        width = widths.pop()
        write(b"r%d:" % width)
        for place in range(width):
            _write_flat(flat[place::width], write)
    else:
        write(b"t" + _packed("q", map(len, column)))
        _write_column(flat, write)


def _joined(column: Sequence[Any]) -> bytes:
    tokens = _TOKENS
    return b"".join([tokens[type(part)](part) for part in column])


def _packed(code: str, numbers: Iterable[Any]) -> bytes:
    packed = array.array(code, numbers)
    if sys.byteorder == "big":
        packed.byteswap()
    return packed.tobytes()


def _pack_integers(column: Sequence[int]) -> bytes:
    try:
        return b"i" + _packed("q", column)
    except OverflowError:
        return b"I" + _joined(column)


def _pack_texts(column: Sequence[str]) -> bytes:
    return b"s" + _packed("q", map(len, column)) + _utf8("".join(column))


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _text_token(text: str) -> bytes:
    data = _utf8(text)
    return b"s%d:" % len(data) + data


_TOKENS: dict[type, Callable[[Any], bytes]] = {
    Ref: lambda number: b"@%d;" % number,
    type(None): lambda _: b"N",
    bool: lambda value: b"T" if value else b"F",
    int: lambda value: b"i%x;" % value,
    float: lambda value: b"f" + struct.pack("<d", value),
    str: _text_token,
    bytes: lambda data: b"b%d:" % len(data) + data,
}
_PACKERS: dict[Any, Callable[[Any], bytes]] = {
    type(None): lambda _: b"N",
    bool: lambda column: b"T" + bytes(column),
    int: _pack_integers,
    float: lambda column: b"f" + _packed("d", column),
    str: _pack_texts,
    bytes: lambda column: b"b" + _packed("q", map(len, column)) + b"".join(column),
}
