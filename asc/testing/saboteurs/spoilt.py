"""A component that is wrong on purpose, and how it is found out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple


class Spoilt(NamedTuple):
    """A saboteur, and a piece of the sentence by which the law that is named for it catches it."""

    make: Callable[..., Any]  # as the good component is made; a class derives from the one that it spoils
    sentence: str  # a regular expression


Table = Mapping[str, Sequence[Spoilt]]
"""Saboteurs by the name of the law that must catch them."""
