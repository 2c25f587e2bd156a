"""What differs between two values: types, bits, order, layout, and which parts are one object."""

from __future__ import annotations

import array
import collections
import dataclasses
import datetime
import decimal
import fractions
import functools
import itertools
import random
import re
import struct
import types
from collections.abc import Callable, Iterator, Mapping
from itertools import combinations
from typing import Any

import numpy as np

_BY_REPR = (int, str, bytes, bytearray, range, decimal.Decimal, fractions.Fraction, datetime.date, type(None))
_IMMUTABLE = (*_BY_REPR, float, complex, np.generic, tuple, frozenset, types.ModuleType, re.Pattern)
_OPAQUE = (type, types.ModuleType, types.BuiltinFunctionType, re.Pattern)


def difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    """Return the first difference of two states, with its place; empty where there is none.

    The names must have the same order. Mutable parts that are one object in one state must be one in the other.
    """
    if list(expected) != list(found):
        return f"the words are {list(found)} and not {list(expected)}"
    pairing = _Pairing()
    for name, value in expected.items():
        if text := pairing.compare(value, found[name], name):
            return text
    arrays = [name for name, value in expected.items() if isinstance(value, np.ndarray)]
    for one, other in combinations(arrays, 2):
        shared, sharing = (np.shares_memory(state[one], state[other]) for state in (expected, found))
        if shared != sharing:
            return f"{one} and {other} share memory: {sharing} and not {shared}"
    return ""


class _Pairing:
    """Compares part by part. A mutable part has one counterpart, wherever it is met."""

    def __init__(self) -> None:
        self._counterpart: dict[int, Any] = {}
        self._origin: dict[int, Any] = {}

    def compare(self, expected: Any, found: Any, where: str) -> str:
        """Return the first difference."""
        if _class_of(expected) != _class_of(found):
            return f"{where} is a {_named(found)} and not a {_named(expected)}"
        if _is_mutable(expected):
            if id(expected) in self._counterpart or id(found) in self._origin:
                same = self._counterpart.get(id(expected)) is found and self._origin.get(id(found)) is expected
                return "" if same else f"{where} is shared with another part in one state and not in the other"
            self._counterpart[id(expected)], self._origin[id(found)] = found, expected
        if not isinstance(expected, np.ndarray) and (bits := _bits(expected)) is not None:
            return "" if bits == _bits(found) else f"{where} is {found!r:.200} and not {expected!r:.200}"
        parts, counterparts = (list(_parts(value)) for value in (expected, found))
        if [label for label, _ in parts] != [label for label, _ in counterparts]:
            return f"{where} has the parts {_labels(counterparts)} and not {_labels(parts)}"
        for (label, part), (_, other) in zip(parts, counterparts, strict=True):
            if text := self.compare(part, other, f"{where}{label}"):
                return text
        return ""


def _labels(parts: list[tuple[str, Any]]) -> str:
    return "[" + ", ".join(label for label, _ in parts)[:200] + "]"


def _named(value: object) -> str:
    return f"{type(value).__name__} ({value!r:.80})"


def _class_of(value: object) -> tuple[str, str]:
    """A class by its name: each run has the program's own classes afresh."""
    return type(value).__module__, type(value).__qualname__


def _is_mutable(value: object) -> bool:
    if isinstance(value, bytearray):
        return True
    return not callable(value) and not isinstance(value, _IMMUTABLE)


_BITS: tuple[tuple[Any, Callable[[Any], object]], ...] = (
    (float, lambda value: struct.pack("<d", value)),
    (complex, lambda value: struct.pack("<dd", value.real, value.imag)),
    (np.generic, lambda value: (value.dtype.str, value.tobytes())),
    (_BY_REPR, repr),
    (array.array, lambda value: (value.typecode, value.tobytes())),
    (random.Random, lambda value: value.getstate()),
    (np.random.Generator, lambda value: repr(value.bit_generator.state)),
    (types.FunctionType, lambda value: value.__qualname__),
    ((*_OPAQUE, itertools.count), repr),
)


def _bits(value: Any) -> object:
    """Return what identifies a value that has no parts; None where it has some."""
    return next((bits(value) for kinds, bits in _BITS if isinstance(value, kinds)), None)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Yield labels and parts, in the order that a program could see."""
    if isinstance(value, np.ndarray):
        yield from _parts_of_array(value)
    elif isinstance(value, dict):
        for number, (key, held) in enumerate(value.items()):
            yield f".keys[{number}]", key
            yield f"[{key!r}]", held
        if isinstance(value, collections.defaultdict):
            yield ".default_factory", value.default_factory
    elif isinstance(value, (list, tuple, set, frozenset, collections.deque)):
        yield from ((f"[{number}]", part) for number, part in enumerate(value))
        if isinstance(value, collections.deque):
            yield ".maxlen", value.maxlen
    elif dataclasses.is_dataclass(value):
        names = [field.name for field in dataclasses.fields(value)]
        yield from ((f".{name}", getattr(value, name)) for name in names if hasattr(value, name))
    if isinstance(held := getattr(value, "__dict__", None), dict):
        yield from ((f".{name}", part) for name, part in held.items())


def _parts_of_array(value: Any) -> Iterator[tuple[str, Any]]:
    flags = value.flags
    yield ".dtype", str(value.dtype.descr if value.dtype.names else value.dtype.str)
    yield ".shape", value.shape
    yield ".flags", (flags.c_contiguous, flags.f_contiguous, flags.writeable)
    if isinstance(value, np.ma.MaskedArray):
        yield ".mask", np.asarray(np.ma.getmaskarray(value)).tobytes()
        yield ".nomask", value.mask is np.ma.nomask
        if value is not np.ma.masked:
            yield ".fill", repr(value.fill_value)
        value = value.data
    if value.dtype.hasobject:
        yield ".elements", value.ravel(order="A").tolist()
    elif value.dtype.names:
        yield from ((f"[{name!r}]", np.asarray(value[name]).tobytes()) for name in value.dtype.names)
    else:
        yield ".elements", np.asarray(value).tobytes(order="A")


def content_of(module: types.ModuleType) -> dict[str, Any]:
    """Return what functions of a module can change in it: its globals, and what its functions and classes hold."""
    held: dict[str, Any] = {}
    for name, value in vars(module).items():
        if name.startswith("__") or isinstance(value, (types.ModuleType, types.BuiltinFunctionType)):
            continue
        inner = value.__wrapped__ if isinstance(value, functools._lru_cache_wrapper) else value
        if isinstance(inner, types.FunctionType):
            held[f"{name}.__defaults__"] = inner.__defaults__
            held[f"{name}.__dict__"] = {key: part for key, part in vars(inner).items() if key != "__wrapped__"}
            held[f"{name}.__closure__"] = [cell.cell_contents for cell in inner.__closure__ or ()]
        elif isinstance(value, type):
            public = {key: part for key, part in vars(value).items() if not key.startswith("_") and not callable(part)}
            held[f"{name} (class)"] = {k: v for k, v in public.items() if not isinstance(v, types.MemberDescriptorType)}
        else:
            held[name] = value
    return held
