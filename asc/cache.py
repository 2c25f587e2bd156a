"""The trajectory cache: transitions found again by what they read."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Hashable

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Transition

_CROWD = 32  # entries that the index does not tell apart; more of them, and it is chosen anew
_PROBES = 16  # entries of one bucket that are verified before a look-up gives up


class TrajectoryCache:
    """Entries match when every word that they read has the same bits now; all other words are "don't care".

    The words that nearly all entries read are the index, hashed together; the rest of what an entry read is verified.
    Entries are not grouped by the exact set of words they read, since those sets vary from one superstep to the next.
    Least recently used entries leave first. Source: Waterland et al. 2014, trajectory cache.
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
        self._buckets: dict[Hashable, list[int]] = {}
        self._loose: list[int] = []
        self._reindex_from = 0  # serial from which on the index may be chosen anew
        self._hits = self._misses = self._evictions = 0

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Find a transition that agrees with the current state and does not pass position `until`.

        Of several that agree the longest wins.
        """
        best = None
        room = None if until is None else until - computation.position()
        key = computation.key(self._index)
        for bucket in (self._buckets.get(key, ()), self._loose):
            for serial in bucket[-_PROBES:]:
                entry = self._entries[serial]
                fits = room is None or entry.steps <= room
                if fits and (best is None or entry.steps > self._entries[best].steps) and computation.agrees(entry):
                    best = serial
        if best is None:
            self._misses += 1
            return None
        self._hits += 1
        self._entries.move_to_end(best)
        return self._entries[best]

    def insert(self, transition: Transition) -> bool:
        """Take one in, evicting the least recently used where the bounds ask for it; False if it alone exceeds them."""
        if transition.nbytes > self._config.max_bytes or self._config.max_entries == 0:
            return False
        self._serial += 1
        self._entries[self._serial] = transition
        self._bytes += transition.nbytes
        home = self._home(transition)
        home.append(self._serial)
        while len(self._entries) > self._config.max_entries or self._bytes > self._config.max_bytes:
            self._evict()
        if self._serial >= self._reindex_from and (len(home) > _CROWD or not self._reindex_from):
            self._reindex()
        return True

    def stats(self) -> dict[str, int]:
        """Entries and bytes held; hits, misses and evictions so far."""
        return {
            "entries": len(self._entries),
            "bytes": self._bytes,
            "hits": self._hits,
            "misses": self._misses,
            "evictions": self._evictions,
        }

    def _home(self, transition: Transition) -> list[int]:
        causal = transition.causal
        if all(name in causal for name in self._index):
            return self._buckets.setdefault(tuple(causal[name] for name in self._index), [])
        return self._loose

    def _evict(self) -> None:
        self._remove(next(iter(self._entries)))
        self._evictions += 1

    def _remove(self, serial: int) -> None:
        transition = self._entries[serial]
        home = self._home(transition)
        home.remove(serial)
        if not home and home is not self._loose:
            del self._buckets[tuple(transition.causal[name] for name in self._index)]
        del self._entries[serial]
        self._bytes -= transition.nbytes

    def _reindex(self) -> None:
        """Choose the words that at least half of the entries read, and file everything anew."""
        counts = Counter(name for entry in self._entries.values() for name in entry.causal)
        self._index = tuple(sorted(name for name, count in counts.items() if 2 * count >= len(self._entries)))
        self._buckets, self._loose = {}, []
        self._reindex_from = self._serial + len(self._entries)  # so that filing anew costs each insertion little
        for serial, entry in self._entries.items():
            self._home(entry).append(serial)
