"""Bits that are learnt, words that are not."""

from __future__ import annotations

from typing import Any

import pytest

from asc.predictors.logistic import BitLogistic
from asc.testing.histories import WordHistory
from asc.words import Word


def after(states: list[dict[str, Word]], ahead: int = 1, **settings: float) -> Any:
    predictor, prediction = BitLogistic(BitLogistic.Config(**settings)), None
    for now in range(1, len(states) + 1):
        history = WordHistory(range(0, 10 * now, 10)[-4:], states[max(0, now - 4) : now])
        prediction = predictor.predict(history, 10 * ahead)
    return None if prediction is None else prediction.state


def ring(k: int) -> int:
    pattern = 0b1011000100 * 0b10000000001
    return pattern >> k % 10 & 0b1111111111


@pytest.mark.parametrize("ahead", [1, 2, 13])
def test_a_rotating_register_is_learnt_and_rolled_out(ahead: int) -> None:
    states: list[dict[str, Word]] = [{"r": ring(k), "flag": k % 2 == 0} for k in range(150)]
    assert after(states, ahead) == {"r": ring(149 + ahead), "flag": (149 + ahead) % 2 == 0}


def test_signs_are_bits_like_others() -> None:
    states: list[dict[str, Word]] = [{"n": (5, -5, 0, -(2**64) + 1)[k % 4]} for k in range(100)]
    assert after(states) == {"n": 5}


@pytest.mark.parametrize("width", [1, 7, 8, 9, 64])
def test_words_as_wide_as_the_limit_are_predicted_and_wider_ones_keep_their_value(width: int) -> None:
    largest = 2**width - 1
    states: list[dict[str, Word]] = [{"fits": k % 2 * largest, "wide": k % 2 + largest + 1} for k in range(41)]
    assert after(states, width=width) == {"fits": largest, "wide": largest + 1}
    assert after(states[:-1], width=width) == {"fits": 0, "wide": largest + 2}


def test_bits_beyond_the_cap_stay_as_they_are() -> None:
    states: list[dict[str, Word]] = [{"a": k % 2 * 0b11, "b": k % 2} for k in range(60)]
    assert after(states, bits=1) == {"a": 0b10, "b": 1}
    assert after(states, bits=2) == {"a": 0b00, "b": 1}
    assert after(states, bits=3) == {"a": 0b00, "b": 0}


def test_a_bit_that_was_never_seen_to_change_again_stays() -> None:
    states: list[dict[str, Word]] = [{"n": int(k < 2)} for k in range(23)]
    assert after(states) == {"n": 0}


def test_silent_where_what_changes_has_no_bits_to_learn() -> None:
    states: list[dict[str, Word]] = [{"x": 0.5 * k, "still": 3} for k in range(10)]
    assert after(states) is None


def test_horizons_that_are_no_whole_number_of_supersteps_or_too_many_are_left_alone() -> None:
    states: list[dict[str, Word]] = [{"n": k % 2} for k in range(10)]
    predictor = BitLogistic(BitLogistic.Config(rollout=3))
    history = WordHistory(range(0, 100, 10), states)
    assert [predictor.predict(history, horizon) is None for horizon in (10, 15, 30, 40)] == [False, True, False, True]
