"""Congruences, and strides."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from asc.predictors.affine import Affine
from asc.testing.histories import WordHistory


def walk(factor: int, increment: int, start: int, count: int, bits: int) -> list[int]:
    values = [start % 2**bits]
    while len(values) < count:
        values.append((factor * values[-1] + increment) % 2**bits)
    return values


def said(
    values: Sequence[int], horizon: int, predictor: Affine | None = None, places: Sequence[int] = ()
) -> int | None:
    history = WordHistory(places or range(0, 10 * len(values), 10), [{"x": value} for value in values])
    prediction = (predictor or Affine()).predict(history, horizon)
    return None if prediction is None else prediction.state["x"]


@given(
    bits=st.sampled_from((1, 8, 32, 64, 100)),
    law=st.tuples(st.integers(0, 2**100), st.integers(0, 2**100)),
    start=st.integers(0, 2**100),
    skip=st.integers(1, 64),
    ahead=st.integers(1, 5000),
)
def test_every_congruence_is_exact_from_four_snapshots_on_at_any_distance(
    bits: int, law: tuple[int, int], start: int, skip: int, ahead: int
) -> None:
    predictor = Affine(Affine.Config(bits=bits))
    sampled = walk(*law, start, 3 * skip + 1, bits)[::skip]
    steps = {right - left for left, right in pairwise(sampled)}
    assume(len(steps) > 1)  # else it is a stride, which does not wrap
    truth = walk(*law, sampled[-1], ahead * skip + 1, bits)[-1]
    assert said(sampled, 10 * ahead, predictor) == truth


def test_three_snapshots_are_trusted_where_there_are_no_four() -> None:
    values = walk(6364136223846793005, 1442695040888963407, 1, 4, 64)
    assert said(values[:3], 10) == values[3]
    assert said(values[:2], 10) is None


def test_a_fourth_snapshot_that_disagrees_ends_the_trust() -> None:
    values = walk(5, 3, 7, 3, 64)
    assert said([*values, values[-1] + 1], 10) is None


@given(
    start=st.integers(-(2**80), 2**80), stride=st.integers(-(2**70), 2**70).filter(bool), ahead=st.integers(1, 10**6)
)
def test_strides_go_on_as_plain_integers_below_zero_and_above_the_modulus(start: int, stride: int, ahead: int) -> None:
    assert said([start, start + stride, start + 2 * stride], 10 * ahead) == start + (2 + ahead) * stride


def test_a_stride_that_wraps_is_exact_once_it_has_been_seen_to() -> None:
    values = walk(1, 11400714819323198485, 0, 40, 64)
    predictor = Affine()
    answers = [said(values[max(0, now - 8) : now], 10, predictor, range(0, 10 * now, 10)[-8:]) for now in range(1, 40)]
    assert answers[8:] == values[9:]


@pytest.mark.parametrize("outside", [-1, 2**64])
def test_values_outside_the_range_follow_no_congruence(outside: int) -> None:
    assert said([outside, 5, 12, 3], 10) is None


def test_the_horizon_is_a_whole_number_of_spacings_or_nothing_is_said() -> None:
    values = walk(5, 3, 7, 4, 64)
    assert said(values, 15) is None
    assert said(values, 20) == walk(5, 3, values[-1], 3, 64)[-1]


def test_a_known_law_survives_leaps_over_several_spacings() -> None:
    values = walk(5, 3, 7, 30, 64)
    predictor = Affine()
    assert said(values[:4], 10, predictor) == values[4]
    assert said([values[3], values[8], values[10]], 10, predictor, [30, 80, 100]) == values[11]


def test_a_law_is_given_up_when_the_word_changes_its_ways() -> None:
    values = [*walk(5, 3, 7, 6, 64), *walk(13, 9, 1000, 6, 64)]
    predictor = Affine()
    assert said(values[:6], 10, predictor) == 5 * values[5] + 3
    assert said(values[:7], 10, predictor) is None
    assert said(values[:10], 10, predictor) == values[10]


def test_words_without_a_law_keep_their_last_value_beside_those_with_one() -> None:
    states = [{"n": k, "x": 0.5 * k, "flag": k % 2 == 0, "odd": k**3} for k in range(5)]
    prediction = Affine().predict(WordHistory(range(5), states), 1)
    assert prediction is not None
    assert prediction.state == {"n": 5, "x": 2.0, "flag": True, "odd": 64}


GENERATORS = {
    "drand48": (25214903917, 11, 2**48),
    "minstd": (16807, 0, 2**31 - 1),
    "a composite modulus": (3877, 29573, 139968),
    "a prime above all draws": (1103515245, 12345, 10**9 + 7),
}


@pytest.mark.parametrize("draws", [1, 10, 200, 1600])
@pytest.mark.parametrize("generator", GENERATORS)
def test_a_modulus_below_2_to_the_bits_is_found_whatever_it_is_and_however_many_draws_a_step_takes(
    generator: str, draws: int
) -> None:
    factor, increment, modulus = GENERATORS[generator]
    drawn = [2014]
    while len(drawn) <= 40 * draws:
        drawn.append((factor * drawn[-1] + increment) % modulus)
    values, predictor = drawn[::draws], Affine()
    answers = [said(values[:now], 30, predictor) for now in range(1, 38)]
    assert answers[12:] == values[15:40]


def test_six_snapshots_show_a_modulus_and_four_do_not() -> None:
    values = walk(25214903917, 11, 2014, 9, 48)
    assert said(values[:4], 10) is None
    assert said(values[:6], 30) == values[8]


def test_a_modulus_is_corrected_when_a_value_exceeds_it() -> None:
    factor, increment = 4 * 3**20 + 1, 12345
    small = next(
        start
        for start in range(1, 10**5)
        if max(walk(factor, increment, start, 6, 40)) < 2**39 <= walk(factor, increment, start, 7, 40)[6]
    )
    values, predictor = walk(factor, increment, small, 20, 40), Affine()
    answers = [said(values[:now], 10, predictor) for now in range(1, 20)]
    assert answers[5] != values[6]
    assert answers[10:] == values[11:]


@pytest.mark.parametrize("size", [10**3, 2**32, 2**60])
def test_numbers_without_a_law_show_no_modulus(size: int) -> None:
    chance = Random(size)
    values = [chance.randrange(size) for _ in range(16)]
    assert said(values, 10) is None


def test_a_modulus_above_2_to_the_bits_is_not_looked_for() -> None:
    values = walk(25214903917, 11, 2014, 16, 48)
    assert said(values, 10, Affine(Affine.Config(bits=40))) is None
