"""Student's t against tables, closed forms and numerical integration."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asc.validators.student import lower_tail


@pytest.mark.parametrize(
    ("freedom", "one_in_forty", "one_in_two_thousand"),
    [(1, 12.70620, 636.6192), (2, 4.302653, 31.59905), (5, 2.570582, 6.868827), (10, 2.228139, 4.586894)],
)
def test_tables(freedom: int, one_in_forty: float, one_in_two_thousand: float) -> None:
    assert lower_tail(-one_in_forty, freedom) == pytest.approx(0.025, rel=1e-5)
    assert lower_tail(-one_in_two_thousand, freedom) == pytest.approx(0.0005, rel=1e-5)


@given(t=st.floats(-50, 50))
def test_closed_forms(t: float) -> None:
    assert lower_tail(t, 1) == pytest.approx(0.5 + math.atan(t) / math.pi, abs=1e-12)
    assert lower_tail(t, 2) == pytest.approx(0.5 + t / (2 * math.sqrt(2 + t * t)), abs=1e-12)


@pytest.mark.parametrize("freedom", [3, 4, 7, 31, 64])
def test_the_integral_of_the_density(freedom: int) -> None:
    grid = np.linspace(-2.5, 0, 20001)
    scale = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi)
    density = scale * (1 + grid**2 / freedom) ** (-(freedom + 1) / 2)
    assert 0.5 - lower_tail(-2.5, freedom) == pytest.approx(np.trapezoid(density, grid), abs=1e-8)


@given(t=st.floats(-1e6, 1e6), freedom=st.integers(1, 400))
def test_symmetry_and_order(t: float, freedom: int) -> None:
    p = lower_tail(t, freedom)
    assert 0 <= p <= 1
    assert p + lower_tail(-t, freedom) == pytest.approx(1, abs=1e-12)
    assert lower_tail(t - 0.5, freedom) <= p + 1e-13


@given(t=st.floats(-4, 4))
def test_the_normal_distribution_is_the_limit(t: float) -> None:
    assert lower_tail(t, 5000) == pytest.approx(NormalDist().cdf(t), abs=2e-4)


def test_infinite_evidence() -> None:
    assert lower_tail(-math.inf, 7) == 0
    assert lower_tail(math.inf, 7) == 1
