"""A component that is wrong on purpose, and how it is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from asc.testing.laws.base import Laws


class Spoilt(NamedTuple):
    """A saboteur, and a piece of the sentence by which the law that is named for it catches it."""

    make: Callable[..., Any]  # as the good component is made; a class derives from the one that it spoils
    sentence: str  # a regular expression


Table = Mapping[str, Sequence[Spoilt]]
"""Saboteurs by the name of the law that must catch them."""


def under(laws: type[Laws], factory: str) -> Callable[[Callable[..., Any]], Laws]:
    """Return a class of these laws for any component: it is made with what makes one, and has that as its `factory`."""

    def begin(self: Any, make: Callable[..., Any]) -> None:
        self.make = make

    def give(self: Any, *arguments: Any) -> Any:
        return self.make(*arguments)

    return type(f"{laws.__name__}OfAny", (laws,), {"__init__": begin, factory: give})
