from __future__ import annotations

import random

import pytest

from asc.pricing import StepPrice


def test_nothing_is_known_at_first() -> None:
    price = StepPrice()
    assert price.step == 0
    assert price.tracking == 1


@pytest.mark.parametrize("factor", [1.0, 1.5, 4.0])
def test_the_price_of_tracking_is_found_among_supersteps_that_differ(factor: float) -> None:
    draw, price = random.Random(1), StepPrice()
    for number in range(400):
        plain = draw.uniform(0.5, 2.0)
        tracked = number % 3 != 0
        price.note(plain * factor if tracked else plain, tracked)
    assert factor * 0.6 <= price.tracking <= factor * 1.01
    assert 0.5 < price.step < 2.0 * factor


def test_what_is_not_certain_is_not_charged_for() -> None:
    """Supersteps of very different lengths, and no price of tracking: noise must not be taken for one."""
    for seed in range(20):
        draw, price = random.Random(seed), StepPrice()
        for number in range(300):
            price.note(draw.lognormvariate(0, 1), tracked=number % 8 != 0)
        assert price.tracking < 1.3


def test_a_drift_of_the_price_is_followed_though_nearly_all_is_tracked() -> None:
    price = StepPrice()
    for number in range(1, 500):
        price.note(float(number), tracked=number % 64 != 0)
    assert price.step == pytest.approx(499, rel=0.05)


def test_a_clock_that_stands_still_teaches_nothing() -> None:
    price = StepPrice()
    price.note(0.0, tracked=False)
    assert price.step == 0
