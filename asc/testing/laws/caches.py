"""The laws of trajectory caches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import repeat
from typing import NamedTuple

from asc.computation import Cache, Computation
from asc.reference.programs import machine
from asc.testing.checks import require
from asc.testing.contents import contents
from asc.testing.effort import cost, instructions
from asc.testing.laws.base import Laws
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

    def places(self, count: int = 6) -> Sequence[Place]:
        """Make so many computations, each at another state, with a transition that holds there and nowhere else."""
        found, ahead = [], machine("congruential", 10 * count)
        for _ in range(count):
            here = machine("congruential", 10 * count)
            here.restore(ahead.snapshot())
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
        cache, taken = self.cache(2), 0
        for place in self.places():
            taken += cache.insert(place.transition)
            require(len(cache) <= 2, f"it holds {len(cache)} entries, and its bound is 2")
        given_up, said = taken - len(cache), cache.stats().get("evictions")
        require(said == given_up, f"it took {taken} in and holds {len(cache)}, and says that it gave up {said}")

    def test_stands_discards(self) -> None:
        """A cache hears which transition a judged run has taken; what others it holds stays, and nothing is raised.

        If it fails: let go of that very transition, or of none, be it one that is not there any more.
        """
        cache, places = self.cache(8), self.places()
        taken, never, *others = places
        for place in (taken, *others):
            cache.insert(place.transition)
        for transition in (taken.transition, taken.transition, never.transition):
            try:
                cache.discard(transition)
            except Exception as error:
                raise AssertionError(f"discard raised {type(error).__name__}: {error}") from error
        for place in others:
            where = f"at position {place.computation.position()}"
            require(cache.lookup(place.computation) is not None, f"it let go of others than the one taken, {where}")

    def test_work_does_not_grow(self) -> None:
        """To look up among many entries takes no more work than among a few: a run asks at each boundary.

        Counted in Python's instructions, not in seconds. If it fails: file entries under bits of what they read, which
        `computation.key(names)` gives of the present state, rather than trying one after another.
        """
        places, taken = self.places(160), []
        for few in (40, 160):
            cache = self.cache(1000)
            for place in places[:few]:
                cache.insert(place.transition)
            taken.append(max(instructions(partial(cache.lookup, place.computation)) for place in places[:40]))
        grown = f"a look-up took {taken[0]:,} instructions among 40 entries and {taken[1]:,} among 160"
        require(taken[1] <= 2 * taken[0] + 500, grown)

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
            require(contents(place.transition) == held, "taking a transition in changed it")
            found = cache.lookup(place.computation)
            require(place.computation.digest() == digest, "a look-up changed the computation")
            require(contents(place.transition) == held, "a look-up changed a transition")
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

        Run pytest with `-p asc.testing.pytest_plugin` to see them. If it fails: it raised.
        """
        cache, places = self.cache(8), self.places()
        record_property("look up in vain", tuple(cost(repeat(partial(cache.lookup, places[0].computation), 5))))
        for place in places:
            cache.insert(place.transition)
        record_property("look up and find", tuple(cost(repeat(partial(cache.lookup, places[0].computation), 5))))
