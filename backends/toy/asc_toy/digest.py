"""The digest of a program's state: equal states have one digest, on every machine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from asc.words import canonical
from asc_toy.content import dtype_name, is_simple, is_word, nodes_of, write_node

Place = tuple[str, int]  # the word that holds a part, and the number of the part in the word


def state_digest(position: int, state: Mapping[str, Any]) -> str:
    """SHA-256 of position and words by name; hexadecimal. Raises TypeError where a value is unsupported."""
    sha = hashlib.sha256(f"position:{position}\n".encode())
    places: dict[int, Place] = {}
    for name in sorted(state):
        data = _data(name, state[name], places)
        sha.update(f"{name} {len(data)}\n".encode() + data)
    return sha.hexdigest()


def _data(name: str, value: Any, places: dict[int, Place]) -> bytes:
    """Return the bytes of one word. `places` has the first place of every part that can change, by its `id`."""
    if is_word(value):
        return canonical(value)
    if _is_plain(value):
        data, parts = _array_digest(value), [value]
    else:
        sha, parts = hashlib.sha256(), []
        for node in nodes_of(value, name):
            write_node(node, sha.update)
            if node.kind.fill is not None:
                parts.append(node.value)
        data = f"content:{sha.hexdigest()}"
    for number, part in enumerate(parts):
        place = places.setdefault(id(part), (name, number))
        if place != (name, number):  # the two words share it
            data += f" {number}:{place}"
    return data.encode()


def _is_plain(value: Any) -> bool:
    """Whether dtype, shape and elements say everything about an array."""
    return (
        type(value) is np.ndarray
        and is_simple(value.dtype)
        and value.dtype.isnative
        and dtype_name(value.dtype) == value.dtype.str
        and value.flags.c_contiguous
        and value.flags.writeable
    )


def _array_digest(array: np.ndarray[Any, Any]) -> str:
    """SHA-256 of dtype, shape and elements in little-endian bytes; hexadecimal."""
    little = np.asarray(array, array.dtype.newbyteorder("<"), order="C")
    sha = hashlib.sha256(f"{little.dtype.str} {little.shape}\n".encode())
    sha.update(little.reshape(-1).view(np.uint8).data if little.size else b"")
    return sha.hexdigest()
