"""The trajectory cache: transitions found again by what they read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Collection, Hashable, Mapping
from typing import Any

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Transition

_INDEX = 4  # words of the index at most
_PROBES = 16  # entries of one bucket that are verified before a look-up gives up

Bucket = list[int]  # serial numbers of entries, oldest first


class Cache(ABC):
    """Verified transitions, found again by what they read."""

    @abstractmethod
    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Find a transition that agrees with the present state and does not pass position `until`."""

    @abstractmethod
    def insert(self, transition: Transition) -> bool:
        """Store a transition, evicting others where the bounds require it; False if it alone exceeds them."""

    def discard(self, transition: Transition) -> None:
        """Note that a judged run has just taken this transition, whose start it will hardly reach again."""

    def words_read(self) -> Collection[str]:
        """Return the names of all state words that the transitions so far have read; empty where states have none."""
        return ()

    @abstractmethod
    def clear(self) -> None:
        """Drop all transitions."""

    @abstractmethod
    def stats(self) -> Mapping[str, int]:
        """Return entries, bytes, hits, misses and evictions; a cache may report more."""

    @abstractmethod
    def __len__(self) -> int:
        """How many transitions there are."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed judged run must find in its cache; as for a component, empty by default."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""


class TrajectoryCache(Cache):
    """Entries match when every word that they read has the same bits now; all other words are "don't care".

    The few words that most entries read are the index: an entry is filed under the index words that it did read and
    their bits, and the rest of what it read is verified. Entries are not grouped by the exact set of words they read,
    since those sets vary from one superstep to the next. Least recently used entries leave first. Source: Waterland et
    al. 2014, trajectory cache.
    """

    class Config(Settings):
        """Bounds of the cache."""

        max_entries: int = Field(65_536, ge=0, description="transitions kept at most; 0 remembers nothing")
        max_bytes: int = Field(256 * 2**20, ge=0, description="bytes of transitions kept at most")

    def __init__(self, config: Config | None = None) -> None:
        self._config = config or self.Config()
        self._entries: OrderedDict[int, Transition] = OrderedDict()  # oldest use first
        self._serial = 0
        self._bytes = 0
        self._index: tuple[str, ...] = ()
        self._shelves: dict[tuple[str, ...], dict[Hashable, Bucket]] = {}  # index words read; their bits; entries
        self._reindex_at = 1  # serial at which the index is chosen anew
        self._hits = self._misses = self._evictions = 0
        self._read: set[str] = set()

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Find a transition that agrees with the current state and does not pass position `until`.

        Of several that agree the longest wins.
        """
        best = None
        longest, room = -1, None if until is None else until - computation.position()
        for names, shelf in self._shelves.items():
            for serial in shelf.get(computation.key(names), ())[-_PROBES:]:
                entry = self._entries[serial]
                if longest < entry.steps and (room is None or entry.steps <= room) and computation.agrees(entry):
                    best, longest = serial, entry.steps
        if best is None:
            self._misses += 1
            return None
        self._hits += 1
        self._entries.move_to_end(best)
        return self._entries[best]

    def insert(self, transition: Transition) -> bool:
        """Store a transition, evicting the least recently used to keep the bounds; False if it alone exceeds them."""
        if transition.nbytes > self._config.max_bytes or self._config.max_entries == 0:
            return False
        self._read.update(transition.causal)
        self._serial += 1
        self._entries[self._serial] = transition
        self._bytes += transition.nbytes
        self._file(self._serial, transition)
        while len(self._entries) > self._config.max_entries or self._bytes > self._config.max_bytes:
            self._remove(next(iter(self._entries)))
            self._evictions += 1
        if self._serial >= self._reindex_at:
            self._reindex()
        return True

    def discard(self, transition: Transition) -> None:
        """Remove a transition, if it is there, to free the memory that it holds."""
        for serial in [serial for serial, entry in self._entries.items() if entry is transition]:
            self._remove(serial)

    def words_read(self) -> Collection[str]:
        """Return the names of the words that all transitions so far have read, also those that were evicted."""
        return self._read

    def clear(self) -> None:
        """Drop all transitions."""
        for serial in list(self._entries):
            self._remove(serial)

    def stats(self) -> Mapping[str, int]:
        """Entries and bytes held; hits, misses and evictions so far."""
        return {
            "entries": len(self._entries),
            "bytes": self._bytes,
            "hits": self._hits,
            "misses": self._misses,
            "evictions": self._evictions,
        }

    def _place(self, transition: Transition) -> tuple[tuple[str, ...], Hashable]:
        names = tuple(name for name in self._index if name in transition.causal)
        return names, tuple(transition.causal[name] for name in names)

    def _file(self, serial: int, transition: Transition) -> None:
        names, key = self._place(transition)
        self._shelves.setdefault(names, {}).setdefault(key, []).append(serial)

    def _remove(self, serial: int) -> None:
        transition = self._entries.pop(serial)
        names, key = self._place(transition)
        bucket = self._shelves[names][key]
        bucket.remove(serial)
        if not bucket:
            del self._shelves[names][key]
        if not self._shelves[names]:
            del self._shelves[names]
        self._bytes -= transition.nbytes

    def _reindex(self) -> None:
        """Choose the index words anew, and file all entries again; each time half as often.

        The index words are those that many entries read, and that distinguish most of these entries.
        """
        self._reindex_at = 2 * self._serial
        values: dict[str, list[Hashable]] = {}
        for entry in self._entries.values():
            for name, value in entry.causal.items():
                values.setdefault(name, []).append(value)
        often = [name for name, read in values.items() if 4 * len(read) >= len(self._entries)]
        index = tuple(sorted(sorted(often, key=lambda name: (-len(set(values[name])), name))[:_INDEX]))
        if index != self._index:
            self._index, self._shelves = index, {}
            for serial, entry in self._entries.items():
                self._file(serial, entry)
