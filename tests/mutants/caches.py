"""Mutants of trajectory caches. All are made of `TrajectoryCache`."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

from asc.cache import Cache, TrajectoryCache
from asc.computation import Computation
from asc.testing.laws.caches import CacheLaws
from asc.types import Transition
from mutants.mutant import Mutant, Table, fail, mutate


def looking(lookup: Callable[..., Any], **others: Any) -> type[Any]:
    """Return a cache with another look-up, given as `lookup(self, original, computation, until)`."""

    def replaced(self: Any, original: Any, computation: Computation, until: int | None = None) -> Any:
        return lookup(self, original, computation, until)

    return mutate(TrajectoryCache, lookup=replaced, **others)


def reporting(**figures: Any) -> type[Any]:
    """Return a cache that reports other statistics; None leaves a figure out, a function changes it."""

    def stats(self: Any, original: Any) -> dict[str, int]:
        reported = {**original()}
        for name, figure in figures.items():
            reported[name] = figure(reported[name]) if callable(figure) else figure
        return {name: figure for name, figure in reported.items() if figure is not None}

    return mutate(TrajectoryCache, stats=stats)


class OneAfterAnother(TrajectoryCache):
    """Tries its entries one after another."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Try all."""
        for one in reversed(self._entries.values()):
            if (until is None or computation.position() + one.steps <= until) and computation.agrees(one):
                return one
        return None


_held: list[Transition] = []


def _find_anywhere(self: Any, original: Any, computation: Computation, until: int | None) -> Transition | None:
    found: Transition | None = original(computation, until)
    return found or next((one for one in _held if computation.agrees(one)), None)


def _keep_anywhere(self: Any, original: Any, transition: Transition) -> Any:
    _held.append(transition)
    return original(transition)


def _apply(self: Any, original: Any, computation: Computation, until: int | None) -> Any:
    found = original(computation, until)
    if found is not None:
        computation.apply(found)
    return found


def _mark(self: Any, original: Any, transition: Any) -> Any:
    transition.causal["used"] = 0
    return original(transition)


def _clear(self: Any, original: Any, transition: Transition) -> None:
    for one in list(self._entries.values()):
        original(one)


def _insist(self: Any, original: Any, transition: Transition) -> None:
    [held] = [one for one in self._entries.values() if one is transition]
    original(held)


_newest = looking(lambda self, *_: next(reversed(self._entries.values()), None))

CACHES: Table = MappingProxyType(
    {
        "test_an_empty_one_finds_nothing": (
            Mutant(
                "reports an entry from the start",
                mutate(TrajectoryCache, __len__=lambda self, original: 1 + original()),
                "a new cache has 1 entries",
            ),
        ),
        "test_finds_what_matches": (
            Mutant("finds nothing", looking(lambda *_: None), "it did not find the transition that was stored"),
            Mutant("stores nothing", mutate(TrajectoryCache, insert=lambda *_: False), "it did not store a transition"),
            Mutant("finds the newest entry, whatever it has read", _newest, "it found what does not match"),
        ),
        "test_misses_what_does_not_match": (
            Mutant("finds the newest entry, whatever it has read", _newest, "10 it found a transition from 0"),
        ),
        "test_passes_no_given_position": (
            Mutant(
                "ignores the last position",
                looking(lambda self, original, computation, until: original(computation)),
                "it leapt past position 9",
            ),
            Mutant(
                "stops one step too early",
                looking(lambda self, original, computation, until: original(computation, until and until - 1)),
                "it found nothing up to position 10",
            ),
        ),
        "test_is_bounded": (
            Mutant(
                "has no bound",
                mutate(TrajectoryCache, __init__=lambda self, original, config: original()),
                "it holds 3 entries, and its bound is 2",
            ),
            Mutant(
                "does not count what it evicts",
                reporting(evictions=0),
                "of 6 transitions it has kept 2, and it counts 0 evictions",
            ),
        ),
        "test_discards_only_what_was_taken": (
            Mutant(
                "discards everything", mutate(TrajectoryCache, discard=_clear), "it discarded others than the one taken"
            ),
            Mutant(
                "raises where it is to discard what it does not hold",
                mutate(TrajectoryCache, discard=_insist),
                "discard raised ValueError",
            ),
        ),
        "test_work_does_not_grow": (Mutant("tries all entries", OneAfterAnother, "among 40 entries"),),
        "test_instances_are_isolated": (
            Mutant(
                "keeps its entries in the module",
                looking(_find_anywhere, insert=_keep_anywhere),
                "one cache found what another had stored",
            ),
        ),
        "test_leaves_things_untouched": (
            Mutant("leaps to what it finds", looking(_apply), "a look-up changed the computation"),
            Mutant(
                "notes a use in the transition",
                mutate(TrajectoryCache, insert=_mark),
                "storing a transition changed it",
            ),
            Mutant(
                "stores another start",
                mutate(
                    TrajectoryCache, insert=lambda self, original, transition: original(transition._replace(start=-1))
                ),
                "it returned another transition than it had stored",
            ),
        ),
        "test_counts": (
            Mutant("leaves its misses out", reporting(misses=None), "the statistics lack misses"),
            Mutant(
                "counts hits twice",
                reporting(hits=lambda hits: 2 * hits),
                "after one hit and one miss it reports 2 and 1",
            ),
            Mutant("reports no bytes", reporting(bytes=0), "it reports that it holds no bytes"),
        ),
        "test_cost_is_reported": (
            Mutant("raises", looking(lambda *_: fail(AssertionError("nothing was found"))), "nothing was found"),
        ),
    }
)
"""Mutants of caches, by the law that catches them."""


class CacheUnderLaws(CacheLaws):
    """The laws of caches, for any class of caches."""

    def __init__(self, make: Callable[[TrajectoryCache.Config], Any]) -> None:
        self._make = make

    def cache(self, max_entries: int) -> Cache:
        """Make it."""
        made: Cache = self._make(TrajectoryCache.Config(max_entries=max_entries))
        return made
