"""The laws of trajectory caches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from asc.computation import Cache, Computation
from asc.testing.checks import require
from asc.testing.contents import contents
from asc.testing.effort import cost
from asc.testing.laws.base import Laws
from asc.testing.problems import machine
from asc.types import Transition

_STATS = ("entries", "bytes", "hits", "misses", "evictions")


class Place(NamedTuple):
    """A computation at a position, and a transition that holds there."""

    computation: Computation
    transition: Transition


class CacheLaws(Laws):
    """What every trajectory cache promises. Give `cache`, and `places` where it is made for one kind of computation.

    class TestMine(CacheLaws):
        def cache(self, max_entries):
            return Mine(max_entries)
    """

    def cache(self, max_entries: int) -> Cache:
        """Make an empty cache that holds so many transitions at most, a fresh one each time."""
        raise NotImplementedError("give the class a method cache(max_entries) that makes the one to be tested")

    def places(self) -> Sequence[Place]:
        """Make some computations, each at another state, with a transition that holds there and nowhere else."""
        found = []
        for supersteps in range(6):
            here, ahead = machine("congruential", 1000), machine("congruential", 1000)
            for computation in (here, ahead):
                computation.advance(10 * supersteps)
            learnt = ahead.advance(10, record=True).learnt
            assert learnt is not None
            found.append(Place(here, learnt))
        return found

    def test_an_empty_one_finds_nothing(self) -> None:
        """A new cache has no entries, and every look-up is a miss.

        If it fails: something is shared between instances, such as a class attribute.
        """
        cache, places = self.cache(8), self.places()
        require(len(cache) == 0, f"a new cache has {len(cache)} entries")
        for place in places:
            require(cache.lookup(place.computation) is None, "a new cache found something")

    def test_finds_what_holds_here(self) -> None:
        """What was put in is found again where everything that it read is the same.

        If it fails: look at how a place is keyed; `computation.agrees(transition)` decides.
        """
        cache, places = self.cache(8), self.places()
        for place in places:
            require(cache.insert(place.transition), "it did not take a transition in, though there was room")
        for place in places:
            found = cache.lookup(place.computation)
            require(found is not None, f"at position {place.computation.position()} it did not find what was put in")
            require(found is not None and place.computation.agrees(found), "it found what does not hold there")

    def test_misses_what_holds_elsewhere(self) -> None:
        """What was read somewhere else is not found here: a wrong hit is a wrong result.

        If it fails: verify with `computation.agrees(transition)` before you answer.
        """
        first, *others = self.places()
        cache = self.cache(8)
        cache.insert(first.transition)
        for place in others:
            found = cache.lookup(place.computation)
            where = f"at position {place.computation.position()} it found a transition from {first.transition.start}"
            require(found is None, where)

    def test_passes_no_given_position(self) -> None:
        """A look-up with `until` finds nothing that leads beyond that position.

        If it fails: compare `computation.position() + transition.steps` with `until`.
        """
        for place in self.places():
            cache, end = self.cache(8), place.computation.position() + place.transition.steps
            cache.insert(place.transition)
            require(cache.lookup(place.computation, until=end - 1) is None, f"it leapt beyond position {end - 1}")
            require(cache.lookup(place.computation, until=end) is not None, f"it found nothing up to position {end}")

    def test_is_bounded(self) -> None:
        """However many transitions come, a cache holds no more than its bound, and says how many it gave up.

        If it fails: evict before you take another in.
        """
        cache = self.cache(2)
        for place in self.places():
            cache.insert(place.transition)
            require(len(cache) <= 2, f"it holds {len(cache)} entries, and its bound is 2")

    def test_instances_are_isolated(self) -> None:
        """Two caches share nothing.

        If it fails: something is kept in the class or the module; keep it in the instance.
        """
        one, other = self.cache(8), self.cache(8)
        place = self.places()[0]
        one.insert(place.transition)
        require(len(other) == 0 and other.lookup(place.computation) is None, "what one took in, another one found")

    def test_leaves_things_untouched(self) -> None:
        """Neither the computation nor a transition is changed by being looked up or kept.

        If it fails: copy before you write.
        """
        cache = self.cache(8)
        for place in self.places():
            digest, held = place.computation.digest(), contents(place.transition)
            cache.insert(place.transition)
            found = cache.lookup(place.computation)
            require(place.computation.digest() == digest, "a look-up changed the computation")
            require(contents(place.transition) == held, "taking a transition in changed it")
            same = found is None or (found.start, found.steps) == (place.transition.start, place.transition.steps)
            require(same, f"it gave back another transition than it took in: {found!r}")

    def test_counts(self) -> None:
        """Statistics have entries, bytes, hits, misses and evictions, and they are right.

        If it fails: the sentence says what is missing or wrong; a cache may tell more than these.
        """
        cache, places = self.cache(8), self.places()
        cache.lookup(places[0].computation)
        for place in places:
            cache.insert(place.transition)
        cache.lookup(places[0].computation)
        stats = cache.stats()
        missing = [name for name in _STATS if name not in stats]
        require(not missing, f"the statistics lack {', '.join(missing)}")
        require(stats["entries"] == len(cache), f"it says {stats['entries']} entries and holds {len(cache)}")
        counted = (stats["hits"], stats["misses"]) == (1, 1)
        require(counted, f"after one hit and one miss it says {stats['hits']} and {stats['misses']}")
        require(stats["bytes"] > 0, "it says that it holds no bytes, though it holds entries")

    def test_cost_is_reported(self, record_property: Callable[[str, object], None]) -> None:
        """Time and memory of a look-up are reported, and never judged.

        Run pytest with `-p asc.testing.costs` to see them. If it fails: it raised.
        """
        cache, places = self.cache(8), self.places()
        record_property("look up in vain", str(cost(partial(cache.lookup, places[0].computation))))
        for place in places:
            cache.insert(place.transition)
        record_property("look up and find", str(cost(partial(cache.lookup, places[0].computation))))
