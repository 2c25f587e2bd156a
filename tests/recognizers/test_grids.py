"""Recognizers that stop on a grid: where they stop, and where they say yes."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from asc.computation import Computation, Recognizer
from asc.recognizers.always import Always
from asc.recognizers.every import Every
from asc.recognizers.recurring import Recurring
from asc.recognizers.similarity import Similarity


class Walk:
    """Stands somewhere, may know its end, and has a price for a task."""

    provides = frozenset({"fingerprint"})

    def __init__(self, total: int | None = None, price: float = math.nan) -> None:
        self.at, self.end, self.price, self.asked = 0, total, price, 0

    def position(self) -> int:
        return self.at

    def total(self) -> int | None:
        return self.end

    def cost(self, work: str) -> float:
        assert work == "dispatch"
        self.asked += 1
        return self.price

    def read(self, need: str, snapshots: tuple[()]) -> list[float]:
        return [1.0, float(self.at)]

    def stop(self, recognizer: Recognizer) -> int:
        """Do as the engine does at a boundary, and return the next one."""
        computation = cast(Computation, self)
        recognizer.recognise(computation)
        return recognizer.next_boundary(self.at, computation)

    def go(self, recognizer: Recognizer, boundaries: int) -> list[int]:
        stops = []
        for _ in range(boundaries):
            self.at = self.stop(recognizer)
            stops.append(self.at)
        return stops


def asked(recognizer: Recognizer, walk: Walk) -> bool:
    return recognizer.recognise(cast(Computation, walk)).speculate


MAKERS: dict[str, Callable[[int], Recognizer]] = {
    "always": lambda n: Always(),
    "every": lambda n: Every(Every.Config(steps=n)),
    "recurring": lambda n: Recurring(Recurring.Config(multiple=n)),
    "recurring at a distance": lambda n: Recurring(Recurring.Config(distance=n)),
    "similarity": lambda n: Similarity(Similarity.Config(every=n)),
}
prices = st.one_of(st.floats(0, 1e6), st.sampled_from([0.0, math.inf, math.nan, 5e-324, 1.7e308]))


@pytest.mark.parametrize("name", MAKERS)
@given(
    n=st.integers(1, 300),
    total=st.none() | st.integers(1, 5000),
    jumps=st.lists(st.tuples(st.integers(0, 700), prices), max_size=40),
)
def test_the_next_boundary_lies_ahead_and_never_past_the_end(
    name: str, n: int, total: int | None, jumps: list[tuple[int, float]]
) -> None:
    recognizer, walk = MAKERS[name](n), Walk(total)
    for jump, walk.price in jumps:
        boundary = walk.stop(recognizer)
        assert boundary > walk.at
        assert total is None or walk.at >= total or boundary <= total
        walk.at = boundary + jump if total is None else min(boundary + jump, max(total, boundary))


@pytest.mark.parametrize("name", ["every", "recurring at a distance", "similarity"])
@given(n=st.integers(1, 300), position=st.integers(0, 10**6))
def test_a_landing_beside_the_grid_is_followed_by_a_boundary_on_it(name: str, n: int, position: int) -> None:
    recognizer, walk = MAKERS[name](n), Walk()
    walk.at = position
    boundary = walk.stop(recognizer)
    assert boundary % n == 0
    assert boundary - position <= n
    assert walk.go(recognizer, 3) == [boundary, boundary + n, boundary + 2 * n]


@pytest.mark.parametrize("name", ["every", "recurring at a distance"])
def test_guesses_start_on_the_grid_only(name: str) -> None:
    recognizer, walk = MAKERS[name](10), Walk()
    said = {}
    for walk.at in (0, 5, 10, 13, 20):
        said[walk.at] = asked(recognizer, walk)
    assert said == {0: True, 5: False, 10: True, 13: False, 20: True}


def test_always_is_every_step() -> None:
    walk = Walk()
    assert walk.go(Always(), 4) == [1, 2, 3, 4]
    assert asked(Always(), walk)


def test_recurring_doubles_until_the_price_is_known_and_then_settles() -> None:
    recognizer, walk = Recurring(), Walk()
    assert walk.go(recognizer, 6) == [1, 2, 4, 8, 16, 32]
    walk.price = 10.0  # 50 dispatches are 500 steps, and 512 is the nearest power of two
    walk.go(recognizer, 20)
    assert recognizer.distance == 512
    walk.go(recognizer, 200)
    assert recognizer.distance == 512


@pytest.mark.parametrize("unknown", [0.0, math.inf, math.nan, -1.0])
def test_a_price_that_means_nothing_counts_as_unknown(unknown: float) -> None:
    recognizer, walk = Recurring(Recurring.Config(max_distance=100)), Walk(price=unknown)
    walk.go(recognizer, 50)
    assert recognizer.distance == 64


def test_recurring_shrinks_at_once_when_it_has_overshot() -> None:
    recognizer, walk = Recurring(), Walk()
    walk.go(recognizer, 15)
    assert recognizer.distance > 4096
    walk.price = 1.0
    walk.go(recognizer, 1)
    assert recognizer.distance == 64


def test_multiples_of_a_period() -> None:
    recognizer, walk = Recurring(Recurring.Config(multiple=7, worth=10)), Walk(price=10.0)
    stops = walk.go(recognizer, 30)
    assert recognizer.distance == 112
    assert all(stop % 7 == 0 for stop in stops)


@given(drift=st.lists(st.floats(0.34, 2.9), min_size=1, max_size=300))
def test_a_distance_stays_until_it_is_wrong_by_three(drift: list[float]) -> None:
    recognizer, walk = Recurring(), Walk(price=64 / 50)
    walk.go(recognizer, 20)
    assert recognizer.distance == 64
    for factor in drift:
        walk.price = factor * 64 / 50
        walk.go(recognizer, 1)
        assert recognizer.distance == 64


@pytest.mark.parametrize(("factor", "distance"), [(4.0, 256), (0.25, 16)])
def test_a_distance_that_is_wrong_by_three_changes(factor: float, distance: int) -> None:
    recognizer, walk = Recurring(), Walk(price=64 / 50)
    walk.go(recognizer, 20)
    walk.price *= factor
    walk.go(recognizer, 100)
    assert recognizer.distance == distance


@given(
    multiple=st.integers(1, 50),
    total=st.none() | st.integers(1, 10**5),
    course=st.lists(prices, min_size=1, max_size=60),
)
def test_how_the_distance_may_change(multiple: int, total: int | None, course: list[float]) -> None:
    recognizer = Recurring(Recurring.Config(multiple=multiple, max_distance=10**4))
    walk = Walk(total)
    for walk.price in course:
        before = recognizer.distance
        boundary = walk.stop(recognizer)
        after = recognizer.distance
        assert after % multiple == 0
        assert (after // multiple).bit_count() == 1
        assert after <= 10**4
        assert after <= 2 * before
        assert after <= before or total is None or total - walk.at >= 16 * after
        assert boundary % after == 0 or boundary == total
        if total is not None and boundary >= total:
            break
        walk.at = boundary


@pytest.mark.parametrize(("total", "distance"), [(32, 1), (33, 2)])
def test_a_longer_superstep_must_have_sixteen_to_go(total: int, distance: int) -> None:
    recognizer, walk = Recurring(), Walk(total)
    assert walk.go(recognizer, 2) == [1, 2]
    assert recognizer.distance == distance


def test_history_is_equally_spaced_once_the_distance_has_settled() -> None:
    recognizer, walk = Recurring(), Walk(price=2.0)
    walk.go(recognizer, 20)
    stops = walk.go(recognizer, 20)
    assert {after - before for before, after in pairwise(stops)} == {128}


def test_a_given_distance_overrides_everything_and_asks_no_price() -> None:
    recognizer, walk = Recurring(Recurring.Config(distance=1000, multiple=3, max_distance=10)), Walk(price=1.0)
    assert walk.go(recognizer, 3) == [1000, 2000, 3000]
    assert recognizer.distance == 1000
    assert walk.asked == 0


def test_the_price_is_asked_ever_more_rarely() -> None:
    recognizer, walk = Recurring(), Walk(price=1.0)
    walk.go(recognizer, 200)
    early, walk.asked = walk.asked, 0
    walk.go(recognizer, 640)
    assert 0 < walk.asked <= 10 < early


def test_asking_for_the_next_boundary_changes_nothing() -> None:
    recognizer, walk = Recurring(), Walk()
    walk.go(recognizer, 5)
    answers = {recognizer.next_boundary(walk.at, cast(Computation, walk)) for _ in range(20)}
    assert len(answers) == 1


def test_a_multiple_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValidationError, match="set max_distance to 100 or more"):
        Recurring.Config(multiple=100, max_distance=99)
