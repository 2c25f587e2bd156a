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

from asc.computation import Computation
from asc.recognizer import Recognizer
from asc.recognizers.always import Always
from asc.recognizers.every import Every
from asc.recognizers.recurring import Recurring
from asc.recognizers.similarity import Similarity


class Moving:
    """Is at a position, may know its end, and has a price for a task."""

    provides = frozenset({"fingerprint"})

    def __init__(self, total: int | None = None, dispatch: float = math.nan) -> None:
        self.at, self.end, self.dispatch, self.asked = 0, total, dispatch, 0

    def position(self) -> int:
        return self.at

    def total(self) -> int | None:
        return self.end

    def price(self, work: str) -> float:
        assert work == "dispatch"
        self.asked += 1
        return self.dispatch

    def read(self, need: str, snapshots: tuple[()]) -> list[float]:
        return [1.0, float(self.at)]

    def stop(self, recognizer: Recognizer) -> int:
        """Do as the engine does at a boundary, and return the next one."""
        computation = cast(Computation, self)
        recognizer.recognise(computation)
        return recognizer.next_boundary(self.at, computation)

    def move(self, recognizer: Recognizer, boundaries: int) -> list[int]:
        stops = []
        for _ in range(boundaries):
            self.at = self.stop(recognizer)
            stops.append(self.at)
        return stops


def asked(recognizer: Recognizer, moving: Moving) -> bool:
    return recognizer.recognise(cast(Computation, moving)).speculate


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
    recognizer, moving = MAKERS[name](n), Moving(total)
    for jump, moving.dispatch in jumps:
        boundary = moving.stop(recognizer)
        assert boundary > moving.at
        assert total is None or moving.at >= total or boundary <= total
        moving.at = boundary + jump if total is None else min(boundary + jump, max(total, boundary))


@pytest.mark.parametrize("name", ["every", "recurring at a distance", "similarity"])
@given(n=st.integers(1, 300), position=st.integers(0, 10**6))
def test_a_landing_beside_the_grid_is_followed_by_a_boundary_on_it(name: str, n: int, position: int) -> None:
    recognizer, moving = MAKERS[name](n), Moving()
    moving.at = position
    boundary = moving.stop(recognizer)
    assert boundary % n == 0
    assert boundary - position <= n
    assert moving.move(recognizer, 3) == [boundary, boundary + n, boundary + 2 * n]


@pytest.mark.parametrize("name", ["every", "recurring at a distance"])
def test_candidates_start_on_the_grid_only(name: str) -> None:
    recognizer, moving = MAKERS[name](10), Moving()
    answers = {}
    for moving.at in (0, 5, 10, 13, 20):
        answers[moving.at] = asked(recognizer, moving)
    assert answers == {0: True, 5: False, 10: True, 13: False, 20: True}


def test_always_is_every_step() -> None:
    moving = Moving()
    assert moving.move(Always(), 4) == [1, 2, 3, 4]
    assert asked(Always(), moving)


def test_recurring_doubles_until_the_price_is_known_and_then_settles() -> None:
    recognizer, moving = Recurring(), Moving()
    assert moving.move(recognizer, 6) == [1, 2, 4, 8, 16, 32]
    moving.dispatch = 10.0  # 50 dispatches are 500 steps, and 512 is the nearest power of two
    moving.move(recognizer, 20)
    assert recognizer.distance == 512
    moving.move(recognizer, 200)
    assert recognizer.distance == 512


@pytest.mark.parametrize("unknown", [0.0, math.inf, math.nan, -1.0])
def test_a_price_that_means_nothing_counts_as_unknown(unknown: float) -> None:
    recognizer, moving = Recurring(Recurring.Config(max_distance=100)), Moving(dispatch=unknown)
    moving.move(recognizer, 50)
    assert recognizer.distance == 64


def test_recurring_shrinks_at_once_when_it_has_overshot() -> None:
    recognizer, moving = Recurring(), Moving()
    moving.move(recognizer, 15)
    assert recognizer.distance > 4096
    moving.dispatch = 1.0
    moving.move(recognizer, 1)
    assert recognizer.distance == 64


def test_multiples_of_a_period() -> None:
    recognizer, moving = Recurring(Recurring.Config(multiple=7, worth=10)), Moving(dispatch=10.0)
    stops = moving.move(recognizer, 30)
    assert recognizer.distance == 112
    assert all(stop % 7 == 0 for stop in stops)


@given(drift=st.lists(st.floats(0.34, 2.9), min_size=1, max_size=300))
def test_a_distance_stays_until_it_is_wrong_by_three(drift: list[float]) -> None:
    recognizer, moving = Recurring(), Moving(dispatch=64 / 50)
    moving.move(recognizer, 20)
    assert recognizer.distance == 64
    for factor in drift:
        moving.dispatch = factor * 64 / 50
        moving.move(recognizer, 1)
        assert recognizer.distance == 64


@pytest.mark.parametrize(("factor", "distance"), [(4.0, 256), (0.25, 16)])
def test_a_distance_that_is_wrong_by_three_changes(factor: float, distance: int) -> None:
    recognizer, moving = Recurring(), Moving(dispatch=64 / 50)
    moving.move(recognizer, 20)
    moving.dispatch *= factor
    moving.move(recognizer, 100)
    assert recognizer.distance == distance


@given(
    multiple=st.integers(1, 50),
    total=st.none() | st.integers(1, 10**5),
    course=st.lists(prices, min_size=1, max_size=60),
)
def test_how_the_distance_may_change(multiple: int, total: int | None, course: list[float]) -> None:
    recognizer = Recurring(Recurring.Config(multiple=multiple, max_distance=10**4))
    moving = Moving(total)
    for moving.dispatch in course:
        before = recognizer.distance
        boundary = moving.stop(recognizer)
        after = recognizer.distance
        assert after % multiple == 0
        assert (after // multiple).bit_count() == 1
        assert after <= 10**4
        assert after <= 2 * before
        assert after <= before or total is None or total - moving.at >= 16 * after
        assert boundary % after == 0 or boundary == total
        if total is not None and boundary >= total:
            break
        moving.at = boundary


@pytest.mark.parametrize(("total", "distance"), [(32, 1), (33, 2)])
def test_a_longer_superstep_must_have_sixteen_to_go(total: int, distance: int) -> None:
    recognizer, moving = Recurring(), Moving(total)
    assert moving.move(recognizer, 2) == [1, 2]
    assert recognizer.distance == distance


def test_history_is_equally_spaced_once_the_distance_has_settled() -> None:
    recognizer, moving = Recurring(), Moving(dispatch=2.0)
    moving.move(recognizer, 20)
    stops = moving.move(recognizer, 20)
    assert {after - before for before, after in pairwise(stops)} == {128}


def test_a_given_distance_overrides_everything_and_asks_no_price() -> None:
    recognizer, moving = Recurring(Recurring.Config(distance=1000, multiple=3, max_distance=10)), Moving(dispatch=1.0)
    assert moving.move(recognizer, 3) == [1000, 2000, 3000]
    assert recognizer.distance == 1000
    assert moving.asked == 0


def test_the_price_is_asked_ever_more_rarely() -> None:
    recognizer, moving = Recurring(), Moving(dispatch=1.0)
    moving.move(recognizer, 200)
    early, moving.asked = moving.asked, 0
    moving.move(recognizer, 640)
    assert 0 < moving.asked <= 10 < early


def test_asking_for_the_next_boundary_changes_nothing() -> None:
    recognizer, moving = Recurring(), Moving()
    moving.move(recognizer, 5)
    answers = {recognizer.next_boundary(moving.at, cast(Computation, moving)) for _ in range(20)}
    assert len(answers) == 1


def test_a_multiple_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValidationError, match="set max_distance to 100 or more"):
        Recurring.Config(multiple=100, max_distance=99)
