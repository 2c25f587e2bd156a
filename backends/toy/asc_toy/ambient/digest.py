"""A digest of what code reaches, equal in two processes where the two would compute the same with it."""

from __future__ import annotations

import hashlib
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from asc_toy.ambient.query import Query
from asc_toy.ambient.views import PLAIN, View, view_of
from asc_toy.content import content


def digest(value: Any) -> bytes:
    """Return a digest of an object with all that it consists of.

    Functions count by their code and their name, classes and modules by their name: what they reach has digests of its
    own. The order of a set does not count, since it depends on the process.
    """
    sha = hashlib.blake2b(digest_size=20)
    numbers: dict[int, int] = {}
    kept: list[Any] = []  # keeps alive what has a number
    pending = [value]
    while pending:
        one = pending.pop()
        kind = type(one)
        if kind in PLAIN:
            sha.update(content(one))
            continue
        if id(one) in numbers:
            sha.update(b"@%d;" % numbers[id(one)])
            continue
        numbers[id(one)] = len(numbers)
        kept.append(one)
        token, parts = _taken_apart(one)
        sha.update(b"<%d:" % len(token) + token + b"%d>" % len(parts))
        pending += reversed(parts)
    return sha.digest()


def _taken_apart(one: Any) -> tuple[bytes, list[Any]]:
    """Return bytes of an object itself, and its parts."""
    kind: Any = type(one)
    if kind is Query:
        one, kind = one.function, type(one.function)
    if issubclass(kind, FunctionType):
        return f"{one.__module__}.{one.__qualname__} {_code(one.__code__)}".encode(), []
    if issubclass(kind, type | BuiltinFunctionType):
        return f"{one.__module__}.{one.__qualname__}".encode(), []
    if issubclass(kind, ModuleType):
        return one.__name__.encode(), []
    name = f"{kind.__module__}.{kind.__qualname__}".encode()
    if issubclass(kind, set | frozenset):
        return name + b"".join(sorted(map(digest, one))), []
    view = view_of(kind)
    parts = list(view.parts(one)) if view.parts else []
    attributes = view.attributes(one) if view.attributes else {}
    if not attributes and not (view.parts and not PLAIN.issuperset(map(type, parts))):
        try:
            return content(one), []
        except TypeError:
            pass
    return name + _bits(one, view), [*parts, *(part for item in attributes.items() for part in item)]


def _bits(one: Any, view: View) -> bytes:
    if view.bits is None:
        return b""
    taken = view.bits.take(one)
    return content(taken) if isinstance(taken, np.ndarray) else repr(taken).encode("utf-8", "surrogatepass")


def _code(code: CodeType) -> str:
    """Return a text that two pieces of code share where they do the same."""
    constants = [
        _code(constant)
        if isinstance(constant, CodeType)
        else str(sorted(map(repr, constant)))
        if isinstance(constant, frozenset)
        else repr(constant)
        for constant in code.co_consts
    ]
    return repr((code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars, code.co_flags))
