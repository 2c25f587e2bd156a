"""Objects made anew, so that steps reach their attributes fast.

CPython before 3.13 keeps the attributes of a new object in the object itself, and reaches them fastest there. Once
`vars` is asked for, they are in a dictionary for good, and whatever looks at the content of an object asks for it.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from sys import getrefcount
from typing import Any

from asc_toy.content.objects import hindrance, slots_of
from asc_toy.content.values import PRIMITIVES

MOST = 30  # attributes that CPython keeps in an object itself
_IS_USEFUL = sys.version_info < (3, 13)
_LONGEST = 10_000  # parts of a list or a dictionary that is looked through
_ALONE = 4  # references to what is held in one place, while it is counted: by that place, and by three variables
_UNSHARED = 3  # the same for the dictionary of an object
_set: Any = object.__setattr__


def renew(words: dict[str, Any]) -> None:
    """Replace objects within words by new ones with the same attributes, in the lists and dictionaries that hold them.

    An object is replaced where one thing refers to it, and nothing else does, so that nobody can tell.
    """
    waiting: list[tuple[Any, tuple[str, ...]]] = []  # what holds parts; for a new object, the names of its attributes
    if _IS_USEFUL:
        waiting.append((words, ()))
    seen = {id(words)}

    def wait_for(value: Any) -> None:
        if type(value) in (list, dict) and len(value) <= _LONGEST and id(value) not in seen:
            seen.add(id(value))
            waiting.append((value, ()))

    while waiting:
        places, parts, put = _opened(*waiting.pop())
        if not any(kind in (list, dict) or _is_renewable(kind) for kind in set(map(type, parts))):
            continue
        index = 0
        for part in parts:  # nothing that pairs parts with places, since it would refer to the part as well
            cls: Any = type(part)
            place = places[index]
            index += 1  # noqa: SIM113 -- as above
            if not _is_renewable(cls):
                wait_for(part)
            elif getrefcount(part) == _ALONE and type(place) in PRIMITIVES and (names := _usual_names(part)):
                new = _renewed(part)
                put(place, new)
                waiting.append((new, names))


def _opened(holder: Any, names: tuple[str, ...]) -> tuple[Sequence[Any], list[Any], Callable[[Any, Any], None]]:
    """Return where the parts are, the parts, and what puts another one into a place."""
    if type(holder) is list:
        return range(len(holder)), list(holder), holder.__setitem__
    if type(holder) is dict:
        return list(holder), list(holder.values()), holder.__setitem__
    return names, [object.__getattribute__(holder, name) for name in names], partial(_set, holder)


def _renewed(value: Any) -> Any:
    new = object.__new__(type(value))
    for name, part in value.__dict__.items():
        _set(new, name, part)
    return new


def _usual_names(value: Any) -> tuple[str, ...]:
    """Return the names of the attributes; none where the object, or its dictionary, cannot be replaced."""
    attributes = value.__dict__
    if type(attributes) is not dict or getrefcount(attributes) != _UNSHARED or weakref.getweakrefcount(value):
        return ()
    cls: Any = type(value)
    names = tuple(attributes)
    return names if len(names) <= MOST and _are_usual(cls, names) else ()


@lru_cache(maxsize=1024)
def _is_renewable(cls: Any) -> bool:
    """Whether instances of a class have attributes, which are reached as usual, and nothing else."""
    usual = cls.__dictoffset__ != 0 and cls.__getattribute__ is object.__getattribute__
    return _IS_USEFUL and usual and not hindrance(cls) and not slots_of(cls)


@lru_cache(maxsize=1024)
def _are_usual(cls: Any, names: tuple[Any, ...]) -> bool:
    """Whether attributes of these names are set as usual, by no property or other descriptor."""
    spaces = [vars(base) for base in cls.__mro__]
    return all(type(name) is str for name in names) and not any(
        hasattr(type(space[name]), method)
        for name in names
        for space in spaces
        if name in space
        for method in ("__set__", "__delete__")
    )
