from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asc.report.intervals import intervals
from asc.report.run_data import RunData


def written(folder: Path, *events: dict[str, Any]) -> Path:
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def test_intervals_follow_each_other_and_add_up_to_the_run(tmp_path: Path, fake: SimpleNamespace) -> None:
    read = list(intervals(fake.folder(tmp_path)))
    assert all(later.since == before.t1 for before, later in pairwise(read))
    assert all(one.since <= one.t0 <= one.t1 and 0 <= one.seconds <= one.t1 - one.t0 for one in read)
    assert sum(one.boundaries for one in read) == 400
    assert sum(one.executed + one.skipped for one in read) == read[-1].position
    assert sum(one.executed for one in read) == 40_000


def test_time_without_a_step_does_not_count_as_work(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "start", "t0": 0, "t1": 0, "position": 0},
        {"event": "boundary", "t0": 3, "t1": 4, "position": 0, "label": ""},
        {"event": "boundary", "t0": 9, "t1": 10, "position": 50, "label": ""},
        {"event": "end", "t0": 12, "t1": 12, "position": 50},
    )
    assert [interval.approach for interval in intervals(folder)] == [0, 0, 50, 0]
    run = RunData(folder)
    assert sum(run.work.values) == pytest.approx(5.0)
    assert sum(run.boundary.values) == pytest.approx(2.0)


def test_leaps_within_a_compiled_loop_are_taken_from_the_runs_own_counts(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "start", "t0": 0, "t1": 0, "position": 0, "sum": [5, 5, 500]},
        {"event": "quiet", "t0": 1, "t1": 1, "position": 900, "to": 1_000, "count": 1, "misses": 0, "seconds": 0,
         "leaps": {"count": 1, "steps": 100, "sources": {"x": [1, 100]}}, "sum": [16, 8, 1_300]},
        {"event": "end", "t0": 2, "t1": 2, "position": 1_200, "sum": [16, 8, 1_300]},
    )  # fmt: skip
    start, many, end = intervals(folder)
    assert (start.hits, start.skipped) == (0, 0)
    assert (many.hits, many.misses, many.skipped, many.executed) == (11, 3, 800, 200)
    assert (end.hits, end.misses, end.skipped, end.executed) == (0, 0, 0, 200)


def test_steps_after_a_resume_are_counted_from_its_checkpoint(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "start", "t0": 0, "t1": 0, "position": 0, "sum": [0, 0, 0]},
        {"event": "boundary", "t0": 1, "t1": 1, "position": 1_000, "label": ""},
        {"event": "start", "t0": 1, "t1": 1, "position": 400, "sum": [0, 0, 0]},
        {"event": "end", "t0": 2, "t1": 2, "position": 1_100, "sum": [0, 0, 0]},
    )
    assert [interval.executed for interval in intervals(folder)] == [0, 1_000, 0, 700]
    assert RunData(folder).resumed == 1


def test_times_that_run_backwards_do_not_make_negative_intervals(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "boundary", "t0": 5, "t1": 6, "position": 1, "label": ""},
        {"event": "boundary", "t0": 2, "t1": 3, "position": 2, "label": ""},
    )
    assert [(one.since, one.t0, one.t1) for one in intervals(folder)] == [(0, 5, 6), (6, 6, 6)]
