"""Laws of the predictors that are coefficients."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic
from asc.testing.histories import WordHistory
from asc.types import Combination

Number = Fraction | float


def polynomial(degree: int, window: int) -> Polynomial:
    return Polynomial(Polynomial.Config(degree=degree, window=window))


MAKERS: dict[str, Callable[[], Any]] = {
    "last-value": LastValue,
    "mean": Mean,
    "linear": Linear,
    "quadratic": Quadratic,
    "polynomial": Polynomial,
    "cubic": lambda: polynomial(3, 7),
    "level": lambda: polynomial(0, 4),
}
positions = st.lists(st.integers(0, 10**6), min_size=1, max_size=9, unique=True).map(sorted)
horizons = st.integers(1, 10**6)
fractions = st.fractions(min_value=-1000, max_value=1000, max_denominator=50)


def at(places: list[int]) -> WordHistory:
    return WordHistory(places, [{}] * len(places))


def coefficients(predictor: Any, places: list[int], horizon: int) -> tuple[Number, ...] | None:
    prediction = predictor.predict(at(places), horizon)
    assert prediction is None or isinstance(prediction, Combination)
    return None if prediction is None else prediction.coefficients


def extrapolated(predictor: Any, places: list[int], values: list[Fraction], horizon: int) -> Fraction:
    weights = coefficients(predictor, places, horizon)
    assert weights is not None
    return sum((Fraction(w) * v for w, v in zip(weights, values, strict=True)), Fraction(0))


@pytest.mark.parametrize("name", MAKERS)
@given(places=positions, horizon=horizons)
def test_coefficients_are_exact_one_for_each_snapshot_and_sum_to_one(
    name: str, places: list[int], horizon: int
) -> None:
    weights = coefficients(MAKERS[name](), places, horizon)
    if weights is not None:
        assert len(weights) == len(places)
        assert all(isinstance(weight, Fraction) for weight in weights)
        assert sum(weights) == 1


@pytest.mark.parametrize(
    ("name", "needed"),
    [("last-value", 1), ("mean", 1), ("linear", 2), ("quadratic", 3), ("polynomial", 3), ("cubic", 4), ("level", 1)],
)
def test_silent_until_there_are_enough_snapshots(name: str, needed: int) -> None:
    for count in range(1, 9):
        silent = coefficients(MAKERS[name](), list(range(0, 10 * count, 10)), 10) is None
        assert silent == (count < needed)


@pytest.mark.parametrize(("name", "degree"), [("linear", 1), ("quadratic", 2), ("polynomial", 2), ("cubic", 3)])
@given(data=st.data(), horizon=horizons)
def test_a_polynomial_of_its_degree_is_continued_exactly(
    name: str, degree: int, data: st.DataObject, horizon: int
) -> None:
    places = data.draw(positions.filter(lambda places: len(places) > degree))
    terms = data.draw(st.lists(fractions, min_size=degree + 1, max_size=degree + 1))

    def value(x: int) -> Fraction:
        return sum((term * x**power for power, term in enumerate(terms)), Fraction(0))

    said = extrapolated(MAKERS[name](), places, [value(x) for x in places], horizon)
    assert said == value(places[-1] + horizon)


@pytest.mark.parametrize("name", ["linear", "quadratic"])
@settings(max_examples=40)
@given(data=st.data(), hops=st.lists(st.integers(1, 1000), min_size=2, max_size=5))
def test_chained_predictions_equal_one_longer_leap(name: str, data: st.DataObject, hops: list[int]) -> None:
    predictor = MAKERS[name]()
    places = data.draw(positions.filter(lambda places: len(places) > 2))
    values = data.draw(st.lists(fractions, min_size=len(places), max_size=len(places)))
    leap = extrapolated(predictor, places, values, sum(hops))
    for hop in hops:
        values = [*values, extrapolated(predictor, places, values, hop)]
        places = [*places, places[-1] + hop]
    assert values[-1] == leap


@given(places=positions, degree=st.integers(0, 4), horizon=horizons)
def test_a_fit_with_no_freedom_is_interpolation(places: list[int], degree: int, horizon: int) -> None:
    weights = coefficients(polynomial(degree, degree + 1), places, horizon)
    if len(places) <= degree:
        assert weights is None
        return
    assert weights is not None
    used = places[-degree - 1 :]
    for i, x in enumerate(used):
        others = [other for other in used if other != x]
        expected = Fraction(1)
        for other in others:
            expected *= Fraction(used[-1] + horizon - other, x - other)
        assert weights[len(places) - degree - 1 + i] == expected


@given(places=positions.filter(lambda p: len(p) > 3), degree=st.integers(0, 2), horizon=st.integers(1, 50))
def test_the_fit_is_the_one_of_the_normal_equations(places: list[int], degree: int, horizon: int) -> None:
    """No other combination that continues all polynomials of the degree exactly has a smaller sum of squares."""
    window = len(places)
    weights = coefficients(polynomial(degree, window), places, horizon)
    assert weights is not None
    # A minimum-norm solution of V'w = e lies in the span of V's columns: w = V u for a polynomial u.
    middle = sum(places) / window
    scale = max(1.0, *(abs(x - middle) for x in places))
    vandermonde = np.vander([(x - middle) / scale for x in places], degree + 1)
    found = np.array([float(weight) for weight in weights])
    residual = found - vandermonde @ np.linalg.lstsq(vandermonde, found, rcond=None)[0]
    assert np.linalg.norm(residual) <= 1e-8 * max(1.0, float(np.linalg.norm(found)))


def test_spacing_is_taken_from_the_positions() -> None:
    assert coefficients(Linear(), [0, 7, 10], 6) == (0, -2, 3)
    assert coefficients(Quadratic(), [0, 1, 3], 1) == (Fraction(1), Fraction(-2), Fraction(2))


def test_the_mean_reaches_back_as_far_as_its_window() -> None:
    mean = Mean(Mean.Config(window=2))
    assert coefficients(mean, [0, 1, 2], 9) == (0, Fraction(1, 2), Fraction(1, 2))
    assert coefficients(mean, [0], 9) == (1,)


def test_a_window_that_cannot_determine_the_degree_is_refused_with_what_would() -> None:
    with pytest.raises(ValidationError, match="set window to 4 or more, or lower the degree"):
        Polynomial.Config(degree=3, window=3)


@pytest.mark.parametrize("name", MAKERS)
@given(places=positions, horizon=horizons)
def test_snapshots_beyond_its_depth_have_no_weight(name: str, places: list[int], horizon: int) -> None:
    """A run keeps as many snapshots as the depth says, so the answer must not depend on older ones."""
    predictor = MAKERS[name]()
    weights, shown = coefficients(predictor, places, horizon), places[-predictor.depth :]
    recent = coefficients(predictor, shown, horizon)
    assert (weights is None) == (recent is None)
    if weights is not None and recent is not None:
        assert weights == (0,) * (len(places) - len(shown)) + recent
