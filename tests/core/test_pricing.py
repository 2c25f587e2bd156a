from __future__ import annotations

import random

import pytest

from asc.pricing import StepPrice


def test_nothing_is_known_at_first() -> None:
    price = StepPrice()
    assert price.step == 0
    assert price.tracking == price.likely == 1


@pytest.mark.parametrize("factor", [1.0, 1.5, 4.0])
def test_the_price_of_tracking_is_found_among_supersteps_that_differ(factor: float) -> None:
    draw, price = random.Random(1), StepPrice()
    for number in range(400):
        plain = draw.uniform(0.5, 2.0)
        tracked = number % 3 != 0
        price.note(10, 10 * (plain * factor if tracked else plain), tracked)
    assert factor * 0.6 <= price.tracking <= factor * 1.01
    assert factor * 0.9 <= price.likely <= factor * 1.1
    assert 0.5 < price.step < 2.0, "the price of untracked steps alone"


def test_what_is_not_certain_is_not_charged_for() -> None:
    """Supersteps of very different lengths, and no price of tracking: noise must not be taken for one."""
    for seed in range(20):
        draw, price = random.Random(seed), StepPrice()
        for number in range(300):
            price.note(10, draw.lognormvariate(0, 1), tracked=number % 8 != 0)
        assert price.tracking < 1.3


def test_one_superstep_that_takes_forty_times_as_long_is_certain_enough() -> None:
    price = StepPrice()
    price.note(1, 1.0, tracked=False)
    price.note(1, 40.0, tracked=True)
    assert price.likely == pytest.approx(40.0)
    assert 10.0 < price.tracking < 40.0
    assert price.step == 1.0


def test_long_supersteps_tell_more_than_short_ones() -> None:
    """Each tracked superstep takes 50 beside its steps: much for one step, little for a thousand."""
    price = StepPrice()
    for doubling in range(11):
        for tracked in (False, True):
            price.note(2**doubling, 2**doubling + 50 * tracked, tracked)
    assert price.likely < 1.4


def test_a_drift_of_the_price_is_followed_by_the_plain_supersteps_alone() -> None:
    price = StepPrice()
    for number in range(1, 500):
        price.note(1, float(number), tracked=number % 8 != 0)
    assert 400 < price.step < 500
    before = price.step
    price.note(1, 1e6, tracked=True)
    assert price.step == before


def test_a_superstep_tells_as_much_about_the_price_as_it_has_steps() -> None:
    """The first supersteps are short, and caches are cold in them."""
    price = StepPrice()
    for doubling in range(11):
        price.note(2**doubling, 2**doubling + 50.0, tracked=False)
    assert price.step < 1.5


def test_a_clock_that_stands_still_teaches_nothing() -> None:
    price = StepPrice()
    price.note(10, 0.0, tracked=False)
    price.note(0, 1.0, tracked=False)
    assert price.step == 0
