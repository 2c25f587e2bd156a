"""The ensemble: which members decide, and what members that fail do to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asc.errors import AscError
from asc.predictor import History, Predictor
from asc.predictors.ensemble import Ensemble
from asc.predictors.forecast import Prefix, forecast_words
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.settings import NO_SETTINGS
from asc.testing.histories import WordHistory
from asc.types import Combination, Direct, Prediction
from asc.words import Word

States = list[dict[str, Word]]


class Scripted(Predictor):
    """Predicts what a function makes of the newest words."""

    needs = frozenset({"words"})

    def __init__(self, say: Callable[[dict[str, Word]], Prediction | None]) -> None:
        super().__init__()
        self._say = say

    def predict(self, history: History, horizon: int) -> Prediction | None:
        return self._say(dict(history.read("words")[-1]))


def show(ensemble: Ensemble, states: States) -> Any:
    """Show the states one by one, eight at a time, ten steps apart; return the last prediction."""
    prediction = None
    for now in range(1, len(states) + 1):
        history = WordHistory(range(0, 10 * now, 10)[-8:], states[max(0, now - 8) : now])
        prediction = ensemble.predict(history, 10)
    return None if prediction is None else prediction.state


def of(*members: tuple[str, Predictor], **settings: Any) -> Ensemble:
    return Ensemble(Ensemble.Config(**settings), members)


def broken(newest: dict[str, Word]) -> Prediction:
    raise RuntimeError("no idea")


def test_each_word_follows_the_member_that_knows_it() -> None:
    x = 1
    states: States = []
    for k in range(60):
        states.append({"n": 3 * k, "area": k * k, "x": x, "turn": (0.1, 0.9, 0.4)[k % 3], "still": "here"})
        x = (6364136223846793005 * x + 1442695040888963407) % 2**64
    ensemble = Ensemble()
    assert show(ensemble, states) == {"n": 180, "area": 3600, "x": x, "turn": 0.1, "still": "here"}
    best = {word: max(weights, key=lambda member: weights[member]) for word, weights in ensemble.weights.items()}
    assert best == {"n": "linear", "area": "quadratic", "x": "affine", "turn": "memory"}


def test_weights_are_a_distribution_over_the_members_for_changing_words_alone() -> None:
    ensemble = of(("last-value", LastValue()), ("linear", Linear()))
    show(ensemble, [{"n": k, "still": 5} for k in range(20)])
    assert set(ensemble.weights) == {"n"}
    assert sum(ensemble.weights["n"].values()) == pytest.approx(1)
    assert ensemble.weights["n"]["linear"] > 0.9


def test_a_single_expert_outweighs_many_that_agree_on_something_wrong() -> None:
    stubborn = [(f"stubborn-{i}", Scripted(lambda newest: Direct({**newest, "n": 0}))) for i in range(5)]
    assert show(of(*stubborn, ("linear", Linear())), [{"n": k} for k in range(20)]) == {"n": 20}


def test_equally_heavy_values_are_settled_by_the_order_of_the_members() -> None:
    one, two = Scripted(lambda newest: Direct({"n": 1})), Scripted(lambda newest: Direct({"n": 2}))
    states: States = [{"n": 0}, {"n": 7}]
    assert show(of(("one", one), ("two", two)), states) == {"n": 1}
    assert show(of(("two", two), ("one", one)), states) == {"n": 2}


@pytest.mark.parametrize(("share", "comes_back"), [(0.02, True), (0.0, False)])
def test_a_member_that_was_wrong_for_long_comes_back_thanks_to_its_share(share: float, comes_back: bool) -> None:
    rising: States = [{"n": k} for k in range(200)]
    stairs: States = [{"n": 199 + k // 3} for k in range(31)]  # at each stair the line overshoots
    ensemble = of(("last-value", LastValue()), ("linear", Linear()), share=share)
    assert show(ensemble, rising) == {"n": 200}
    assert show(ensemble, [*rising, *stairs]) == {"n": 209 if comes_back else 210}
    weights = ensemble.weights["n"]
    assert (weights["last-value"] > weights["linear"]) == comes_back


def test_a_member_that_raises_does_not_break_the_others_and_loses_weight() -> None:
    ensemble = of(("broken", Scripted(broken)), ("linear", Linear()))
    assert show(ensemble, [{"n": k} for k in range(20)]) == {"n": 20}
    assert ensemble.weights["n"]["broken"] < 0.2


@pytest.mark.parametrize(
    "nonsense",
    [
        Combination((Fraction(1),)),
        Combination((float("nan"),) * 8),
        Direct(None),
        Direct({"n": object()}),
        Direct({"n": 3.0}),
        Direct({}),
    ],
)
def test_a_member_that_answers_nonsense_does_not_break_the_others(nonsense: Prediction) -> None:
    ensemble = of(("nonsense", Scripted(lambda newest: nonsense)), ("linear", Linear()))
    assert show(ensemble, [{"n": k, "x": k / 2} for k in range(20)]) == {"n": 20, "x": 10.0}


def test_silent_only_where_all_members_are() -> None:
    silent = Scripted(lambda newest: None)
    assert show(of(("silent", silent), ("broken", Scripted(broken))), [{"n": k} for k in range(5)]) is None
    assert show(of(("silent", silent), ("last-value", LastValue())), [{"n": k} for k in range(5)]) == {"n": 4}


def test_a_member_is_tested_on_what_it_would_have_predicted_one_superstep_before() -> None:
    seen: list[tuple[tuple[int, ...], int]] = []

    class Spy(Predictor):
        needs = frozenset({"words"})

        def predict(self, history: History, horizon: int) -> None:
            assert [state["n"] for state in history.read("words")] == list(history.positions)
            seen.append((history.positions, horizon))

    ensemble = of(("spy", Spy()))
    ensemble.predict(WordHistory([0, 10, 25], [{"n": 0}, {"n": 10}, {"n": 25}]), 99)
    assert seen == [((0,), 10), ((0, 10), 15), ((0, 10, 25), 99)]


def test_compose_creates_the_members_by_name() -> None:
    created: list[str] = []

    def create(name: str, settings: Mapping[str, Any] = NO_SETTINGS) -> Predictor:
        created.append(name)
        return Linear()

    ensemble = Ensemble.compose(Ensemble.Config(members=("mine", "yours")), create)
    assert created == ["mine", "yours"]
    show(ensemble, [{"n": k} for k in range(4)])
    assert list(ensemble.weights["n"]) == ["mine", "yours"]


def test_members_are_named_once_and_not_the_ensemble_itself() -> None:
    with pytest.raises(ValidationError, match="names one twice"):
        Ensemble.Config(members=("linear", "linear"))
    with pytest.raises(ValidationError, match="cannot be a member of itself"):
        Ensemble.Config(members=("linear", "ensemble"))


def test_a_name_that_the_core_does_not_have_is_answered_with_those_it_has() -> None:
    with pytest.raises(AscError, match=r"no predictor gf2-affine .* affine, last-value, linear"):
        Ensemble(Ensemble.Config(members=("gf2-affine",)))


def test_a_member_that_needs_more_than_words_is_refused() -> None:
    class Greedy(Scripted):
        needs = frozenset({"words", "optimizer"})

    with pytest.raises(AscError, match="greedy needs optimizer"):
        of(("greedy", Greedy(lambda newest: None)))


@given(st.lists(st.tuples(st.integers(-9, 9), st.floats(-9, 9)), min_size=1, max_size=7), st.data())
def test_a_prefix_answers_as_the_history_did_then(values: Sequence[tuple[int, float]], data: st.DataObject) -> None:
    whole = WordHistory(range(len(values)), [{"n": n, "x": x} for n, x in values])
    count = data.draw(st.integers(1, len(values)))
    prefix = Prefix(whole, whole.read("words"), count)
    assert prefix.positions == whole[:count].positions
    assert prefix.read("words") == whole[:count].read("words")
    np.testing.assert_allclose(prefix.gram(), whole[:count].gram(), atol=1e-9)
    with pytest.raises(LookupError, match="only words, not optimizer"):
        prefix.read("optimizer")


def test_snapshots_of_weight_zero_do_not_count() -> None:
    """A word that once had another type, or was absent, is predicted from the snapshots that count."""
    words: States = [{"x": "old", "s": "a"}, {"x": 1, "s": "b", "z": -0.0}, {"x": 3, "s": "b", "z": -0.0}]
    history = Prefix(WordHistory(range(3), words), words, 3)
    linear = Combination((Fraction(0), Fraction(-1), Fraction(2)))
    assert forecast_words(linear, history, ("x", "s")) == {"x": 5, "s": "b"}
    last = forecast_words(Combination((Fraction(0), Fraction(0), Fraction(1))), history, ("x", "s", "z", "absent"))
    assert str(last) == str({"x": 3, "s": "b", "z": -0.0})
