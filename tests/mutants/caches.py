"""Trajectory caches that are each wrong in one way: `TrajectoryCache`, spoilt."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any, ClassVar

from asc.cache import TrajectoryCache
from asc.computation import Cache, Computation
from asc.testing.laws.caches import CacheLaws
from asc.types import Transition
from mutants.spoilt import Spoilt, Table


class OneAfterAnother(TrajectoryCache):
    """Tries its entries one after another."""

    def __init__(self, config: TrajectoryCache.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[Transition] = []

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Try all."""
        best = None
        for one in self._all:
            fits = until is None or computation.position() + one.steps <= until
            if fits and computation.agrees(one):
                best = one
        super().lookup(computation, until)
        return best

    def insert(self, transition: Transition) -> bool:
        """Put it behind."""
        taken = super().insert(transition)
        self._all.append(transition)
        return taken


class Shared(TrajectoryCache):
    """Keeps what it holds in the class."""

    _held: ClassVar[list[Transition]] = []

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Try all that any instance holds."""
        held = [one for one in self._held if computation.agrees(one)]
        return super().lookup(computation, until) or (held[0] if held else None)

    def insert(self, transition: Transition) -> bool:
        """Put it before all instances."""
        self._held.append(transition)
        return super().insert(transition)


class Prefilled(TrajectoryCache):
    """Says that it holds an entry from the start."""

    def __len__(self) -> int:
        return 1 + super().__len__()


class Hits(TrajectoryCache):
    """Finds the newest entry, whatever it has read."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Return it."""
        return next(reversed(self._entries.values())) if self._entries else None


class Forgets(TrajectoryCache):
    """Takes everything in, and finds nothing."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Find nothing."""
        return None


class Refuses(TrajectoryCache):
    """Takes nothing in."""

    def insert(self, transition: Transition) -> bool:
        """Say no."""
        return False


class LeapsBeyond(TrajectoryCache):
    """Does not look at how far it may lead."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Forget `until`."""
        return super().lookup(computation)


class StopsShort(TrajectoryCache):
    """Leaves out the last step that would be allowed."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Be one off."""
        return super().lookup(computation, None if until is None else until - 1)


class Boundless(TrajectoryCache):
    """Holds whatever comes."""

    def __init__(self, config: TrajectoryCache.Config | None = None) -> None:
        super().__init__()


class GivesUpInSilence(TrajectoryCache):
    """Does not count what it gives up."""

    def stats(self) -> dict[str, int]:
        """Say that nothing was given up."""
        return {**super().stats(), "evictions": 0}


class ClearsOnDiscard(TrajectoryCache):
    """Lets go of everything where one transition was taken."""

    def discard(self, transition: Transition) -> None:
        """Clear."""
        for one in list(self._entries.values()):
            super().discard(one)


class InsistsOnDiscard(TrajectoryCache):
    """Raises where it hears of a transition that it does not hold."""

    def discard(self, transition: Transition) -> None:
        """Look it up."""
        [held] = [one for one in self._entries.values() if one is transition]
        super().discard(held)


class Moves(TrajectoryCache):
    """Takes a step where it has found something."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Apply what was found."""
        found = super().lookup(computation, until)
        if found is not None:
            computation.apply(found)
        return found


class WritesCausal(TrajectoryCache):
    """Notes a use in the transition itself."""

    def insert(self, transition: Transition) -> bool:
        """Add a word that was read."""
        causal: Any = transition.causal
        causal["used"] = 0
        return super().insert(transition)


class Renumbers(TrajectoryCache):
    """Gives back transitions that start elsewhere than what was taken in."""

    def insert(self, transition: Transition) -> bool:
        """Let them all start at 0."""
        return super().insert(transition._replace(start=-1))


class CountsNothing(TrajectoryCache):
    """Leaves its misses out of the statistics."""

    def stats(self) -> dict[str, int]:
        """Tell of the rest."""
        return {name: number for name, number in super().stats().items() if name != "misses"}


class CountsTwice(TrajectoryCache):
    """Counts each hit twice."""

    def stats(self) -> dict[str, int]:
        """Double them."""
        stats = super().stats()
        return {**stats, "hits": 2 * stats["hits"]}


class Weightless(TrajectoryCache):
    """Says that its entries take no memory."""

    def stats(self) -> dict[str, int]:
        """Leave out the bytes."""
        return {**super().stats(), "bytes": 0}


class Raises(TrajectoryCache):
    """Raises where nothing is found."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Insist on finding something."""
        found = super().lookup(computation, until)
        assert found is not None, "nothing was found"
        return found


CACHES: Table = MappingProxyType(
    {
        "test_an_empty_one_finds_nothing": (Spoilt(Prefilled, "a new cache has 1 entries"),),
        "test_finds_what_holds_here": (
            Spoilt(Forgets, "it did not find what was put in"),
            Spoilt(Refuses, "did not take a transition in"),
            Spoilt(Hits, "it found what does not hold there"),
        ),
        "test_misses_what_holds_elsewhere": (Spoilt(Hits, "at position 10 it found a transition from 0"),),
        "test_passes_no_given_position": (
            Spoilt(LeapsBeyond, "it leapt beyond position 9"),
            Spoilt(StopsShort, "it found nothing up to position 10"),
        ),
        "test_is_bounded": (
            Spoilt(Boundless, "it holds 3 entries, and its bound is 2"),
            Spoilt(GivesUpInSilence, "it took 6 in and holds 2, and says that it gave up 0"),
        ),
        "test_stands_discards": (
            Spoilt(ClearsOnDiscard, "it let go of others than the one taken"),
            Spoilt(InsistsOnDiscard, "discard raised ValueError"),
        ),
        "test_work_does_not_grow": (Spoilt(OneAfterAnother, "among 40 entries"),),
        "test_instances_are_isolated": (Spoilt(Shared, "what one took in, another one found"),),
        "test_leaves_things_untouched": (
            Spoilt(Moves, "a look-up changed the computation"),
            Spoilt(WritesCausal, "taking a transition in changed it"),
            Spoilt(Renumbers, "it gave back another transition"),
        ),
        "test_counts": (
            Spoilt(CountsNothing, "the statistics lack misses"),
            Spoilt(CountsTwice, "after one hit and one miss it says 2 and 1"),
            Spoilt(Weightless, "it says that it holds no bytes"),
        ),
        "test_cost_is_reported": (Spoilt(Raises, "nothing was found"),),
    }
)
"""Spoilt caches, by the law that catches them."""


class CacheUnderLaws(CacheLaws):
    """Any cache under the laws, without a class of its own."""

    def __init__(self, make: Callable[[TrajectoryCache.Config], Any]) -> None:
        self._make = make

    def cache(self, max_entries: int) -> Cache:
        """Make it."""
        made: Cache = self._make(TrajectoryCache.Config(max_entries=max_entries))
        return made
