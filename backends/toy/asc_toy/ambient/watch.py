"""What a program's functions can read or change beside the state: watched here, and compared across processes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from asc_toy.ambient import surroundings
from asc_toy.ambient.digest import digest
from asc_toy.ambient.reach import Reach
from asc_toy.ambient.record import Record
from asc_toy.ambient.surroundings import Surroundings
from asc_toy.content import content


class Watch:
    """Watches what `functions` reach, in this process, from now on.

    `values` are those of the state: the methods of their classes are reached too.
    """

    def __init__(self, functions: Sequence[Callable[..., Any]], values: Iterable[Any] = ()) -> None:
        self._functions = tuple(functions)
        self._surroundings = Surroundings()
        self.reach = Reach(self._functions, values)
        self._record = Record(self.reach)

    @property
    def hindrance(self) -> str:
        """Why no superstep may be skipped at all, as a sentence; "" if nothing stands in the way."""
        return self.reach.hindrance

    def change(self) -> str:
        """Return what has changed since the watch began, as a sentence; "" where nothing has."""
        phrase = self.compared()
        return phrase and f"the step {phrase}"

    def compared(self) -> str:
        """Return what a step has done that changed anything, as a phrase with advice; "" where nothing has changed."""
        if phrase := self._surroundings.change():
            return phrase
        is_stale = False
        for place, old, new in self._record.replaced():
            if old is not new:
                if not _are_equal(old, new):
                    return f"changes {place}: put it into the state"
                is_stale = True
        if self._record.is_of_this_thread and (is_stale or self.keeps_more()):
            self._look_again()
        return ""

    def is_elsewhere(self) -> str:
        """Return what the code reads that this thread does not have, as a phrase; "" where there is nothing."""
        place = None if self._record.is_of_this_thread else self._record.of_each_thread()
        return f"reads {place}: each thread has its own" if place is not None else ""

    def keeps_more(self) -> str:
        """Return the name of a function whose cache has new values that can change; "" if there is none."""
        return self._record.keeps_more()

    def fingerprint(self) -> dict[str, bytes]:
        """Return digests by names for people; another process that has the same digests has the same surroundings."""
        found = surroundings.fingerprint(self.reach.names, hashes=self.reach.hashes)
        named: defaultdict[str, set[bytes]] = defaultdict(set)  # a function that was sent has globals of its own
        for place, value in self.reach.values():
            named[str(place)].add(digest(value))
        return found | {name: b"".join(sorted(digests)) for name, digests in named.items()}

    def _look_again(self) -> None:
        """Watch what is there now: other objects of the same contents."""
        self.reach = Reach(self._functions, self.reach.code)
        self._record = Record(self.reach)


def _are_equal(old: Any, new: Any) -> bool:
    if type(old) is not type(new):
        return False
    try:
        return content(old) == content(new)
    except TypeError:
        return False
