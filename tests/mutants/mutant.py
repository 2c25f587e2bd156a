"""A component that is wrong on purpose, made from a sound one, and the sentence with which a law catches it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from types import FunctionType, MappingProxyType
from typing import Any, NamedTuple

from asc.testing.laws.base import Laws


class Mutant(NamedTuple):
    """A wrong implementation."""

    fault: str  # what is wrong with it
    make: Callable[..., Any]  # a class that derives from the sound one
    sentence: str  # a piece of the sentence with which the law catches it; a regular expression


Table = Mapping[str, Sequence[Mutant]]
"""Mutants by the law that must catch them."""


def mutate(base: type[Any], **changes: Any) -> type[Any]:
    """Return a subclass in which methods and attributes are replaced.

    A function is called with the instance, the method that it replaces, and the arguments.
    """
    members = {name: _method(base, name, change) for name, change in changes.items()}
    mutated: type[Any] = type("Mutated", (base,), members)  # the metaclass is that of the base
    return mutated


def merged(*tables: Table) -> Table:
    """Return the mutants of several tables, by law."""
    laws = dict.fromkeys(law for table in tables for law in table)
    return MappingProxyType({law: tuple(one for table in tables for one in table.get(law, ())) for law in laws})


def under(laws: type[Laws], factory: str) -> Callable[[Callable[..., Any]], Laws]:
    """Return a class of these laws whose instances take what makes the component, and call it in `factory`."""

    def begin(self: Any, make: Callable[..., Any]) -> None:
        self.make = make

    def give(self: Any, *arguments: Any) -> Any:
        return self.make(*arguments)

    return type(f"{laws.__name__}OfAny", (laws,), {"__init__": begin, factory: give})


def fail(error: Exception) -> Any:
    """Raise."""
    raise error


def _method(base: type[Any], name: str, change: Any) -> Any:
    if not isinstance(change, FunctionType):
        return change

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        return change(self, partial(getattr(base, name), self), *arguments, **named)

    method.__name__ = name
    return method
