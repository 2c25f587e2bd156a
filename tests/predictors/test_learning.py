"""Reading a history once, and one model for each spacing."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from asc.predictors.learning import Reader, Spacings


def read(reader: Reader, positions: list[int]) -> list[tuple[int, int]]:
    """Return the supersteps handed out, from position to position."""
    words = [{"n": position} for position in positions]
    fresh = reader.supersteps(positions, words)
    assert all(positions[step.at] - positions[step.at - 1] == step.gap for step in fresh)
    assert all(step.after["n"] - step.before["n"] == step.gap for step in fresh)  # type: ignore[operator]
    return [(int(step.before["n"]), int(step.after["n"])) for step in fresh]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=30), st.integers(2, 6), st.data())
def test_each_superstep_of_a_sliding_history_is_handed_out_once_in_order(
    gaps: list[int], kept: int, data: st.DataObject
) -> None:
    places = [sum(gaps[:i]) for i in range(len(gaps) + 1)]
    reader, handed, now = Reader(), [], 0
    while now < len(places):
        now += data.draw(st.integers(1, kept - 1))  # never so many at once that some were dropped unseen
        handed += read(reader, places[:now][-kept:])
    assert handed == list(pairwise(places))


def test_segments_share_no_superstep() -> None:
    reader = Reader()
    assert read(reader, [0, 10]) == [(0, 10)]
    assert read(reader, [25]) == []
    assert read(reader, [25, 35]) == [(25, 35)]


def test_a_rewound_history_is_read_anew() -> None:
    reader = Reader()
    assert read(reader, [0, 10, 20]) == [(0, 10), (10, 20)]
    assert read(reader, [0, 10]) == [(0, 10)]
    assert read(reader, [0, 10, 20]) == [(10, 20)]


def test_excited_words_are_listed_as_they_are_found() -> None:
    reader = Reader()
    reader.supersteps([0, 1], [{"b": 0, "a": 0, "z": 0}, {"b": 1, "a": 1, "z": 0}])
    assert list(reader.excited) == ["a", "b"]
    reader.supersteps([0, 1, 2], [{}, {"b": 1, "a": 1, "z": 0}, {"b": 1, "a": 1, "z": -0.0}])
    assert list(reader.excited) == ["a", "b", "z"]


def test_the_spacing_that_has_learnt_most_comes_first_and_the_stalest_is_forgotten() -> None:
    spacings: Spacings[list[int]] = Spacings(list, keep=2)
    for gap in (10, 5, 5, 10, 5):
        spacings.model(gap).append(gap)
    assert list(spacings.reaching(20, limit=9)) == [([5, 5, 5], 4), ([10, 10], 2)]
    assert list(spacings.reaching(20, limit=3)) == [([10, 10], 2)]
    assert list(spacings.reaching(7, limit=9)) == []
    spacings.model(7)
    assert list(spacings.reaching(70, limit=99)) == [([5, 5, 5], 14), ([], 10)]
