"""Mutants of predictors. Most are made of `Linear`."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from asc.predictor import History
from asc.predictors.linear import Linear
from asc.types import Combination, Direct
from mutants.components import component_mutants
from mutants.mutant import Mutant, Table, fail, merged, mutate


class Repeating(Linear):
    """A sound predictor that reads: each integer word changes again by what it has just changed by."""

    needs = frozenset({"words"})

    def predict(self, history: History, horizon: int) -> Any:
        """Repeat the last change."""
        if len(history.positions) < 2:
            return None
        before, newest = history.read("words")[-2:]
        times, rest = divmod(horizon, history.positions[-1] - history.positions[-2])
        return None if rest else Direct({name: _moved(before[name], now, times) for name, now in newest.items()})


def predicting(change: Callable[..., Any], base: type[Any] = Linear, **others: Any) -> type[Any]:
    """Return a predictor that changes the prediction of a sound one, given as `change(prediction, history)`."""

    def predict(self: Any, original: Any, history: History, horizon: int) -> Any:
        prediction = original(history, horizon)
        return None if prediction is None else change(prediction, history)

    return mutate(base, predict=predict, **others)


def changing(change: Callable[..., Any], **others: Any) -> type[Any]:
    """Return a predictor that does something with the history first, given as `change(history)`."""

    def predict(self: Any, original: Any, history: History, horizon: int) -> Any:
        change(history)
        return original(history, horizon)

    return mutate(Linear, predict=predict, **others)


def stating(change: Callable[..., Any]) -> type[Any]:
    """Return a predictor that changes the words of a sound one."""
    return predicting(lambda prediction, _: Direct(change(prediction.state)), Repeating)


def leaning(prediction: Combination | None, weight: Any) -> Combination | None:
    """Return a prediction between standing still and this one; the greater the weight, the nearer to this one."""
    if prediction is None:
        return None
    share = Fraction(int(weight), int(weight) + 1)
    *old, newest = (share * Fraction(one) for one in prediction.coefficients)
    return Combination((*old, newest + 1 - share))


def _moved(before: Any, newest: Any, times: int) -> Any:
    return newest + times * (newest - before) if type(newest) is int and type(before) is int else newest


def _float(value: Any) -> Any:
    return float(value) if type(value) is int and abs(value) < 2**53 else value


def _begin_between(self: Any, original: Any, *config: Any) -> None:
    original(*config)
    self.depth = 1.5


def _count(self: Any, original: Any, *given: Any) -> Any:
    self.calls = getattr(self, "calls", 0) + 1
    return leaning(original(*given), self.calls)


def _read_in_silence(history: History) -> None:
    with suppress(LookupError):
        history.read("words")


def _into_one_buffer(self: Any, _: Any, history: History, horizon: int) -> Any:
    if len(history.positions) < 2:
        return None
    before, newest = history.read("vector")[-2:]
    self.buffer = getattr(self, "buffer", np.zeros_like(newest))
    return Direct(np.subtract(2 * newest, before, out=self.buffer))


def _centre(history: History) -> None:
    rows = history.read("vector")
    rows -= rows.mean(axis=0)


def _regularise(history: History) -> None:
    gram = history.gram()
    gram[np.diag_indices_from(gram)] += 1e-9


def _uneven(history: History) -> bool:
    return len({there - here for here, there in pairwise(history.positions)}) > 1


def _mean(_: Any, __: Any, history: History, horizon: int) -> Combination:
    count = len(history.positions)
    return Combination((Fraction(1, count),) * count)


def _third(self: Any, original: Any, history: History, horizon: int) -> Any:
    return original(history, horizon) if len(history.positions) > 2 else None


OWN: Table = MappingProxyType(
    {
        "test_fits_its_kind": (
            Mutant("declares its need as a string", mutate(Linear, needs="words"), "has needs = 'words'; expected a"),
            Mutant(
                "sets a depth that is no whole number",
                mutate(Linear, __init__=_begin_between),
                "has depth = 1.5; expected a whole number",
            ),
            Mutant("has a depth of nothing", mutate(Linear, depth=0), "has depth = 0; expected a whole number"),
        ),
        "test_raises_nothing": (
            Mutant(
                "raises at the fifth snapshot",
                changing(lambda history: fail(ZeroDivisionError()) if len(history.positions) == 5 else None),
                "asked 10 steps ahead, at position 40 of count, it raised ZeroDivisionError",
            ),
            Mutant(
                "misspells what it needs",
                mutate(Linear, needs=frozenset({"wrods"})),
                'no reference run provides wrods; .*: is "wrods" a misspelling of "words"',
            ),
            Mutant(
                "needs what nothing provides",
                mutate(Linear, needs=frozenset({"zeal"})),
                "no reference run provides zeal; the runs provide fingerprint, losses, vector, words. Otherwise",
            ),
        ),
        "test_reads_only_what_it_needs": (
            Mutant("reads more", changing(lambda history: history.read("words")), "it reads words, which is not among"),
            Mutant("reads more, and hides it", changing(_read_in_silence), "it reads words, which is not among"),
        ),
        "test_looks_back_no_further_than_its_depth": (
            Mutant(
                "averages all snapshots", mutate(Linear, predict=_mean), "from the newest 2, its depth, Combination"
            ),
            Mutant(
                "needs more snapshots than it says", mutate(Linear, predict=_third), "the newest 2, its depth, None"
            ),
        ),
        "test_too_little_history_is_no_prediction": (
            Mutant(
                "predicts from one snapshot",
                mutate(Linear, predict=lambda self, original, *given: original(*given) or Combination((1,))),
                "from a history of 1",
            ),
        ),
        "test_predicts_somewhere": (
            Mutant(
                "predicts nothing", mutate(Linear, predict=lambda *_: None), "predicts nothing on any reference run"
            ),
        ),
        "test_predictions_are_well_formed": (
            Mutant(
                "has more coefficients than there are snapshots",
                predicting(lambda prediction, history: Combination((*(0 for _ in history.positions), *prediction[0]))),
                "4 coefficients for 2 snapshots",
            ),
            Mutant(
                "has coefficients that are NaN",
                predicting(lambda prediction, _: Combination((math.nan,) * len(prediction.coefficients))),
                "coefficients are finite",
            ),
            Mutant(
                "has coefficients that are text",
                predicting(lambda prediction, _: Combination(("1",) * len(prediction.coefficients))),  # type: ignore[arg-type]
                "expected a tuple of numbers",
            ),
            Mutant(
                "returns bare numbers",
                predicting(lambda prediction, _: prediction.coefficients),
                "expected asc.Combination",
            ),
        ),
        "test_keeps_the_shape_of_the_state": (
            Mutant(
                "predicts floats where words are integers",
                stating(lambda words: {name: _float(value) for name, value in words.items()}),
                "was predicted as a float, and is an int",
            ),
            Mutant(
                "predicts a word that is not there",
                stating(lambda words: {**words, "velocity": 0}),
                "and the state has no such word",
            ),
            Mutant(
                "predicts lists",
                stating(lambda words: {name: [value] for name, value in words.items()}),
                "a value that a state word can hold",
            ),
            Mutant(
                "predicts no state", predicting(lambda *_: Direct(None)), "expected a mapping of state word to value"
            ),
            Mutant(
                "predicts an array of another shape",
                mutate(
                    Linear,
                    needs=frozenset({"vector"}),
                    predict=lambda self, _, history, horizon: Direct([*history.read("vector")[-1], 0.0]),
                ),
                "no state can be made of",
            ),
        ),
        "test_leaves_the_history_untouched": (
            Mutant(
                "writes into the oldest words",
                mutate(
                    Repeating, predict=lambda self, _, history, horizon: history.read("words")[0].update(mark=horizon)
                ),
                "it changed the history",
            ),
            Mutant(
                "centres the array that it reads",
                changing(_centre, needs=frozenset({"vector"})),
                "it changed what it had read as vector",
            ),
            Mutant(
                "adds to the Gram matrix that it reads",
                changing(_regularise),
                r"it changed what it had read as gram\(\)",
            ),
        ),
        "test_a_prediction_never_changes": (
            Mutant(
                "returns an object of the history",
                mutate(Repeating, predict=lambda self, _, history, horizon: Direct(history.read("words")[-1])),
                "its prediction is an object of the history",
            ),
            Mutant(
                "returns one array again and again",
                mutate(Linear, needs=frozenset({"vector"}), predict=_into_one_buffer),
                "an earlier prediction changed",
            ),
        ),
        "test_asking_twice_is_asking_once": (
            Mutant("learns from each call", mutate(Linear, predict=_count), "it gave another prediction"),
        ),
        "test_beats_standing_still": (
            Mutant(
                "has its coefficients newest first",
                predicting(lambda prediction, _: Combination(prediction.coefficients[::-1])),
                "nowhere nearer than the last state, whose error is 1; its own errors: count",
            ),
        ),
        "test_runs_end_the_same": (
            Mutant(
                "raises where snapshots are not equally far apart",
                changing(lambda history: fail(ValueError("uneven")) if _uneven(history) else None, depth=16),
                "switched off in a run of .*: ValueError",
            ),
        ),
    }
)

PREDICTORS = merged(component_mutants(Linear, "predict", lambda history, _: history.positions[-1], leaning), OWN)
"""Mutants of predictors, by the law that catches them."""
