"""The benchmark of ways of going on: when a run with the way would have plain's final loss."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asc_nn_training")
sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))

from arms import Arm, Arms, measure
from going_on import BETAS, RATES, SPEEDS, STEPS, IncompleteError, Row, over, seconds_a_step, speedup


def run(steps: float, loss: float) -> dict[str, float]:
    return {"steps": steps, "test_loss": loss}


@pytest.mark.parametrize(
    ("goal", "expected"),
    [
        (4.0, 100 / 102),  # at the end of the run of the same length
        (4.1, 100 / 92),
        (4.15, 100 / 87),  # half-way between two lengths
        (4.3, 100 / 72),  # beyond the shortest run, on the same line
        (3.9, 100 / 112),  # beyond the longest run: slower than plain
    ],
)
def test_the_step_of_plain_s_loss_lies_between_runs_of_two_lengths(goal: float, expected: float) -> None:
    ways = [run(102, 4.0), run(92, 4.1), run(82, 4.2)]
    assert speedup(run(100, goal), ways) == pytest.approx(expected)


def test_runs_that_do_not_end_lower_where_they_are_longer_show_no_speedup() -> None:
    assert speedup(run(100, 3.47), [run(102, 3.49), run(90, 3.48), run(80, 3.48)]) is None


def test_a_run_that_diverged_shows_no_speedup() -> None:
    diverged: dict[str, Any] = {"steps": 50, "test_loss": None}
    assert speedup(run(100, 3.5), [run(102, 3.4), run(90, 3.5), diverged]) is None
    assert speedup(diverged, [run(102, 3.4), run(90, 3.5), run(80, 3.6)]) is None


def test_noise_in_one_length_does_not_make_a_speedup() -> None:
    """No run reached the goal, though the middle one is the best."""
    found = speedup(run(100, 3.47), [run(102, 3.49), run(90, 3.48), run(80, 3.52)])
    assert found is not None
    assert found < 1


def test_a_way_s_arm_trains_in_that_way_and_never_leaps(tmp_path: Path) -> None:
    row = Row("gpt2-nano", 12, Arms(tmp_path / "arms.jsonl", Arm({"device": "cpu"}).device, print))
    tiny = {
        "steps": 12,
        "warmup": 2,
        "length": 16,
        "batch": 2,
        "max_bytes": 200_000,
        "vocabulary": 300,
        "way_start": 4,
        "way_decay": 0.5,
    }
    plain = measure(Arm({**row.settings(1e-3, 1), **tiny, "way_start": 100}))
    way = measure(Arm({**row.settings(1e-3, 1), **row.way(0.6), **tiny}, speculate=True))
    assert way["test_loss"] != plain["test_loss"]
    assert way["leaps"] == way["judged"] == 0
    assert way["steps"] == plain["steps"] == 12


def test_the_interval_covers_what_a_step_may_cost() -> None:
    found = over({"mean": 1.1, "low": 1.05, "high": 1.2, "n": 5}, {"median": 1.1, "low": 1.0, "high": 1.25})
    assert found == pytest.approx({"mean": 1.0, "low": 0.84, "high": 1.2, "n": 5})


def test_steps_are_timed_in_turns(tmp_path: Path) -> None:
    row = Row("gpt2-nano", 12, Arms(tmp_path / "arms.jsonl", Arm({"device": "cpu"}).device, print))
    tiny = {"length": 16, "batch": 2, "max_bytes": 200_000, "vocabulary": 300}
    found = seconds_a_step({**row.settings(1e-3, 1), **row.way(0.3), **tiny}, processes=2)
    assert 0 < found["low"] <= found["median"] <= found["high"]


def test_arms_without_time_leave_the_row_incomplete(tmp_path: Path) -> None:
    row = Row("gpt2-nano", 12, Arms(tmp_path / "arms.jsonl", Arm({"device": "cpu"}).device, print, minutes=0))
    with pytest.raises(IncompleteError, match="9 arms are left"):
        row.sweep(RATES["gpt2-nano"], BETAS)


def test_the_longest_run_with_the_way_is_as_long_as_plain() -> None:
    assert SPEEDS[0] == 1.0
    assert list(SPEEDS) == sorted(SPEEDS)
    assert set(STEPS) == {"gpt2-nano", "gpt2-micro"}
