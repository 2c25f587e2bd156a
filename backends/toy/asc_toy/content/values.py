"""Leaves: immutable values without parts, each a tuple of simpler leaves."""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import hashlib
import pathlib
import re
import sys
import types
import uuid
import zoneinfo
from collections.abc import Callable
from operator import attrgetter
from typing import Any

import numpy as np

from asc_toy.content.kind import Columns, Head, Kind, UnsupportedError, no_head

PRIMITIVES = frozenset({type(None), bool, int, float, str, bytes})
"""What all heads consist of, with tuples of them, and arrays of bytes."""


def _primitive(kind: type) -> Kind:
    return Kind(kind.__name__, lambda value: (value,), lambda head, _: head[0])


def _record(kind: type[Any], *names: str) -> Kind:
    """Return the kind of an immutable value that its constructor makes from some of its attributes."""
    take: Callable[[Any], Any] = attrgetter(*names)
    if len(names) == 1:
        return Kind(kind.__name__, lambda value: (take(value),), lambda head, _: kind(*head))
    return Kind(kind.__name__, take, lambda head, _: kind(*head))


def _clock(kind: type[Any], *names: str) -> Kind:
    """Return the kind of a time of the day, which holds its time zone."""
    take: Callable[[Any], Any] = attrgetter(*names, "hour", "minute", "second", "microsecond", "fold")
    return Kind(
        kind.__name__,
        take,
        lambda head, columns: kind(*head[:-1], *columns[0], fold=head[-1]),
        lambda value: ((value.tzinfo,),),
        place=lambda *_: ".tzinfo",
    )


def _zone_head(zone: zoneinfo.ZoneInfo) -> Head:
    if not zone.key:
        raise UnsupportedError("a time zone without a name")
    return (zone.key,)


def _offset_head(zone: datetime.timezone) -> Head:
    offset, *name = zone.__getinitargs__()  # type: ignore[attr-defined]
    return offset.days, offset.seconds, offset.microseconds, *name


def _new_offset(head: Head, _columns: Columns) -> datetime.timezone:
    return datetime.timezone(datetime.timedelta(*head[:3]), *head[3:])


LEAVES: dict[type, Kind] = {
    **{kind: _primitive(kind) for kind in PRIMITIVES},
    complex: _record(complex, "real", "imag"),
    range: _record(range, "start", "stop", "step"),
    slice: Kind(
        "slice", no_head, lambda _, columns: slice(*columns[0]), lambda value: ((value.start, value.stop, value.step),)
    ),
    type(...): Kind("Ellipsis", no_head, lambda _, __: ...),
    type(np.ma.masked): Kind("masked", no_head, lambda _, __: np.ma.masked),
    type(NotImplemented): Kind("NotImplemented", no_head, lambda _, __: NotImplemented),
    fractions.Fraction: _record(fractions.Fraction, "numerator", "denominator"),
    decimal.Decimal: Kind("Decimal", lambda value: (str(value),), lambda head, _: decimal.Decimal(*head)),
    datetime.date: _record(datetime.date, "year", "month", "day"),
    datetime.time: _clock(datetime.time),
    datetime.datetime: _clock(datetime.datetime, "year", "month", "day"),
    datetime.timedelta: _record(datetime.timedelta, "days", "seconds", "microseconds"),
    datetime.timezone: Kind("timezone", _offset_head, _new_offset),
    zoneinfo.ZoneInfo: Kind("ZoneInfo", _zone_head, lambda head, _: zoneinfo.ZoneInfo(*head)),
    uuid.UUID: Kind("UUID", lambda value: (value.int,), lambda head, _: uuid.UUID(int=head[0])),
    re.Pattern: Kind("Pattern", lambda value: (value.pattern, value.flags), lambda head, _: re.compile(*head)),
    # numpy's own bytes would lose an empty text, and NULs at the end.
    np.str_: Kind("numpy.str_", lambda value: (str.__str__(value),), lambda head, _: np.str_(*head)),
    np.bytes_: Kind("numpy.bytes_", lambda value: (bytes(value),), lambda head, _: np.bytes_(*head)),
}
for _path in (pathlib.PurePosixPath, pathlib.PureWindowsPath, type(pathlib.Path())):
    LEAVES[_path] = Kind(_path.__name__, lambda value: (str(value),), lambda head, _, path=_path: path(*head))  # type: ignore[misc]


_WORDS = PRIMITIVES - {type(None)}
_KINDS = frozenset("biufcSUMm")  # of dtypes: neither objects nor records
_LONGEST = {"f": 8, "c": 16}  # bytes; a longer float has padding bytes, which mean nothing


def is_simple(dtype: np.dtype[Any]) -> bool:
    """Whether the bytes of an element are its whole value."""
    return dtype.kind in _KINDS and dtype.itemsize <= _LONGEST.get(dtype.kind, dtype.itemsize) and not dtype.metadata


def dtype_name(dtype: np.dtype[Any]) -> str:
    """Return the name of a simple dtype, from which numpy makes it again.

    Two C types of one width are two dtypes, with scalars of two classes: the second one has its letter as its name.
    """
    if not is_simple(dtype):
        raise UnsupportedError(f"numbers of dtype {dtype}")
    name = dtype.str
    return name if np.dtype(name).char == dtype.char else dtype.char


def _new_scalar(head: Head, _columns: Columns) -> Any:
    name, data = head
    return np.frombuffer(data, name)[0]


SCALAR = Kind("scalar", lambda value: (dtype_name(value.dtype), value.tobytes()), _new_scalar)
"""All of numpy's scalars."""


def enum_kind(cls: type[enum.Enum]) -> Kind:
    """Return the kind of the members of an enumeration; a combination of flags has a value and no name."""

    def head(value: Any) -> Head:
        if value._name_ in cls.__members__:
            return value._name_, None
        if type(value._value_) is not int:
            raise UnsupportedError(f"{described(cls)} without a name")
        return None, value._value_

    def new(head: Head, _columns: Columns) -> Any:
        name, value = head
        return cls(value) if name is None else cls[name]

    return Kind(f"enum {named(cls)}", head, new)


def is_word(value: object) -> bool:
    """Whether a value is a word of `asc.words`. A subclass of a word's type is none: what it adds would be lost."""
    return type(value) in _WORDS or (isinstance(value, np.generic) and is_simple(value.dtype))


def named(thing: Any) -> str:
    """Return module and name of a class or a function. The main module has another name in a spawned process."""
    module = getattr(thing, "__module__", None) or "builtins"
    name = getattr(thing, "__qualname__", thing.__name__)
    return f"{'__main__' if module == '__mp_main__' else module}.{name}"


def described(cls: type) -> str:
    """Return an instance of a class as a phrase."""
    name = named(cls).removeprefix("builtins.")
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"


def _name_head(thing: Any) -> Head:
    """Return the name of a function or a class. A function without a place in a module has its code in its name."""
    name = named(thing)
    found: Any = sys.modules.get(getattr(thing, "__module__", None) or "builtins")
    for part in getattr(thing, "__qualname__", thing.__name__).split("."):
        found = getattr(found, part, None)
    if found is thing:
        return (name,)
    if not isinstance(thing, types.FunctionType):
        raise UnsupportedError(f"`{name}`, which is not at the top of a module")
    if thing.__closure__ or thing.__defaults__ or thing.__kwdefaults__:
        raise UnsupportedError(f"the function `{name}`, which holds values of its own")
    return (f"{name}#{_code_name(thing.__code__)}",)


def _code_name(code: types.CodeType) -> str:
    """Return a digest that functions share where they do the same."""
    constants = [_constant_name(part) for part in code.co_consts]
    text = repr((code.co_code, code.co_names, code.co_varnames, constants))
    return hashlib.blake2b(text.encode("utf-8", "backslashreplace"), digest_size=8).hexdigest()


def _no_import(head: Head, _columns: Columns) -> Any:
    raise LookupError(f"the initial state has no {head[0]!r}")


def _constant_name(value: object) -> str:
    if isinstance(value, types.CodeType):
        return _code_name(value)
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)


NAMED = Kind("named", _name_head, _no_import)
"""Functions and classes: their code is no part of a state."""

NAMED_TYPES = (types.FunctionType, types.BuiltinFunctionType, np.ufunc, type)
