"""Predictors that are each wrong in one way. All but a few are `Linear`, spoilt."""

from __future__ import annotations

import math
import random
from collections.abc import Hashable, Mapping
from fractions import Fraction
from itertools import count, pairwise
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from asc.computation import History
from asc.predictors.linear import Linear
from asc.types import Combination, Direct
from mutants.spoilt import Spoilt, Table


class KeepsItsPast(Linear):
    """Remembers what its answers depend on, and has no state to save."""

    def __init__(self, config: Linear.Config | None = None) -> None:
        super().__init__(config)
        self._seen: list[int] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Lean towards standing still, the less so the more boundaries were seen."""
        if history.positions[-1] > max(self._seen, default=-1):
            self._seen = [*self._seen[-7:], history.positions[-1]]
        return _leaning(super().predict(history, horizon), len(self._seen))


class Remembering(KeepsItsPast):
    """A good one that has a state."""

    def state_dict(self) -> dict[str, Any]:
        """Return the positions of the last few boundaries."""
        return {"seen": list(self._seen)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self._seen = list(state["seen"])


class Repeating(Linear):
    """A good one, that reads: each word or coordinate moves on by what it has just moved by."""

    needs = frozenset({"words"})

    def predict(self, history: History, horizon: int) -> Any:
        """Repeat the last change of whatever is an integer."""
        if len(history.positions) < 2:
            return None
        before, newest = history.read("words")[-2:]
        times, rest = divmod(horizon, history.positions[-1] - history.positions[-2])
        if rest:
            return None
        return Direct({name: _moved(before[name], value, times) for name, value in newest.items()})


class MisspellsItsNeeds(Linear):
    """Needs words, and misspells them."""

    needs = frozenset({"wrods"})


class NeedsWhatNobodyHas(Linear):
    """Needs what none of the courses has."""

    needs = frozenset({"zeal"})


class Raises(Linear):
    """Raises where the history is long enough to be interesting."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Raise at the fifth snapshot."""
        if len(history.positions) == 5:
            raise ZeroDivisionError("division by zero")
        return super().predict(history, horizon)


class ReadsMore(Linear):
    """Reads words that it has not declared."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Look at the words."""
        history.read("words")
        return super().predict(history, horizon)


class ReadsMoreInSilence(ReadsMore):
    """Reads words that it has not declared, and swallows whatever that raises."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Look at the words, if there are any."""
        try:
            return super().predict(history, horizon)
        except Exception:  # noqa: BLE001 -- what it is there to show
            return Linear.predict(self, history, horizon)


class NamesOneNeed(Linear):
    """Declares its need as a string."""

    needs = "words"  # type: ignore[assignment]


class FromNothing(Linear):
    """Predicts from one snapshot."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Say that nothing changes where nothing is known."""
        return super().predict(history, horizon) or Combination((1,))


class SaysNothing(Linear):
    """Has nothing to say."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Say nothing."""
        return None


class TooMany(Linear):
    """Gives more coefficients than there are snapshots."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Put zeros before."""
        said = super().predict(history, horizon)
        return said and Combination(((0,) * len(history.positions)) + said.coefficients)


class NoNumbers(Linear):
    """Gives coefficients that are no numbers."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Divide by zero, as arrays do."""
        said = super().predict(history, horizon)
        return said and Combination((math.nan,) * len(said.coefficients))


class NumbersAsText(Linear):
    """Gives its coefficients as text."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Turn them into strings."""
        said = super().predict(history, horizon)
        text: Any = ("1",) * len(said.coefficients) if said else ()
        return said and Combination(text)


class BareNumbers(Linear):
    """Returns coefficients that no Combination is made of."""

    def predict(self, history: History, horizon: int) -> Any:
        """Return the tuple itself."""
        said = super().predict(history, horizon)
        return said and said.coefficients


class OtherTypes(Repeating):
    """Predicts floats where words are integers."""

    def predict(self, history: History, horizon: int) -> Any:
        """Round nothing."""
        said = super().predict(history, horizon)
        return said and Direct({name: _float(value) for name, value in said.state.items()})


class OtherWords(Repeating):
    """Predicts a word that is not there."""

    def predict(self, history: History, horizon: int) -> Any:
        """Add one."""
        said = super().predict(history, horizon)
        return said and Direct({**said.state, "velocity": 0})


class NoWord(Repeating):
    """Predicts a list where a word is."""

    def predict(self, history: History, horizon: int) -> Any:
        """Wrap them."""
        said = super().predict(history, horizon)
        return said and Direct({name: [value] for name, value in said.state.items()})


class Unusable(Linear):
    """Predicts a state of which nothing can be made."""

    def predict(self, history: History, horizon: int) -> Any:
        """Predict None."""
        return Direct(None)


class UnusableRows(Linear):
    """Predicts an array of another shape than the state has."""

    needs = frozenset({"vector"})

    def predict(self, history: History, horizon: int) -> Any:
        """Predict one number too many."""
        return Direct([*history.read("vector")[-1], 0.0])


class WritesWords(Repeating):
    """Writes into the words that it was given."""

    def predict(self, history: History, horizon: int) -> Any:
        """Leave a mark in the oldest snapshot."""
        history.read("words")[0].update(mark=horizon)
        return None


class WritesRows(Linear):
    """Centres the array that it has read where it stands."""

    needs = frozenset({"vector"})

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Subtract the mean."""
        rows = history.read("vector")
        rows -= rows.mean(axis=0)
        return super().predict(history, horizon)


class WritesGram(Linear):
    """Adds to the diagonal of the Gram matrix where it stands."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Make it easier to invert."""
        gram = history.gram()
        gram[np.diag_indices_from(gram)] += 1e-9
        return super().predict(history, horizon)


class Lends(Repeating):
    """Answers with the history's own object."""

    def predict(self, history: History, horizon: int) -> Any:
        """Say that nothing changes."""
        return Direct(history.read("words")[-1])


class OneBuffer(Linear):
    """Answers with an array that it uses again."""

    needs = frozenset({"vector"})

    def __init__(self, config: Linear.Config | None = None) -> None:
        super().__init__(config)
        self._buffer = np.zeros(0)

    def predict(self, history: History, horizon: int) -> Any:
        """Go on along the last change."""
        if len(history.positions) < 2:
            return None
        before, newest = history.read("vector")[-2:]
        if not self._buffer.size:
            self._buffer = np.zeros_like(newest)
        np.subtract(2 * newest, before, out=self._buffer)
        return Direct(self._buffer)


class DrawsGlobally(Linear):
    """Draws from Python's global generator."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Draw, and let it make no difference."""
        random.random()
        return super().predict(history, horizon)


class DrawsGloballyFromNumpy(Linear):
    """Draws from numpy's global generator."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Draw, and let it make no difference."""
        np.random.rand()
        return super().predict(history, horizon)


class Unseeded(Linear):
    """Draws from a generator that has no seed."""

    def __init__(self, config: Linear.Config | None = None) -> None:
        super().__init__(config)
        self._random = np.random.default_rng()

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Lean towards standing still, more or less."""
        return _leaning(super().predict(history, horizon), self._random.integers(1, 99))


class ByAddress(Linear):
    """Lets its own address decide."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Lean towards standing still, more or less."""
        return _leaning(super().predict(history, horizon), id(self) % 1_000_003)


class ByTheClock(Linear):
    """Lets a clock decide, which never shows the same time twice."""

    _clock: ClassVar = count(1)

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Lean towards standing still, the less the later it is."""
        return _leaning(super().predict(history, horizon), next(self._clock))


class CountsCalls(Linear):
    """Learns from each call, be it the second one at a boundary."""

    def __init__(self, config: Linear.Config | None = None) -> None:
        super().__init__(config)
        self._calls = 0

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Lean towards standing still, the less so the more it was asked."""
        self._calls += 1
        return _leaning(super().predict(history, horizon), self._calls)


class SharesItsPast(Linear):
    """Keeps what it has seen in the class."""

    _newest: ClassVar[dict[str, int]] = {}

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Lean towards standing still, by how far the last boundary seen is from this one."""
        if len(history.positions) == 1:
            self._newest.clear()
        position = history.positions[-1]
        if self._newest.get("position") != position:
            self._newest.update(position=position, before=self._newest.get("position", 0))
        return _leaning(super().predict(history, horizon), 1 + position - self._newest["before"])


class Backwards(Linear):
    """Gives its coefficients newest first, and so predicts the past."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Turn them round."""
        said = super().predict(history, horizon)
        return said and Combination(said.coefficients[::-1])


class WantsEvenSteps(Linear):
    """Raises where snapshots are not equally far apart, as they are not after a leap."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Insist on it."""
        positions = history.positions
        if len({there - here for here, there in pairwise(positions)}) > 1:
            raise ValueError("the snapshots are not equally far apart")
        return super().predict(history, horizon)


class ForgetsOnLoading(Remembering):
    """Saves its state, and does not take it up again."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Begin anew."""
        self._seen = []


class SavesSets(Remembering):
    """Saves a set, which no checkpoint holds."""

    def state_dict(self) -> dict[str, Any]:
        """Return the positions in no order."""
        return {"seen": set(self._seen)}


class SavesByNumber(Remembering):
    """Saves a dictionary whose keys are numbers, which come back as strings."""

    def state_dict(self) -> dict[str, Any]:
        """Return the positions as keys."""
        return {"seen": dict.fromkeys(self._seen, True)}


class LendsItsState(Remembering):
    """Hands out the list that it goes on writing into."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Write into it."""
        kept = self._seen
        said = super().predict(history, horizon)
        kept[:] = self._seen
        self._seen = kept
        return said

    def state_dict(self) -> dict[str, Any]:
        """Return the list itself."""
        return {"seen": self._seen}


class GoesThroughItAll(Linear):
    """Goes through all positions that it has ever seen."""

    def __init__(self, config: Linear.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[int] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Find the largest by hand."""
        self._all.append(history.positions[-1])
        largest = 0
        for position in self._all:
            largest = max(largest, position)
        return super().predict(history, horizon)


class SumsItAll(Linear):
    """Keeps a number of each call and sums them up within C, where no instruction of Python's is counted."""

    def __init__(self, config: Linear.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[float] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Take the sum of everything."""
        self._all.append(float(history.positions[-1]))
        return _leaning(super().predict(history, horizon), 1 + int(sum(self._all)))


class KeepsHistories(Linear):
    """Keeps every history that it was given."""

    def __init__(self, config: Linear.Config | None = None) -> None:
        super().__init__(config)
        self._all: list[History] = []

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Keep it."""
        self._all.append(history)
        return super().predict(history, horizon)


class KeepsInTheClass(Linear):
    """Keeps what it has seen in a dictionary of the class's."""

    _all: ClassVar[dict[Hashable, object]] = {}

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Keep an entry for each history."""
        self._all[id(self), history.positions] = horizon
        return super().predict(history, horizon)


def _leaning(said: Combination | None, weight: Any) -> Combination | None:
    """Between standing still and what was said; the greater the weight, the nearer to what was said."""
    if said is None:
        return None
    share = Fraction(int(weight), int(weight) + 1)
    *old, newest = (share * Fraction(one) for one in said.coefficients)
    return Combination((*old, newest + 1 - share))


def _moved(before: Any, newest: Any, times: int) -> Any:
    return newest + times * (newest - before) if type(newest) is int and type(before) is int else newest


def _float(value: Any) -> Any:
    return float(value) if type(value) is int and abs(value) < 2**53 else value


PREDICTORS: Table = MappingProxyType(
    {
        "test_raises_nothing": (
            Spoilt(Raises, "it raised ZeroDivisionError: division by zero$"),
            Spoilt(MisspellsItsNeeds, 'no course provides wrods; .*: is "wrods" a misspelling of "words"'),
            Spoilt(
                NeedsWhatNobodyHas, "no course provides zeal; the courses provide fingerprint, vector, words. Where it"
            ),
        ),
        "test_reads_only_what_it_needs": (
            Spoilt(ReadsMore, "it reads words, which is not among its needs"),
            Spoilt(ReadsMoreInSilence, "it reads words, which is not among its needs"),
            Spoilt(NamesOneNeed, "needs is a frozenset of names"),
        ),
        "test_too_little_history_is_no_prediction": (Spoilt(FromNothing, "from a history of 1"),),
        "test_has_something_to_say": (Spoilt(SaysNothing, "nothing to say on any course"),),
        "test_answers_are_well_formed": (
            Spoilt(TooMany, "4 coefficients for 2 snapshots"),
            Spoilt(NoNumbers, "coefficients are finite"),
            Spoilt(NumbersAsText, "coefficients are finite"),
            Spoilt(BareNumbers, "not tuple"),
        ),
        "test_keeps_the_shape_of_the_state": (
            Spoilt(OtherTypes, "a float, where the word is a int"),
            Spoilt(OtherWords, "there is no word of this name"),
            Spoilt(NoWord, "which is no word"),
            Spoilt(Unusable, "which is no mapping of words"),
            Spoilt(UnusableRows, "nothing can be made of"),
        ),
        "test_leaves_the_history_untouched": (
            Spoilt(WritesWords, "it changed the history"),
            Spoilt(WritesRows, "it changed what it had read as vector"),
            Spoilt(WritesGram, r"it changed what it had read as gram\(\)"),
        ),
        "test_an_answer_stays_as_it_is": (
            Spoilt(Lends, "an object of the history's own"),
            Spoilt(OneBuffer, "an answer that it had given changed"),
        ),
        "test_leaves_global_randomness_alone": (
            Spoilt(DrawsGlobally, "drew from a global generator"),
            Spoilt(DrawsGloballyFromNumpy, "drew from a global generator"),
        ),
        "test_same_input_same_answer": (
            Spoilt(Unseeded, "two fresh ones gave different answers"),
            Spoilt(ByAddress, "two fresh ones gave different answers"),
            Spoilt(ByTheClock, "two fresh ones gave different answers"),
        ),
        "test_asking_twice_is_asking_once": (Spoilt(CountsCalls, "it gave another answer"),),
        "test_instances_are_isolated": (Spoilt(SharesItsPast, "beside another instance it gave other answers"),),
        "test_beats_standing_still": (Spoilt(Backwards, "nowhere nearer than the last state; .*: count"),),
        "test_runs_end_the_same": (Spoilt(WantsEvenSteps, "switched off in a run of .*: ValueError"),),
        "test_goes_on_after_a_stop": (
            Spoilt(KeepsItsPast, "did not go on as it would have"),
            Spoilt(ForgetsOnLoading, "did not go on as it would have"),
        ),
        "test_state_goes_through_a_checkpoint": (
            Spoilt(SavesSets, "the state does not go into a checkpoint"),
            Spoilt(ForgetsOnLoading, "one that had loaded its state gave another answer"),
            Spoilt(SavesByNumber, "the state does not go into a checkpoint"),
        ),
        "test_state_is_a_copy": (Spoilt(LendsItsState, "it is shared, and not copied"),),
        "test_work_does_not_grow": (Spoilt(GoesThroughItAll, "instructions early in the run"),),
        "test_memory_does_not_grow": (
            Spoilt(SumsItAll, "bytes more at the end"),
            Spoilt(KeepsHistories, "bytes more at the end"),
            Spoilt(KeepsInTheClass, "bytes more at the end"),
        ),
        "test_cost_is_reported": (Spoilt(Raises, "it raised ZeroDivisionError.*; see test_raises_nothing"),),
    }
)
"""Spoilt predictors, by the law that catches them."""
