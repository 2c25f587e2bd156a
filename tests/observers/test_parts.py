from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asc.report.account import Account
from asc.report.parts import parts


def written(folder: Path, *events: dict[str, Any]) -> Path:
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def test_parts_follow_each_other_and_add_up_to_the_run(tmp_path: Path, fake: SimpleNamespace) -> None:
    read = list(parts(fake.folder(tmp_path)))
    assert all(part.since == before.t1 for before, part in pairwise(read))
    assert all(part.since <= part.t0 <= part.t1 and 0 <= part.seconds <= part.t1 - part.t0 for part in read)
    assert sum(part.boundaries for part in read) == 400
    assert sum(part.executed + part.skipped for part in read) == read[-1].position
    assert sum(part.executed for part in read) == 40_000


def test_time_without_a_step_is_not_called_work(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "start", "t0": 0, "t1": 0, "position": 0},
        {"event": "boundary", "t0": 3, "t1": 4, "position": 0, "label": ""},
        {"event": "boundary", "t0": 9, "t1": 10, "position": 50, "label": ""},
        {"event": "end", "t0": 12, "t1": 12, "position": 50},
    )
    assert [part.approach for part in parts(folder)] == [0, 0, 50, 0]
    account = Account(folder)
    assert sum(account.work.values) == pytest.approx(5.0)
    assert sum(account.boundary.values) == pytest.approx(2.0)


def test_leaps_within_a_compiled_loop_are_taken_from_the_runs_own_counts(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "start", "t0": 0, "t1": 0, "position": 0, "sum": [5, 5, 500]},
        {"event": "quiet", "t0": 1, "t1": 1, "position": 900, "to": 1_000, "count": 1, "misses": 0, "seconds": 0,
         "leaps": {"count": 1, "steps": 100, "sources": {"x": [1, 100]}}, "sum": [16, 8, 1_300]},
        {"event": "end", "t0": 2, "t1": 2, "position": 1_200, "sum": [16, 8, 1_300]},
    )  # fmt: skip
    start, quiet, end = parts(folder)
    assert (start.hits, start.skipped) == (0, 0)
    assert (quiet.hits, quiet.misses, quiet.skipped, quiet.executed) == (11, 3, 800, 200)
    assert (end.hits, end.misses, end.skipped, end.executed) == (0, 0, 0, 200)


def test_steps_after_a_resume_are_counted_from_its_checkpoint(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "start", "t0": 0, "t1": 0, "position": 0, "sum": [0, 0, 0]},
        {"event": "boundary", "t0": 1, "t1": 1, "position": 1_000, "label": ""},
        {"event": "start", "t0": 1, "t1": 1, "position": 400, "sum": [0, 0, 0]},
        {"event": "end", "t0": 2, "t1": 2, "position": 1_100, "sum": [0, 0, 0]},
    )
    assert [part.executed for part in parts(folder)] == [0, 1_000, 0, 700]
    assert Account(folder).resumed == 1


def test_times_that_run_backwards_do_not_make_negative_parts(tmp_path: Path) -> None:
    folder = written(
        tmp_path,
        {"event": "boundary", "t0": 5, "t1": 6, "position": 1, "label": ""},
        {"event": "boundary", "t0": 2, "t1": 3, "position": 2, "label": ""},
    )
    assert [(part.since, part.t0, part.t1) for part in parts(folder)] == [(0, 5, 6), (6, 6, 6)]
