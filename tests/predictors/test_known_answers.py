"""Every predictor against every problem with a known answer: which state words it predicts exactly, and which never."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

import pytest

from asc.predictor import History, Predictor
from asc.predictors.ensemble import BUILT_IN, Ensemble
from asc.predictors.forecast import Prefix, forecast_words
from asc.predictors.linear import Linear
from asc.testing.histories import WordHistory
from asc.types import Combination, Prediction
from asc.words import Word, same

States = list[dict[str, Word]]
COUNT = 120
STEPS = 10  # between snapshots
PREDICTORS: dict[str, Callable[[], Any]] = {**BUILT_IN, "ensemble": Ensemble}
ALL = frozenset(PREDICTORS)
POLYNOMIALS = frozenset({"linear", "quadratic", "polynomial"})


class Problem(NamedTuple):
    """A walk, and for each of its words the predictors that know it; the ensemble joins those that have a member."""

    states: Callable[[], States]
    masters: Mapping[str, frozenset[str]]


def counter() -> States:
    return [{"n": 7 + 3 * k, "down": 50 - 11 * k} for k in range(COUNT)]


def quadratic_growth() -> States:
    return [{"n": k * k - 40 * k + 3} for k in range(COUNT)]


def congruential(skip: int, modulus: int = 2**64) -> States:
    x = 12345
    states: States = []
    for _ in range(COUNT):
        states.append({"x": x})
        for _ in range(skip):
            x = (6364136223846793005 * x + 1442695040888963407) % modulus
    return states


def constant() -> States:
    return [{"n": 7, "x": -0.5, "s": "still", "b": b"\x00", "flag": True}] * COUNT


def orbit() -> States:
    """The logistic map at r = 3.5, settled on its orbit of four floats."""
    x = 0.3
    for _ in range(2000):
        x = 3.5 * x * (1 - x)
    states: States = []
    for _ in range(COUNT):
        states.append({"x": x})
        x = 3.5 * x * (1 - x)
    return states


def linked_list() -> States:
    """A shuffled list of 40 nodes, walked round and round: pointer, value loaded last, running total, best so far."""
    rng = random.Random(4)
    nodes = list(range(40))
    rng.shuffle(nodes)
    values = [rng.randrange(100) for _ in nodes]
    total, loaded, best = 0, 0, 10**6
    states: States = []
    for k in range(COUNT):
        here = nodes[k % len(nodes)]
        states.append({"p": 4096 + 24 * here, "loaded": loaded, "total": total, "best": best})
        loaded = values[here]
        total, best = total + loaded, min(best, loaded)
    return states


def toggling() -> States:
    return [
        {
            "bit": k % 2,
            "flag": k % 2 == 0,
            "ring": 1 << k % 7,
            "signed": -2 if k % 2 else 1,
        }
        for k in range(COUNT)
    ]


def garbage() -> States:
    rng = random.Random(9)
    return [{"n": rng.getrandbits(64), "x": rng.random(), "s": rng.randbytes(8)} for _ in range(COUNT)]


NONE: frozenset[str] = frozenset()
MEMORY = frozenset({"memory", "ensemble"})
LEARNERS = frozenset({"memory", "logistic", "ensemble"})
PROBLEMS = {
    "counter": Problem(counter, dict.fromkeys(("n", "down"), POLYNOMIALS | {"affine", "ensemble"})),
    "quadratic growth": Problem(quadratic_growth, {"n": frozenset({"quadratic", "polynomial", "ensemble"})}),
    "congruential generator": Problem(lambda: congruential(1), {"x": frozenset({"affine", "ensemble"})}),
    "congruential generator, 48 apart": Problem(lambda: congruential(48), {"x": frozenset({"affine", "ensemble"})}),
    "congruential generator of 48 bits": Problem(
        lambda: congruential(200, 2**48), {"x": frozenset({"affine", "ensemble"})}
    ),
    "congruential generator modulo a prime": Problem(
        lambda: congruential(1, 2**31 - 1), {"x": frozenset({"affine", "ensemble"})}
    ),
    "constant": Problem(constant, dict.fromkeys(("n", "x", "s", "b", "flag"), ALL)),
    "float orbit": Problem(orbit, {"x": MEMORY}),
    "shuffled list": Problem(linked_list, {"p": MEMORY, "loaded": MEMORY, "total": NONE}),
    "toggling bits": Problem(
        toggling,  # the ring doubles modulo 127
        {"bit": LEARNERS | {"affine"}, "flag": LEARNERS, "ring": LEARNERS | {"affine"}, "signed": LEARNERS},
    ),
    "garbage": Problem(garbage, dict.fromkeys(("n", "x", "s"), NONE)),
}


@cache
def shares(problem: str, predictor: str, ahead: int) -> Mapping[str, float]:
    """Return for each word the share of exact predictions in the second half, from histories as deep as in a run."""
    states = PROBLEMS[problem].states()
    instance = PREDICTORS[predictor]()
    exact = dict.fromkeys(states[0], 0)
    for now in range(COUNT - ahead):
        first = max(0, now + 1 - instance.depth)
        words = states[first : now + 1]
        history = WordHistory([STEPS * k for k in range(first, now + 1)], words)
        prediction = instance.predict(history, STEPS * ahead)
        if now < COUNT // 2 or prediction is None:
            continue
        found = forecast_words(prediction, Prefix(history, words, len(words)), states[0])
        for name in exact:
            exact[name] += name in found and same(found[name], states[now + ahead][name])
    return {name: hits / (COUNT - ahead - COUNT // 2) for name, hits in exact.items()}


@pytest.mark.parametrize("ahead", [1, 3])
@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("problem", PROBLEMS)
def test_the_right_ones_are_right(problem: str, predictor: str, ahead: int) -> None:
    found = shares(problem, predictor, ahead)
    for word, masters in PROBLEMS[problem].masters.items():
        if predictor in masters:
            assert found[word] == 1, word
        else:
            assert found[word] < 0.9, word


@pytest.mark.parametrize("predictor", PREDICTORS)
def test_garbage_is_never_predicted(predictor: str) -> None:
    assert set(shares("garbage", predictor, 1).values()) == {0}


HORIZONS = [STEPS, 2 * STEPS, 7 * STEPS, 3 * STEPS, 3 * STEPS + 1, 40 * STEPS]


def together(states: Sequence[Any], count: int) -> WordHistory:
    first = max(0, count - 16)
    return WordHistory([STEPS * k for k in range(first, count)], states[first:count])


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("name", PREDICTORS)
def test_all_horizons_at_once_are_those_one_by_one(name: str, problem: str) -> None:
    states = PROBLEMS[problem].states()[:40]
    one, other = PREDICTORS[name](), PREDICTORS[name]()
    for count in range(2, len(states), 3):
        given = together(states, count)
        one_by_one = [other.predict(given, horizon) for horizon in HORIZONS]
        assert repr(list(one.predict_all(given, HORIZONS))) == repr(one_by_one)


class Fickle(Predictor):
    """Raises at one horizon, and answers all together with too few predictions."""

    def __init__(self, too_few: bool = False) -> None:
        super().__init__()
        self._too_few = too_few

    def predict(self, history: History, horizon: int) -> Prediction | None:
        if horizon == 2 * STEPS:
            raise RuntimeError("not this one")
        return Combination((1,))

    def predict_all(self, history: History, horizons: Sequence[int]) -> Sequence[Prediction | None]:
        found = super().predict_all(history, horizons)
        return found[:1] if self._too_few else found


@pytest.mark.parametrize("too_few", [False, True])
def test_a_member_that_fails_at_one_horizon_votes_at_the_others(too_few: bool) -> None:
    states = [{"n": 3 * k} for k in range(20)]
    one, other = (Ensemble(members=[("fickle", Fickle(few)), ("linear", Linear())]) for few in (too_few, False))
    for count in range(2, 12):
        given = together(states, count)
        assert list(one.predict_all(given, HORIZONS)) == [other.predict(given, horizon) for horizon in HORIZONS]
