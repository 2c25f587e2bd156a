"""The laws of trajectory caches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat

from asc.cache import Cache
from asc.reference.programs import machine
from asc.testing.checks import require
from asc.testing.contents import contents
from asc.testing.effort import cost, instructions
from asc.testing.laws.base import Laws, form
from asc.testing.leaping import Match

_STATS = ("entries", "bytes", "hits", "misses", "evictions")


class CacheLaws(Laws):
    """What every trajectory cache promises. Write `cache`, and `matches` for a cache of one kind of computation.

    class TestMine(CacheLaws):
        def cache(self, max_entries):
            return Mine(max_entries)
    """

    def cache(self, max_entries: int) -> Cache:
        """Make an empty cache of at most `max_entries` transitions, a fresh one each time."""
        raise NotImplementedError("give the class a method cache(max_entries) that makes the one to be tested")

    def matches(self, count: int = 6) -> Sequence[Match]:
        """Make `count` computations in different states, each with a transition that matches its state and no other."""
        found, ahead = [], machine("congruential", 10 * count)
        for _ in range(count):
            here = machine("congruential", 10 * count)
            here.restore(ahead.snapshot())
            transition = ahead.advance(10, record=True).recorded
            assert transition is not None
            found.append(Match(here, transition))
        return found

    def test_an_empty_one_finds_nothing(self) -> None:
        """A new cache has no entries, and every look-up is a miss.

        If it fails: something is shared between instances, such as a class attribute.
        """
        cache, matches = self.cache(8), self.matches()
        require(len(cache) == 0, f"a new cache has {len(cache)} entries")
        for match in matches:
            require(cache.lookup(match.computation) is None, "a new cache found something")

    def test_finds_what_matches(self) -> None:
        """A transition is found again where everything that it read is the same.

        If it fails: look at the keys of the entries; `computation.agrees(transition)` decides.
        """
        cache, matches = self.cache(8), self.matches()
        for match in matches:
            require(cache.insert(match.transition), "it did not store a transition, though there was room")
        for match in matches:
            found, where = cache.lookup(match.computation), f"at position {match.computation.position()}"
            require(found is not None, f"{where} it did not find the transition that was stored")
            require(found is not None and match.computation.agrees(found), f"{where} it found what does not match")

    def test_misses_what_does_not_match(self) -> None:
        """A transition from another state is not found: a wrong hit is a wrong result.

        If it fails: verify with `computation.agrees(transition)` before you answer.
        """
        first, *others = self.matches()
        cache = self.cache(8)
        cache.insert(first.transition)
        for match in others:
            found = cache.lookup(match.computation)
            where = f"at position {match.computation.position()} it found a transition from {first.transition.start}"
            require(found is None, where)

    def test_passes_no_given_position(self) -> None:
        """A look-up with `until` finds nothing that leads past that position.

        If it fails: compare `computation.position() + transition.steps` with `until`.
        """
        for match in self.matches():
            cache, end = self.cache(8), match.computation.position() + match.transition.steps
            cache.insert(match.transition)
            require(cache.lookup(match.computation, until=end - 1) is None, f"it leapt past position {end - 1}")
            require(cache.lookup(match.computation, until=end) is not None, f"it found nothing up to position {end}")

    def test_is_bounded(self) -> None:
        """However many transitions come, a cache keeps no more than its bound, and counts the evicted ones.

        If it fails: evict before you store another.
        """
        cache, stored = self.cache(2), 0
        for match in self.matches():
            stored += cache.insert(match.transition)
            require(len(cache) <= 2, f"it holds {len(cache)} entries, and its bound is 2")
        evicted, counted = stored - len(cache), cache.stats().get("evictions")
        problem = f"of {stored} transitions it has kept {len(cache)}, and it counts {counted} evictions"
        require(counted == evicted, problem)

    def test_discards_only_what_was_taken(self) -> None:
        """A run discards the transition that it has taken: all others stay, and nothing is raised.

        If it fails: remove that very transition or none, also where it is no longer there.
        """
        cache, matches = self.cache(8), self.matches()
        taken, never, *others = matches
        for match in (taken, *others):
            cache.insert(match.transition)
        for transition in (taken.transition, taken.transition, never.transition):
            try:
                cache.discard(transition)
            except Exception as error:
                raise AssertionError(f"discard raised {type(error).__name__}: {error}") from error
        for match in others:
            where = f"at position {match.computation.position()}"
            require(cache.lookup(match.computation) is not None, f"it discarded others than the one taken, {where}")

    def test_work_does_not_grow(self) -> None:
        """A look-up among many entries takes no more work than among a few: a run asks at each boundary.

        Counted in Python's instructions, not in seconds. If it fails: file entries under bits of what they read, which
        `computation.key(names)` gives for the present state, rather than trying one after another.
        """
        matches, taken = self.matches(160), []
        for few in (40, 160):
            cache = self.cache(1000)
            for match in matches[:few]:
                cache.insert(match.transition)
            taken.append(max(instructions(partial(cache.lookup, match.computation)) for match in matches[:40]))
        grown = f"a look-up took {taken[0]:,} instructions among 40 entries and {taken[1]:,} among 160"
        require(taken[1] <= 2 * taken[0] + 500, grown)

    def test_instances_are_isolated(self) -> None:
        """Two caches share nothing.

        If it fails: something is kept in the class or the module; keep it in the instance.
        """
        one, other = self.cache(8), self.cache(8)
        match = self.matches()[0]
        one.insert(match.transition)
        shared = len(other) > 0 or other.lookup(match.computation) is not None
        require(not shared, "one cache found what another had stored")

    @form
    def test_leaves_things_untouched(self) -> None:
        """Neither a look-up nor an insertion changes the computation or the transition.

        If it fails: copy before you write.
        """
        cache = self.cache(8)
        for computation, transition in self.matches():
            digest, before = computation.digest(), contents(transition)
            cache.insert(transition)
            require(contents(transition) == before, "storing a transition changed it")
            found = cache.lookup(computation)
            require(computation.digest() == digest, "a look-up changed the computation")
            require(contents(transition) == before, "a look-up changed a transition")
            same = found is None or (found.start, found.steps) == (transition.start, transition.steps)
            require(same, f"it returned another transition than it had stored: {found!r}")

    def test_counts(self) -> None:
        """Statistics have entries, bytes, hits, misses and evictions, and they are right.

        If it fails: the sentence says what is missing or wrong; a cache may report more than these.
        """
        cache, matches = self.cache(8), self.matches()
        cache.lookup(matches[0].computation)
        for match in matches:
            cache.insert(match.transition)
        cache.lookup(matches[0].computation)
        stats = cache.stats()
        missing = [name for name in _STATS if name not in stats]
        require(not missing, f"the statistics lack {', '.join(missing)}")
        require(stats["entries"] == len(cache), f"it reports {stats['entries']} entries and holds {len(cache)}")
        counted = (stats["hits"], stats["misses"]) == (1, 1)
        require(counted, f"after one hit and one miss it reports {stats['hits']} and {stats['misses']}")
        require(stats["bytes"] > 0, "it reports that it holds no bytes, though it holds entries")

    def test_cost_is_reported(self, record_property: Callable[[str, object], None]) -> None:
        """Time and memory of a look-up are reported, and never judged.

        Run pytest with `-p asc.testing.pytest_plugin` to see them. If it fails: it raised.
        """
        cache, matches = self.cache(8), self.matches()
        record_property("look up in vain", tuple(cost(repeat(partial(cache.lookup, matches[0].computation), 5))))
        for match in matches:
            cache.insert(match.transition)
        record_property("look up and find", tuple(cost(repeat(partial(cache.lookup, matches[0].computation), 5))))
