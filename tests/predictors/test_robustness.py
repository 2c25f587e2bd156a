"""Whatever the words and however the history grows: a prediction or None, no exception, nothing changed, no chance."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.predictors.ensemble import BUILT_IN, Ensemble
from asc.testing.histories import WordHistory
from asc.types import Combination, Direct
from asc.words import Word, same

PREDICTORS: dict[str, Callable[[], Any]] = {**BUILT_IN, "ensemble": Ensemble}
LEARNING = ("affine", "memory", "logistic", "ensemble")

integers = st.integers(-3, 3) | st.integers() | st.integers(2**63, 2**70) | st.just(2**2000)
scalars = (
    st.builds(np.float32, st.floats(width=32)) | st.builds(np.uint8, st.integers(0, 255)) | st.just(np.bool_(True))
)
words = integers | st.floats() | st.booleans() | st.binary(max_size=3) | st.text(max_size=3) | scalars
states = st.dictionaries(st.sampled_from("abcdef"), words, max_size=6)


@st.composite
def walks(draw: st.DrawFn) -> list[tuple[WordHistory, int]]:
    """Draw the histories that a predictor sees one after another, each with a horizon."""
    calls = []
    positions: list[int] = []
    seen: list[Mapping[str, Word]] = []
    for _ in range(draw(st.integers(1, 8))):
        if draw(st.integers(0, 9)) == 0:  # a new segment, perhaps after a rewind
            seen, positions = [], [draw(st.integers(0, 50))]
        else:
            gap = draw(st.sampled_from((5, 5, 5, 10, 7)))
            positions = [*positions, (positions[-1] if positions else 0) + gap]
        seen = [*seen, draw(states) if not seen or draw(st.booleans()) else {**seen[-1], **draw(states)}]
        if draw(st.integers(0, 4)) == 0:  # old snapshots are dropped
            kept = draw(st.integers(1, len(seen)))
            seen, positions = seen[-kept:], positions[-kept:]
        if draw(st.integers(0, 5)):  # not every boundary asks
            calls.append((WordHistory(positions, seen), draw(st.sampled_from((5, 10, 35, 1, 100000)))))
    return calls


@pytest.mark.parametrize("name", PREDICTORS)
@settings(max_examples=60)
@given(calls=walks())
def test_any_words_in_any_history(name: str, calls: list[tuple[WordHistory, int]]) -> None:
    predictor, twin = PREDICTORS[name](), PREDICTORS[name]()
    for history, horizon in calls:
        before = [dict(state) for state in history.read("words")]
        answer = predictor.predict(history, horizon)
        alike(answer, twin.predict(history, horizon))
        assert all(
            set(was) == set(now) and all(same(was[word], now[word]) for word in was)
            for was, now in zip(before, history.read("words"), strict=True)
        )
        if isinstance(answer, Combination):
            assert len(answer.coefficients) == len(history.positions)
        elif isinstance(answer, Direct):
            newest = before[-1]
            assert set(answer.state) == set(newest)
            assert all(type(answer.state[word]) is type(newest[word]) for word in newest)
        else:
            assert answer is None


def alike(left: Any, right: Any) -> None:
    assert type(left) is type(right)
    if isinstance(left, Direct):
        assert list(left.state) == list(right.state)
        assert all(same(value, right.state[word]) for word, value in left.state.items())
    else:
        assert left == right


@pytest.mark.parametrize("name", LEARNING)
def test_asking_twice_learns_nothing_twice(name: str) -> None:
    patient, eager = PREDICTORS[name](), PREDICTORS[name]()
    walk = [{"n": 3 * k, "bit": k % 2, "x": (0.1, 0.7, 0.2)[k % 3]} for k in range(30)]
    for now in range(1, 30):
        history = WordHistory(range(0, 10 * now, 10), walk[:now])
        for horizon in (10, 20, 70):
            eager.predict(history, horizon)
        alike(patient.predict(history, 10), eager.predict(history, 10))


@pytest.mark.parametrize("name", LEARNING)
def test_a_new_segment_starts_with_what_the_old_one_taught(name: str) -> None:
    predictor = PREDICTORS[name]()
    walk = [{"n": k % 2, "m": 1 + k % 2 * 4} for k in range(60)]
    predictor.predict(WordHistory(range(0, 400, 10), walk[:40]), 10)
    answer = predictor.predict(WordHistory([1000], [walk[43]]), 10)
    assert answer.state == walk[44]


@pytest.mark.parametrize("name", LEARNING)
def test_each_spacing_has_its_own_law(name: str) -> None:
    """A walk in which ten steps flip the word and twenty do not, first seen ten and then twenty steps apart."""
    predictor = PREDICTORS[name]()
    places = [*range(0, 300, 10), *range(300, 900, 20)]
    walk = [{"n": place // 10 % 2} for place in places]
    for now in range(2, len(places) + 1):
        history = WordHistory(places[max(0, now - 6) : now], walk[max(0, now - 6) : now])
        for horizon in (10, 20, 30):
            answer = predictor.predict(history, horizon)
            if now in {25, len(places)} and answer is not None:
                assert answer.state["n"] == (places[now - 1] + horizon) // 10 % 2


@pytest.mark.parametrize("name", LEARNING)
def test_new_words_may_appear_and_old_ones_vanish(name: str) -> None:
    predictor = PREDICTORS[name]()
    walk: list[dict[str, Word]] = [
        {"bit": k % 2, "late": 1 - k % 2} if k > 20 else {"bit": k % 2, "early": k} for k in range(60)
    ]
    for now in range(2, 60):
        answer = predictor.predict(WordHistory(range(0, 10 * now, 10)[-8:], walk[:now][-8:]), 10)
    assert answer.state == walk[59]
