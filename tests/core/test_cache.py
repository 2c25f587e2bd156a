"""The trajectory cache: entries match on the bits of what they read, and on nothing else."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from asc.cache import TrajectoryCache
from asc.reference.registers import Registers
from asc.types import Snapshot, Transition
from asc.words import Word, bits

END = 10**9


def state(words: Mapping[str, Word], position: int = 0) -> Registers:
    registers = Registers(lambda _: {}, words, steps=END)
    registers.restore(Snapshot(position, 0, words, 0))
    return registers


def entry(read: Mapping[str, Word], steps: int = 1, nbytes: int = 1) -> Transition:
    causal: dict[str, Hashable] = {name: bits(value) for name, value in read.items()}
    return Transition(0, steps, None, nbytes, "", causal)


def cache_of(*entries: Transition, max_entries: int = 65_536, max_bytes: int = 10**9) -> TrajectoryCache:
    cache = TrajectoryCache(TrajectoryCache.Config(max_entries=max_entries, max_bytes=max_bytes))
    for each in entries:
        assert cache.insert(each)
    return cache


@pytest.mark.parametrize(
    ("kept", "present"),
    [(1, True), (True, 1), (0.0, -0.0), (1, 1.0), (1, np.int64(1)), (np.int32(1), np.int64(1)), ("a", b"a")],
)
def test_lookalikes_do_not_match(kept: Word, present: Word) -> None:
    cache = cache_of(entry({"a": kept}))
    assert cache.lookup(state({"a": present})) is None
    assert cache.lookup(state({"a": kept})) is not None


def test_nan_matches_itself() -> None:
    assert cache_of(entry({"a": math.nan})).lookup(state({"a": float("nan")})) is not None


def test_words_that_were_not_read_do_not_matter() -> None:
    cache = cache_of(entry({"a": 1}))
    assert cache.lookup(state({"a": 1, "b": 5, "c": "x"})) is not None
    assert cache.lookup(state({"a": 2, "b": 5, "c": "x"})) is None
    assert cache_of(entry({})).lookup(state({"b": 5})) is not None


def test_the_longest_of_those_that_agree_wins() -> None:
    short, long, other = entry({"a": 1}, 3), entry({"a": 1, "b": 1}, 9), entry({"a": 1, "b": 2}, 50)
    cache = cache_of(short, other, long)
    assert cache.lookup(state({"a": 1, "b": 1})) is long
    assert cache.lookup(state({"a": 1, "b": 7})) is short


def test_none_passes_the_given_position() -> None:
    short, long = entry({"a": 1}, 3), entry({"a": 1}, 9)
    cache = cache_of(short, long)
    here = state({"a": 1}, position=100)
    assert cache.lookup(here, until=109) is long
    assert cache.lookup(here, until=108) is short
    assert cache.lookup(here, until=102) is None
    assert cache.lookup(here) is long


def test_the_least_recently_used_leave_first() -> None:
    cache = cache_of(*(entry({"a": i}, i + 1) for i in range(3)), max_entries=3)
    assert cache.lookup(state({"a": 0})) is not None
    cache.insert(entry({"a": 3}))
    assert cache.lookup(state({"a": 1})) is None
    assert all(cache.lookup(state({"a": i})) is not None for i in (0, 2, 3))
    assert cache.stats()["evictions"] == 1


def test_bytes_are_bounded() -> None:
    cache = cache_of(*(entry({"a": i}, nbytes=4) for i in range(5)), max_bytes=12)
    assert [cache.lookup(state({"a": i})) is not None for i in range(5)] == [False, False, True, True, True]
    assert cache.insert(entry({"a": 9}, nbytes=12))
    assert len(cache) == 1
    assert not cache.insert(entry({"a": 10}, nbytes=13))
    assert cache.lookup(state({"a": 9})) is not None
    assert cache.stats() == {"entries": 1, "bytes": 12, "hits": 4, "misses": 2, "evictions": 5}


def test_one_without_room_remembers_nothing() -> None:
    cache = cache_of(max_entries=0)
    assert not cache.insert(entry({"a": 1}))
    assert cache.lookup(state({"a": 1})) is None
    assert len(cache) == 0


def found(cache: TrajectoryCache, words: Mapping[str, Word], present: Mapping[str, Word]) -> bool:
    return cache.lookup(state({**present, **words})) is not None


def test_the_index_is_chosen_anew_where_the_first_entry_was_no_guide() -> None:
    cache = cache_of(entry({"a": -1, "odd": 1}), *(entry({"a": i}) for i in range(80)))
    assert all(found(cache, {"a": i}, {"odd": 0}) for i in range(80))
    assert found(cache, {"a": -1}, {"odd": 1})


def test_the_index_is_chosen_anew_where_it_tells_too_little_apart() -> None:
    cache = cache_of(entry({"mode": 7}, 1), *(entry({"mode": 7, "n": i}, 5) for i in range(80)))
    here = [cache.lookup(state({"mode": 7, "n": i})) for i in range(80)]
    assert [each.steps for each in here if each is not None] == [5] * 80


def test_the_index_is_made_of_words_that_tell_entries_apart() -> None:
    """Also where they are read last, after many that are always the same."""
    settings = {f"setting{i}": i for i in range(9)}
    cache = cache_of(*(entry({**settings, "n": i}) for i in range(80)))
    assert all(found(cache, {"n": i}, settings) for i in range(80))


def test_the_index_follows_the_program_into_another_phase() -> None:
    """Also in a cache that has long been full, whose number of entries never grows again."""
    cache = cache_of(*(entry({"a": i}) for i in range(200)), max_entries=100)
    for i in range(400):
        cache.insert(entry({"b": i}))
    assert all(found(cache, {"b": i}, {"a": -1}) for i in range(300, 400))


names = st.sampled_from("abc")
values = st.sampled_from([0, 1, True, 0.0, -0.0, math.nan, "", b""])
readings = st.dictionaries(names, values)


class AgainstAList(RuleBasedStateMachine):
    """A cache of few entries does what a list does that is searched from end to end."""

    def __init__(self) -> None:
        super().__init__()
        self.cache = TrajectoryCache(TrajectoryCache.Config(max_entries=9, max_bytes=30))
        self.entries: list[Transition] = []  # least recently used first
        self.inserted = self.evicted = 0

    @rule(read=readings, nbytes=st.integers(0, 32))
    def insert(self, read: Mapping[str, Word], nbytes: int) -> None:
        self.inserted += 1
        new = entry(read, steps=self.inserted, nbytes=nbytes)  # no two are equally long
        assert self.cache.insert(new) == (nbytes <= 30)
        if nbytes <= 30:
            self.entries.append(new)
            while len(self.entries) > 9 or sum(each.nbytes for each in self.entries) > 30:
                del self.entries[0]
                self.evicted += 1

    @rule(a=values, b=values, c=values, room=st.one_of(st.none(), st.integers(0, 40)))
    def lookup(self, a: Word, b: Word, c: Word, room: int | None) -> None:
        present = {"a": bits(a), "b": bits(b), "c": bits(c)}
        fitting = [
            each
            for each in self.entries
            if (room is None or each.steps <= room)
            and all(present[name] == value for name, value in each.causal.items())
        ]
        expected = max(fitting, key=lambda each: each.steps, default=None)
        here = state({"a": a, "b": b, "c": c}, position=50)
        assert self.cache.lookup(here, None if room is None else 50 + room) is expected
        if expected is not None:
            self.entries.remove(expected)
            self.entries.append(expected)

    @invariant()
    def bounds(self) -> None:
        stats = self.cache.stats()
        assert stats["entries"] == len(self.cache) == len(self.entries)
        assert stats["bytes"] == sum(each.nbytes for each in self.entries)
        assert stats["evictions"] == self.evicted


TestAgainstAList = AgainstAList.TestCase
TestAgainstAList.settings = settings(max_examples=60, stateful_step_count=40)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.frozensets(names, min_size=1), st.integers(0, 9)), max_size=150),
    st.integers(1, 60),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=10),
)
def test_what_is_found_always_agrees(
    parts: list[tuple[frozenset[str], int]], most: int, places: list[tuple[int, int, int]]
) -> None:
    """Through all changes of the index: nothing is found that does not agree, and counts stay right."""
    cache = cache_of(*(entry(dict.fromkeys(read, value)) for read, value in parts), max_entries=most)
    for place in places:
        here = state(dict(zip("abc", place, strict=True)))
        hit = cache.lookup(here)
        assert hit is None or here.agrees(hit)
    assert len(cache) == min(most, len(parts))
    assert cache.stats()["hits"] + cache.stats()["misses"] == len(places)
