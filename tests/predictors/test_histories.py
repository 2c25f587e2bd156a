"""The history that is built by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from asc.testing.histories import WordHistory


def test_it_answers_as_a_run_would() -> None:
    history = WordHistory([0, 10, 30], [{"n": 1}, {"n": 2}, {"n": 4}])
    assert history.positions == (0, 10, 30)
    assert [state["n"] for state in history.read("words")] == [1, 2, 4]
    assert len(history) == 3


def test_slices_are_histories() -> None:
    history = WordHistory([0, 10, 30], [{"n": 1}, {"n": 2}, {"n": 4}])
    assert history[:2].positions == (0, 10)
    assert history[-1:].read("words") == ({"n": 4},)


def test_words_are_copied_and_cannot_be_written() -> None:
    mine = {"n": 1}
    history = WordHistory([0], [mine])
    mine["n"] = 2
    assert history.read("words")[0]["n"] == 1
    with pytest.raises(TypeError):
        history.read("words")[0]["n"] = 3


def test_gram_is_of_the_exact_differences_of_finite_numbers() -> None:
    big = 2**70
    history = WordHistory(
        [0, 1, 2],
        [
            {"n": big, "x": 0.5, "s": "a", "odd": math.inf, "flag": True},
            {"n": big + 1, "x": 1.5, "s": "b", "odd": 1.0, "flag": False},
            {"n": big + 3, "x": 1.0, "s": "c", "odd": 2.0, "flag": True},
        ],
    )
    np.testing.assert_array_equal(history.gram(), [[9.25, 5.75], [5.75, 4.25]])
    assert history[:1].gram().shape == (0, 0)


@pytest.mark.parametrize(
    ("positions", "words", "message"),
    [
        ([0, 1], [{}], "2 positions were given for 1 snapshots"),
        ([], [], "at least one snapshot"),
        ([0, 5, 5], [{}, {}, {}], r"these do not: \[0, 5, 5\]"),
    ],
)
def test_an_impossible_history_is_refused_in_a_sentence(
    positions: list[int], words: list[dict[str, int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        WordHistory(positions, words)


def test_it_has_nothing_but_words() -> None:
    with pytest.raises(LookupError, match="cannot answer the need optimizer"):
        WordHistory([0], [{}]).read("optimizer")
