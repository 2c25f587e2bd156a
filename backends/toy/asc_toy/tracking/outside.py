"""What the program reaches beside its state: a word that shares a part of it is no part of the state alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple
from weakref import WeakKeyDictionary

import numpy as np

from asc_toy.ambient import Watch
from asc_toy.ambient.places import Place
from asc_toy.ambient.reach import Thing
from asc_toy.state import Array


class Outside(NamedTuple):
    """Everything that can change and that the code finds by a name, such as a global list."""

    owners: dict[int, str]  # names for people, by the `id` of each part
    arrays: dict[str, list[Array]]  # by name, as views of all the memory; no two of them share any


_known: WeakKeyDictionary[object, Outside] = WeakKeyDictionary()


def outside(watch: Watch) -> Outside:
    """Return what the watched code reaches; it is looked up once."""
    reach = watch.reach
    found = _known.get(reach)
    if found is None:
        owners = {id(thing.value): str(thing.place) for thing in reach.things}
        places = {id(memory): (str(place), memory) for place, memory in _memories(reach.things)}
        arrays: dict[str, list[Array]] = {}
        for name, memory in places.values():
            arrays.setdefault(name, []).append(memory[...])
        found = _known[reach] = Outside(owners, arrays)
    return found


def _memories(things: Iterable[Thing]) -> Iterator[tuple[Place, Array]]:
    """Yield for each array the one of which it is a view in the end: two global arrays may be views of one."""
    for thing in things:
        if isinstance(thing.value, np.ndarray):
            array = np.asarray(thing.value)
            while isinstance(array.base, np.ndarray):
                array = array.base
            yield thing.place, array
