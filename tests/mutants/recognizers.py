"""Recognizers that are each wrong in one way. Most are `Every`, spoilt."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from contextlib import suppress
from itertools import count
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from asc.computation import Computation
from asc.recognizers.every import Every
from asc.recognizers.similarity import Similarity
from asc.types import Attempt, Recognition
from mutants.spoilt import Spoilt, Table


class KeepsItsPast(Every):
    """Speculates at every other boundary, and has no state to say at which."""

    def __init__(self, config: Every.Config | None = None) -> None:
        super().__init__(config or Every.Config(steps=5))
        self._seen: list[int] = []

    def recognise(self, computation: Computation) -> Recognition:
        """Look at how many were seen."""
        self._seen = [*self._seen[-7:], computation.position()]
        here = super().recognise(computation)
        return here._replace(speculate=here.speculate and sum(self._seen) // 5 % 3 > 0)


class Remembering(KeepsItsPast):
    """A good one that has a state."""

    def state_dict(self) -> dict[str, Any]:
        """Return the positions of the last few boundaries."""
        return {"seen": list(self._seen)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._seen = list(state["seen"])


class Raises(Every):
    """Raises on its way."""

    def recognise(self, computation: Computation) -> Recognition:
        """Divide by zero after a while."""
        if computation.position() > 99:
            raise ZeroDivisionError("division by zero")
        return super().recognise(computation)


class RaisesToFindTheNext(Every):
    """Raises where it is asked for the next boundary."""

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Look up nothing."""
        raise LookupError("no boundary")


class StandsStill(Every):
    """Names the present position as the next boundary."""

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Never move."""
        return position


class BetweenSteps(Every):
    """Names a next boundary that is no whole number."""

    def next_boundary(self, position: int, computation: Computation) -> Any:
        """Take one and a half of a step."""
        return position + 1.5


class MovesAsItIsAsked(Every):
    """Goes farther ahead each time that it is asked where the next boundary is."""

    _asked = 0

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Count."""
        self._asked += 1
        return position + self._asked


class LearnsAsItIsAsked(Every):
    """Counts boundaries where it is asked for the next one, and lets the count decide."""

    _asked = 0

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Count."""
        self._asked += 1
        return super().next_boundary(position, computation)

    def recognise(self, computation: Computation) -> Recognition:
        """Say yes at every third."""
        return super().recognise(computation)._replace(speculate=self._asked % 3 == 0)


class BareYes(Every):
    """Answers with a truth value alone."""

    def recognise(self, computation: Computation) -> Any:
        """Say yes."""
        return True


class Perhaps(Every):
    """Gives a probability for a truth value."""

    def recognise(self, computation: Computation) -> Recognition:
        """Say 0.5."""
        return super().recognise(computation)._replace(speculate=0.5)  # type: ignore[arg-type]


class Wordy(Every):
    """Gives a story for a label."""

    def recognise(self, computation: Computation) -> Recognition:
        """Tell it."""
        return super().recognise(computation)._replace(label="a place that is worth guessing from, as it seems to me")


class NoScore(Every):
    """Gives a score that is no number."""

    def recognise(self, computation: Computation) -> Recognition:
        """Divide zero by zero, as arrays do."""
        return super().recognise(computation)._replace(score=math.nan)


class NeverThere(Every):
    """Finds no place worth guessing from."""

    def recognise(self, computation: Computation) -> Recognition:
        """Say no."""
        return super().recognise(computation)._replace(speculate=False)


class MisspellsItsNeeds(Every):
    """Needs a fingerprint, and misspells it."""

    needs: ClassVar = frozenset({"fingerprnt"})


class ReadsMore(Every):
    """Reads a fingerprint that it has not declared, and swallows whatever that raises."""

    def recognise(self, computation: Computation) -> Recognition:
        """Look at it."""
        with suppress(LookupError):
            computation.read("fingerprint", ())
        return super().recognise(computation)


class Steps(Every):
    """Takes a step to see what comes."""

    def recognise(self, computation: Computation) -> Recognition:
        """Look ahead, and stay there."""
        computation.advance(1)
        return super().recognise(computation)


class Skips(Every):
    """Moves the computation on by a step that nobody takes."""

    def recognise(self, computation: Computation) -> Recognition:
        """Restore what was, a position ahead."""
        snapshot = computation.snapshot()
        computation.restore(snapshot._replace(position=snapshot.position + 1))
        return super().recognise(computation)


class WritesFingerprints(Similarity):
    """Normalises the fingerprint where it stands."""

    def recognise(self, computation: Computation) -> Recognition:
        """Divide it by its length."""
        rows = computation.read("fingerprint", ())
        rows /= np.linalg.norm(rows)
        return super().recognise(computation)


class DrawsGlobally(Every):
    """Draws from Python's global generator."""

    def recognise(self, computation: Computation) -> Recognition:
        """Draw, and let it make no difference."""
        random.random()
        return super().recognise(computation)


class Unseeded(Every):
    """Draws from a generator that has no seed."""

    def __init__(self, config: Every.Config | None = None) -> None:
        super().__init__(config)
        self._random = random.Random()

    def recognise(self, computation: Computation) -> Recognition:
        """Say yes or no."""
        return super().recognise(computation)._replace(speculate=self._random.random() < 0.5)


class ByTheClock(Every):
    """Lets a clock decide, which never shows the same time twice."""

    _clock: ClassVar = count()

    def recognise(self, computation: Computation) -> Recognition:
        """Give the time for a score."""
        return super().recognise(computation)._replace(score=next(self._clock))


class SharesItsPast(Every):
    """Keeps where it was in the class."""

    _last: ClassVar[list[int]] = [0]

    def recognise(self, computation: Computation) -> Recognition:
        """Give the distance to the last boundary for a score."""
        last, self._last[0] = self._last[0], computation.position()
        return super().recognise(computation)._replace(score=max(0, computation.position() - last))


class WantsFigures(Every):
    """Takes for granted that each attempt has a change of the loss."""

    def learn(self, attempt: Attempt) -> None:
        """Look at it."""
        self._least = min(getattr(self, "_least", 0.0), attempt.change)  # type: ignore[type-var]


class FollowsNowhere(Every):
    """Raises where it hears of a leap."""

    def follow(self, computation: Computation) -> None:
        """Raise."""
        raise NotImplementedError


class ForgetsOnLoading(Remembering):
    """Saves its state, and does not take it up again."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin anew."""


class SavesSets(Remembering):
    """Saves a set, which no checkpoint holds."""

    def state_dict(self) -> dict[str, Any]:
        """Return the positions in no order."""
        return {"seen": set(self._seen)}


class LendsItsState(Remembering):
    """Hands out the list that it goes on writing into."""

    def recognise(self, computation: Computation) -> Recognition:
        """Write into it."""
        kept = self._seen
        said = super().recognise(computation)
        kept[:] = self._seen
        self._seen = kept
        return said

    def state_dict(self) -> dict[str, Any]:
        """Return the list itself."""
        return {"seen": self._seen}


class GoesThroughItAll(Every):
    """Goes through all positions that it has ever seen."""

    def __init__(self, config: Every.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[int] = []

    def recognise(self, computation: Computation) -> Recognition:
        """Find the largest by hand."""
        self._all.append(computation.position())
        largest = 0
        for position in self._all:
            largest = max(largest, position)
        return super().recognise(computation)


class SumsItAll(Every):
    """Keeps a number of each boundary and sums them up within C, where no instruction of Python's is counted."""

    def __init__(self, config: Every.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[float] = []

    def recognise(self, computation: Computation) -> Recognition:
        """Give the sum of everything for a score."""
        self._all.append(float(computation.position()))
        return super().recognise(computation)._replace(score=sum(self._all))


class KeepsAttempts(Every):
    """Keeps every attempt that it hears of."""

    def __init__(self, config: Every.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[tuple[int, Attempt]] = []

    def learn(self, attempt: Attempt) -> None:
        """Keep it, with a number."""
        self._all.append((len(self._all), attempt))


RECOGNIZERS: Table = MappingProxyType(
    {
        "test_raises_nothing": (
            Spoilt(Raises, "recognise raised ZeroDivisionError"),
            Spoilt(RaisesToFindTheNext, "next_boundary raised LookupError"),
        ),
        "test_boundaries_lie_ahead": (
            Spoilt(StandsStill, "at position 0 of count the next boundary is 0"),
            Spoilt(BetweenSteps, "the next boundary is 1.5"),
        ),
        "test_asking_for_the_boundary_changes_nothing": (
            Spoilt(MovesAsItIsAsked, r"asked four times, it named the boundaries \[1, 1, 2, 3\]"),
            Spoilt(LearnsAsItIsAsked, "where the next boundary was asked for more"),
        ),
        "test_answers_are_well_formed": (
            Spoilt(BareYes, "which is no Recognition"),
            Spoilt(Perhaps, "speculate is True or False"),
            Spoilt(Wordy, "a line of at most 40 characters"),
            Spoilt(NoScore, "the score is a finite number or None"),
        ),
        "test_speculates_somewhere": (Spoilt(NeverThere, "it speculates nowhere on count"),),
        "test_reads_only_what_it_needs": (
            Spoilt(ReadsMore, "it reads fingerprint, which is not among its needs"),
            Spoilt(MisspellsItsNeeds, 'is "fingerprnt" a misspelling of "fingerprint"'),
        ),
        "test_leaves_the_computation_untouched": (
            Spoilt(Steps, "it changed the computation at position"),
            Spoilt(WritesFingerprints, "it changed what it had read as fingerprint"),
        ),
        "test_leaves_global_randomness_alone": (Spoilt(DrawsGlobally, "it drew from a global generator"),),
        "test_same_input_same_answer": (
            Spoilt(Unseeded, "two fresh ones gave different answers"),
            Spoilt(ByTheClock, "two fresh ones gave different answers"),
        ),
        "test_instances_are_isolated": (Spoilt(SharesItsPast, "beside another instance it gave other answers"),),
        "test_learns_from_any_attempt": (
            Spoilt(WantsFigures, "learn raised TypeError"),
            Spoilt(FollowsNowhere, "follow raised NotImplementedError"),
        ),
        "test_runs_end_the_same": (
            Spoilt(Skips, "ended in another state than without"),
            Spoilt(Raises, "switched off in a run of count: ZeroDivisionError"),
        ),
        "test_goes_on_after_a_stop": (
            Spoilt(KeepsItsPast, "did not go on as it would have"),
            Spoilt(ForgetsOnLoading, "did not go on as it would have"),
        ),
        "test_state_goes_through_a_checkpoint": (
            Spoilt(SavesSets, "the state does not go into a checkpoint"),
            Spoilt(ForgetsOnLoading, "one that had loaded its state gave another answer"),
        ),
        "test_state_is_a_copy": (Spoilt(LendsItsState, "it is shared, and not copied"),),
        "test_work_does_not_grow": (Spoilt(GoesThroughItAll, "instructions early in the run"),),
        "test_memory_does_not_grow": (
            Spoilt(SumsItAll, "bytes more at the end"),
            Spoilt(KeepsAttempts, "bytes more at the end"),
        ),
        "test_cost_is_reported": (Spoilt(Raises, "recognise raised ZeroDivisionError.*; see test_raises_nothing"),),
    }
)
"""Spoilt recognizers, by the law that catches them."""
