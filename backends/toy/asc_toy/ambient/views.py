"""How to look at an object, so that a later look tells whether it has changed.

[1, [2]]         parts: 1, and a list           compared by identity; the list is looked at in turn
bytearray(b"x")  bits: b"x"                     compared by value, with a private copy
re.compile("x")  neither                        never changes, or changes nothing that a step computes
an open file     opaque                         cannot be compared
"""

from __future__ import annotations

import array
import collections
import contextvars
import ctypes
import datetime
import decimal
import enum
import fractions
import functools
import io
import logging
import mmap
import operator
import pathlib
import random
import re
import struct
import sys
import threading
import types
import typing
import uuid
import weakref
import zoneinfo
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from asc_toy.content import content, same_array
from asc_toy.content.objects import is_python_class
from asc_toy.content.sets import layout

MISSING = object()
"""In the place of what is not there."""

PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})
"""Values of these classes never change, and consist of nothing else."""

Parts = Callable[[Any], Sequence[object]]


class Bits(NamedTuple):
    """What an object holds that is no other object: how to keep it, and whether the object still has what was kept."""

    take: Callable[[Any], Any]
    same: Callable[[Any, Any], bool]


class View(NamedTuple):
    """How to look at the objects of a class."""

    parts: Parts | None = None
    bits: Bits | None = None
    fixed: bool = False  # whether the parts stay the same objects, though these may change
    opaque: str = ""  # why it is not possible, as a phrase: "an open file"
    of_thread: bool = False  # whether each thread sees other parts
    is_sealed: bool = False  # whether attributes are not looked at: caches, counters of messages, and the like
    attributes: Callable[[Any], dict[str, object]] | None = None  # more parts, by name


NOTHING = View()
_SEALED_VIEW = View(is_sealed=True)


def _bits(take: Callable[[Any], Any]) -> View:
    return View(bits=Bits(take, lambda thing, kept: bool(take(thing) == kept)))


def _dict_parts(thing: Any) -> Sequence[object]:
    return [*dict.keys(thing), *dict.values(thing)]


def _mapping_parts(thing: Any) -> Sequence[object]:
    return [*thing, *thing.values()]


def _cell_parts(cell: Any) -> Sequence[object]:
    try:
        return (cell.cell_contents,)
    except ValueError:  # the variable has no value
        return ()


def _partial_parts(thing: Any) -> Sequence[object]:
    return thing.func, *thing.args, *thing.keywords, *thing.keywords.values()


def _context(thing: decimal.Context) -> object:
    """Return what decides results. The flags are left out: nearly every operation sets one."""
    traps = [signal.__name__ for signal, on in thing.traps.items() if on]
    return thing.prec, thing.rounding, thing.Emin, thing.Emax, thing.capitals, thing.clamp, traps


def _text(thing: Any) -> object:
    return None if thing.closed else (thing.getvalue(), thing.tell())


def _objects(thing: np.ndarray[Any, Any]) -> Sequence[object]:
    return thing.ravel().tolist() if thing.dtype == object else ()


def _elements(thing: np.ndarray[Any, Any]) -> Any:
    return None if thing.dtype.hasobject else np.array(thing, order="K", subok=False)


def _same_elements(thing: np.ndarray[Any, Any], kept: Any) -> bool:
    if kept is None:
        return bool(thing.dtype.hasobject)
    now: np.ndarray[Any, Any] = thing.view(np.ndarray)
    return now.dtype == kept.dtype and now.shape == kept.shape and same_array(now, kept)


_COMPILED: dict[type, View] = {
    list: View(lambda thing: thing),
    tuple: View(lambda thing: thing, fixed=True),
    frozenset: View(list, fixed=True),
    set: View(list, Bits(layout, lambda thing, kept: layout(thing) == kept)),
    collections.deque: View(lambda thing: thing),
    dict: View(_dict_parts),
    collections.OrderedDict: View(_mapping_parts),
    collections.defaultdict: View(lambda thing: [*_dict_parts(thing), thing.default_factory]),
    types.MappingProxyType: View(_mapping_parts),
    types.CellType: View(_cell_parts),
    types.MethodType: View(lambda thing: (thing.__func__, thing.__self__), fixed=True),
    functools.partial: View(_partial_parts),
    property: View(lambda thing: (thing.fget, thing.fset, thing.fdel), fixed=True),
    staticmethod: View(lambda thing: (thing.__func__,), fixed=True),
    classmethod: View(lambda thing: (thing.__func__,), fixed=True),
    BaseException: View(lambda thing: thing.args),
    contextvars.ContextVar: View(lambda thing: (thing.get(MISSING),)),
    threading.local: View(lambda thing: _dict_parts(thing.__dict__), of_thread=True),
    np.ndarray: View(_objects, Bits(_elements, _same_elements)),
    bytearray: _bits(bytes),
    memoryview: _bits(bytes),
    array.array: _bits(lambda thing: (thing.typecode, thing.tobytes())),
    decimal.Context: _bits(_context),
    io.StringIO: _bits(_text),
    io.BytesIO: _bits(_text),
    random.Random.__mro__[1]: _bits(random.Random.getstate),
    **{kind: _bits(bytes) for kind in (ctypes._SimpleCData, ctypes.Structure, ctypes.Union, ctypes.Array)},
    **{kind: _bits(content) for kind in (np.random.Generator, np.random.RandomState, np.random.BitGenerator)},
    **dict.fromkeys(
        (
            *(type(value) for value in (None, True, 0, 0.0, 0j, "", b"", range(0), slice(0), ..., NotImplemented)),
            *(fractions.Fraction, decimal.Decimal, uuid.UUID, zoneinfo.ZoneInfo, struct.Struct, weakref.ref),
            *(datetime.date, datetime.time, datetime.timedelta, datetime.tzinfo, np.generic, np.dtype, np.ufunc),
            *(re.Pattern, re.Match, contextvars.Token, operator.itemgetter, types.SimpleNamespace),
            *(types.CodeType, types.GenericAlias, types.UnionType, types.ModuleType, type, types.FunctionType),
            *(types.GetSetDescriptorType, types.MemberDescriptorType, mmap.mmap),
            *(type(threading.Lock()), type(threading.RLock()), type(sys.flags), type(sys.version_info)),
        ),
        NOTHING,
    ),
}
"""By the class itself, or a base of it that is written in C. Functions, classes and modules are walked elsewhere."""

_SEALED = (
    *(enum.Enum, pathlib.PurePath, logging.Logger, logging.Handler, logging.LoggerAdapter, ctypes.CDLL, np.vectorize),
    random.SystemRandom,
)
_SEALED_MODULES = frozenset({"typing", "os", "abc", "_abc", "_sitebuiltins", "importlib.machinery"})
_EMPTY_BASES = frozenset({object, typing.Generic, typing.Protocol})

_OPAQUE: tuple[tuple[type, str], ...] = (
    (io.IOBase, "an open file"),
    (types.GeneratorType, "a generator"),
    (types.AsyncGeneratorType, "a generator"),
    (types.CoroutineType, "a coroutine"),
    (Iterator, "an iterator"),
)


@functools.lru_cache(maxsize=4096)
def view_of(cls: type) -> View:
    """Return how to look at the objects of a class."""
    if issubclass(cls, _SEALED) or cls.__module__ in _SEALED_MODULES:
        return _SEALED_VIEW
    solid = next((base for base in cls.__mro__ if base not in _EMPTY_BASES and not is_python_class(base)), None)
    view = NOTHING if solid is None else _view_of_compiled(cls, solid)
    bare = view.opaque or view.is_sealed or (cls is solid and (cls in _COMPILED or not cls.__dictoffset__))
    return view if bare and cls is not types.SimpleNamespace else view._replace(attributes=_attributes_of(cls))


def is_fixed(value: object) -> bool:
    """Whether a value never changes."""
    kind: Any = type(value)
    if kind in PLAIN or issubclass(kind, types.FunctionType | type | types.ModuleType):
        return True
    view = view_of(kind)
    return view in (NOTHING, _SEALED_VIEW) or (
        view.fixed and all(map(is_fixed, view.parts(value) if view.parts else ()))
    )


def _view_of_compiled(cls: type, solid: type) -> View:
    known = next((_COMPILED[base] for base in solid.__mro__ if base in _COMPILED), None)
    if known is not None:
        return known
    phrase = next((phrase for kind, phrase in _OPAQUE if issubclass(cls, kind)), "")
    if not phrase and solid.__module__ in ("torch", "torch._C"):
        return _view_of_torch(solid)
    if not phrase and any("__call__" in vars(base) for base in cls.__mro__):
        return _SEALED_VIEW  # a compiled function
    return View(opaque=phrase or f"an object of the class {cls.__module__}.{cls.__qualname__}")


def _view_of_torch(solid: type) -> View:
    import torch  # noqa: PLC0415 -- imported already, since there is an object of it

    if issubclass(torch.Tensor, solid):
        return _bits(_tensor_bytes)
    return _bits(lambda thing: _tensor_bytes(thing.get_state())) if issubclass(torch.Generator, solid) else NOTHING


def _tensor_bytes(tensor: Any) -> object:
    raw = tensor.detach().cpu().contiguous().reshape(-1).view(dtype=sys.modules["torch"].uint8)
    return str(tensor.dtype), tuple(tensor.shape), str(tensor.device), raw.numpy().tobytes()


def _attributes_of(cls: type) -> Callable[[Any], dict[str, object]] | None:
    """Return a function that gives the attributes that an object itself has, without those that are caches."""
    namespaces = [vars(base) for base in cls.__mro__]
    slots = [value for names in namespaces for value in names.values() if type(value) is types.MemberDescriptorType]
    cached = {name for names in namespaces for name, value in names.items() if type(value) is functools.cached_property}
    has_dict = cls.__dictoffset__ != 0
    if not has_dict and not slots:
        return None

    def attributes(thing: Any) -> dict[str, object]:
        found = {"__class__": type(thing), **(thing.__dict__ if has_dict else {})}
        for name in cached:
            found.pop(name, None)
        for slot in slots:
            found[slot.__name__] = _slot(slot, thing)
        return found

    return attributes


def _slot(slot: types.MemberDescriptorType, thing: Any) -> object:
    try:
        value: object = slot.__get__(thing)
    except AttributeError:
        return MISSING
    return value
