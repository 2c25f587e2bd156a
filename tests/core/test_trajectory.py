"""The recent snapshots: one segment, bounded by number and bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asc.predictors.linear import Linear
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.trajectory import SegmentHistory, Trajectory
from asc.types import Combination, Snapshot


def snapshot(position: int, nbytes: int = 1) -> Snapshot:
    return Snapshot(position, 0, f"state {position}", nbytes)


def positions(trajectory: Trajectory) -> list[int]:
    return [snapshot.position for snapshot in trajectory.snapshots()]


def test_the_oldest_leave_first() -> None:
    trajectory = Trajectory(Trajectory.Config(max_snapshots=3, max_bytes=10))
    for position in (1, 2, 5, 9):
        trajectory.append(snapshot(position))
    assert positions(trajectory) == [2, 5, 9]
    trajectory.append(snapshot(10, nbytes=8))
    assert positions(trajectory) == [5, 9, 10]
    trajectory.append(snapshot(11, nbytes=9))
    assert positions(trajectory) == [11]
    trajectory.append(snapshot(12, nbytes=99))  # the newest stays, however large
    assert positions(trajectory) == [12]


def test_the_same_position_again_replaces_and_going_back_forgets() -> None:
    trajectory = Trajectory(depth=3)
    for position in (1, 2, 3):
        trajectory.append(snapshot(position))
    trajectory.append(Snapshot(3, 0, "another state", 1))
    assert positions(trajectory) == [1, 2, 3]
    assert trajectory.snapshots()[-1].state == "another state"
    trajectory.append(snapshot(2))
    assert positions(trajectory) == [1, 2]


def test_as_many_are_kept_as_the_predictors_look_back_on_unless_the_settings_say_otherwise() -> None:
    by_depth, by_settings = Trajectory(depth=4), Trajectory(Trajectory.Config(max_snapshots=2), depth=4)
    for position in range(9):
        by_depth.append(snapshot(position))
        by_settings.append(snapshot(position))
    assert positions(by_depth) == [5, 6, 7, 8]
    assert positions(by_settings) == [7, 8]


def test_a_resumed_trajectory_is_the_newest_segment() -> None:
    trajectory = Trajectory(depth=3)
    trajectory.append(snapshot(1))
    trajectory.restore([snapshot(40), snapshot(48)], segment=5)
    assert positions(trajectory) == [40, 48]
    assert {snapshot.segment for snapshot in trajectory.snapshots()} == {5} == {trajectory.segment}


def test_segments_never_mix() -> None:
    trajectory = Trajectory()
    for position in (1, 2):
        trajectory.append(snapshot(position))
    trajectory.new_segment()
    assert trajectory.snapshots() == ()
    trajectory.append(snapshot(7))
    trajectory.append(snapshot(8))
    assert positions(trajectory) == [7, 8]
    assert {snapshot.segment for snapshot in trajectory.snapshots()} == {1} == {trajectory.segment}


@settings(max_examples=100)
@given(
    st.lists(st.one_of(st.none(), st.tuples(st.integers(0, 30), st.integers(0, 9))), max_size=40),
    st.integers(1, 5),
    st.integers(0, 20),
)
def test_bounds_hold_whatever_comes(parts: list[tuple[int, int] | None], most: int, room: int) -> None:
    trajectory = Trajectory(Trajectory.Config(max_snapshots=most, max_bytes=room))
    for part in parts:
        if part is None:
            trajectory.new_segment()
            continue
        trajectory.append(snapshot(*part))
        kept = trajectory.snapshots()
        assert kept[-1].position == part[0]
        assert len(kept) <= most
        assert len(kept) == 1 or sum(snapshot.nbytes for snapshot in kept) <= room
        assert positions(trajectory) == sorted(set(positions(trajectory)))
        assert {snapshot.segment for snapshot in kept} == {trajectory.segment}


def test_what_a_predictor_sees() -> None:
    computation = machine("count", 100)
    trajectory = Trajectory(depth=3)
    for steps in (0, 3, 4):
        computation.advance(steps)
        trajectory.append(computation.observe())
    history = SegmentHistory(trajectory.snapshots(), computation)
    assert history.positions == (0, 3, 7)
    assert [words["n"] for words in history.read("words")] == [-7, 2, 14]
    assert history.gram().shape == (2, 2)
    prediction = Linear().predict(history, 5)
    assert isinstance(prediction, Combination)
    assert prediction.coefficients[0] == 0


def test_a_predictor_reads_what_it_has_declared() -> None:
    computation = machine("count", 100)
    history = SegmentHistory((computation.observe(),), computation, frozenset({"optimizer"}))
    with pytest.raises(LookupError, match=r'"words" is read and not declared: write needs = frozenset\(\{"words"\}\)'):
        history.read("words")


def test_gram_is_of_differences_to_the_newest() -> None:
    computation = Descent(50)
    trajectory = Trajectory(depth=4)
    for _ in range(4):
        trajectory.append(computation.observe())
        computation.advance(3)
    history = SegmentHistory(trajectory.snapshots(), computation)
    vectors = history.read("vector")
    differences = vectors[:-1] - vectors[-1]
    assert (history.gram() == differences @ differences.T).all()
