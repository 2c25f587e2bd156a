"""What functions reach, as it is at one moment. Comparing it later costs little: mostly it compares addresses."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from itertools import zip_longest
from operator import attrgetter, is_, itemgetter
from types import FunctionType
from typing import Any, NamedTuple

from asc_toy.ambient.caches import results
from asc_toy.ambient.places import Place, Space
from asc_toy.ambient.reach import Reach
from asc_toy.ambient.views import MISSING, is_fixed

_dict_of = attrgetter("__dict__")
_pieces_of = attrgetter("__code__", "__defaults__", "__kwdefaults__")


class Replaced(NamedTuple):
    """Something else is in a place than before. MISSING stands for nothing, and for what has changed by itself."""

    place: Place
    old: Any
    new: Any


class Record:
    """Everything that a `Reach` has found, as the thread that makes the record sees it now."""

    def __init__(self, reach: Reach) -> None:
        self._thread = threading.get_ident()
        things = reach.things
        self._names = [_Names(space) for space in reach.spaces.values()]
        self._parts = [
            (thing, parts, list(parts(thing.value)))
            for thing in things
            if (parts := thing.view.parts) and not thing.view.fixed
        ]
        self._attributes = [
            (thing, attributes, attributes(thing.value)) for thing in things if (attributes := thing.view.attributes)
        ]
        self._bits = [(thing, bits, bits.take(thing.value)) for thing in things if (bits := thing.view.bits)]
        self._bare = [function for function in reach.functions if not function.__dict__]
        self._dressed = [(function, dict(function.__dict__)) for function in reach.functions if function.__dict__]
        self._remade = [(one, _pieces_of(one)) for one in reach.functions] if reach.remakes_functions else []
        self._misses = {id(function): function.cache_info().misses for function in reach.caches}
        self._caches = reach.caches

    def replaced(self) -> Iterator[Replaced]:
        """Yield what is different now."""
        for names in self._names:
            yield from names.replaced()
        for thing, parts, kept in self._parts:
            now = parts(thing.value)
            if not _are_same(now, kept) and (self.is_of_this_thread or not thing.view.of_thread):
                for old, new in zip_longest(kept, now, fillvalue=MISSING):
                    yield Replaced(thing.place, old, new)
        for thing, attributes, held in self._attributes:
            found = attributes(thing.value)
            if not _are_same(found.values(), held.values()) or found.keys() != held.keys():
                for place, old, new in _differing(thing.place, held, found):
                    yield Replaced(place if thing.is_users else thing.place, old, new)
        for thing, bits, taken in self._bits:
            if not bits.same(thing.value, taken):
                yield Replaced(thing.place, thing.value, MISSING)
        yield from self._of_functions()

    def _of_functions(self) -> Iterator[Replaced]:
        bare = self._bare if any(map(_dict_of, self._bare)) else ()
        for function, held in (*((function, {}) for function in bare), *self._dressed):
            yield from _differing(_place(function), held, function.__dict__)
        for function, pieces in self._remade:
            for old, new in zip(pieces, _pieces_of(function), strict=True):
                yield Replaced(_place(function), old, new)

    @property
    def is_of_this_thread(self) -> bool:
        """Whether this thread made the record."""
        return threading.get_ident() == self._thread

    def of_each_thread(self) -> Place | None:
        """Return where something is that every thread has of its own; None where there is nothing."""
        return next((thing.place for thing, _, _ in self._parts if thing.view.of_thread), None)

    def keeps_more(self) -> str:
        """Return the name of a function whose cache has new values that can change; "" if there is none."""
        for function in self._caches:
            misses = function.cache_info().misses
            if misses != self._misses[id(function)]:
                if not all(map(is_fixed, results(function))):
                    return str(function.__name__)
                self._misses[id(function)] = misses
        return ""


class _Names:
    """The watched names of a module or a class."""

    def __init__(self, space: Space) -> None:
        self._space, self._size = space, len(space.names)
        self._all = frozenset(space.names if space.is_class else ())
        names = [*space.watched]
        self._take = itemgetter(*names, *names[:1]) if names else lambda _: ()  # a tuple, even of one name
        self._values = self._take(space.watched)

    def replaced(self) -> Iterator[Replaced]:
        space = self._space
        try:
            if all(map(is_, self._take(space.names), self._values)) and len(space.names) == self._size:
                return
        except KeyError:
            pass
        for name, old in space.watched.items():
            yield Replaced(space.place(name), old, space.names.get(name, MISSING))
        if space.is_class:
            new = [name for name in space.names if name not in self._all and name[:2] != "__"]
        else:
            new, self._size = [*space.assigned], len(space.names)  # modules get names of no interest, too
        for name in new:
            yield Replaced(space.place(name), MISSING, space.names.get(name, MISSING))


def _are_same(now: Collection[Any], kept: Collection[Any]) -> bool:
    return len(now) == len(kept) and all(map(is_, now, kept))


def _differing(place: Place, held: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Replaced]:
    for name in {**held, **found}:
        yield Replaced(place.attribute(name), held.get(name, MISSING), found.get(name, MISSING))


def _place(function: FunctionType) -> Place:
    return Place(function.__name__, "a function")
