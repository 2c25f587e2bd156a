"""Values as JSON. A file runs no code: its classes and functions are those that the reader already has."""

from __future__ import annotations

import base64
import builtins
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from math import isfinite
from typing import Any

import numpy as np

from asc_toy.content.arrays import Bytes
from asc_toy.content.graph import Node, Parts, Ref, put_together
from asc_toy.content.identity import nodes_of, require_order
from asc_toy.content.kind import Kind
from asc_toy.content.kinds import KINDS, kind_of_class
from asc_toy.content.values import NAMED, SCALAR, named


class UnknownClassError(LookupError):
    """The JSON holds a class or a function that the reader does not have. The message is its name."""


def encode(value: Any, arrays: list[Bytes] | None = None) -> list[Any]:
    """Return a value as JSON. The bytes of arrays are appended to `arrays`, or else they are in the JSON.

    Raises TypeError where a part is unsupported, or is a set that cannot be rebuilt in its order.
    """
    coded = []
    for node in nodes_of(value):
        require_order(node)
        columns = [_coded(column, arrays) for column in node.columns]
        coded.append([node.kind.name, _coded(node.head, arrays), columns])
    return coded


def decode(coded: Any, classes: Mapping[str, Any], arrays: Sequence[Bytes] = ()) -> Any:
    """Return the value that was encoded. `classes` has what it may hold by name, as from `classes_of`.

    Raises UnknownClassError, and OrderError where a set gets another order in this process.
    """
    kinds = _kinds({**_BUILTINS, **classes})
    nodes = []
    for name, head, columns in coded:
        if name not in kinds:
            raise UnknownClassError(name.rpartition(" ")[2])
        decoded = tuple(_decoded_column(column, arrays) for column in columns)
        nodes.append(Node(kinds[name], tuple(_decoded(part, arrays) for part in head), decoded))
    return put_together(nodes)[0]


def classes_of(values: Iterable[Any]) -> dict[str, Any]:
    """Return the classes and functions that values hold, by name."""
    found: dict[str, Any] = {}
    for node in (node for value in values for node in nodes_of(value)):
        if node.kind is NAMED:
            found[node.head[0]] = node.value
        else:
            found[named(type(node.value))] = type(node.value)
    return found


_BUILTINS = {named(kind): kind for kind in [*KINDS, *vars(builtins).values()] if isinstance(kind, type)}


def _kinds(classes: Mapping[str, Any]) -> dict[str, Kind]:
    """Return kinds by name: the usual ones, and those of classes."""

    def find(head: tuple[Any, ...], _columns: Any) -> Any:
        if head[0] not in classes:
            raise UnknownClassError(head[0])
        return classes[head[0]]

    own = [kind_of_class(cls) for cls in classes.values() if isinstance(cls, type) and cls not in KINDS]
    known = [*KINDS.values(), SCALAR, *(kind for kind in own if isinstance(kind, Kind))]
    return {**{kind.name: kind for kind in known}, NAMED.name: NAMED._replace(new=find)}


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _code_array(data: Bytes, arrays: list[Bytes] | None) -> list[Any]:
    if arrays is None:
        return ["raw", _base64(data.tobytes())]
    arrays.append(data)
    return ["array", len(arrays) - 1]


_CODERS: dict[type, Callable[[Any, list[Bytes] | None], Any]] = {
    # JSON readers make one character of two surrogates.
    str: lambda text, _: text if text.isascii() else ["str", _base64(text.encode("utf-8", "surrogatepass"))],
    # A decimal would lose a NaN's payload.
    float: lambda value, _: value if isfinite(value) else ["float", struct.pack("<d", value).hex()],
    # Python limits the digits of decimals.
    int: lambda value, _: value if value.bit_length() <= 1024 else ["int", hex(value)],
    bytes: lambda data, _: ["bytes", _base64(data)],
    Ref: lambda number, _: ["@", int(number)],
    tuple: lambda parts, arrays: ["tuple", _coded(parts, arrays)],
    np.ndarray: _code_array,
}
"""All other parts are JSON as they are."""


def _coded(parts: Iterable[Any], arrays: list[Bytes] | None) -> list[Any]:
    return [_CODERS[type(part)](part, arrays) if type(part) in _CODERS else part for part in parts]


_DECODERS: dict[str, Callable[[Any, Sequence[Bytes]], Any]] = {
    "str": lambda text, _: base64.b64decode(text).decode("utf-8", "surrogatepass"),
    "float": lambda text, _: struct.unpack("<d", bytes.fromhex(text))[0],
    "int": lambda text, _: int(text, 16),
    "bytes": lambda text, _: base64.b64decode(text),
    "@": lambda number, _: Ref(number),
    "tuple": lambda parts, arrays: tuple(_decoded(part, arrays) for part in parts),
    "raw": lambda text, _: np.frombuffer(base64.b64decode(text), np.uint8),
    "array": lambda number, arrays: arrays[number],
}


def _decoded(part: Any, arrays: Sequence[Bytes]) -> Any:
    if type(part) is not list:
        return part
    kind, data = part
    return _DECODERS[kind](data, arrays)


def _decoded_column(column: Any, arrays: Sequence[Bytes]) -> Sequence[Any]:
    parts = [_decoded(part, arrays) for part in column]
    return Parts(parts) if Ref in set(map(type, parts)) else parts
