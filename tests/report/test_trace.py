from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asc.records.events import read_events
from asc.report.trace import chrome_trace, write_trace


@pytest.fixture
def trace(tmp_path: Path, fake: SimpleNamespace) -> dict[str, Any]:
    return chrome_trace(fake.folder(tmp_path / "run"))


def test_every_event_has_what_its_phase_demands(trace: dict[str, Any]) -> None:
    assert trace["displayTimeUnit"] == "ms"
    for event in trace["traceEvents"]:
        assert {"ph", "name", "pid", "tid"} <= event.keys()
        assert event["ph"] in "XiCM"
        if event["ph"] != "M":
            assert isinstance(event["ts"], int | float)
        if event["ph"] == "X":
            assert event["dur"] >= 0
        if event["ph"] == "i":
            assert event["s"] == "t"
        if event["ph"] == "C":
            assert all(isinstance(value, int | float) for value in event["args"].values())


def test_main_thread_and_workers_have_names_and_their_own_lanes(trace: dict[str, Any]) -> None:
    named = {e["tid"]: e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "thread_name"}
    assert sorted(named.values()) == ["main thread", "worker 0", "worker 1", "worker 2"]
    assert {e["tid"] for e in trace["traceEvents"] if e.get("cat") == "worker"} == {1, 2, 3}
    assert [e["args"]["name"] for e in trace["traceEvents"] if e["name"] == "process_name"] == ["asc toy"]


def test_the_main_thread_is_covered_without_overlap_to_the_end(trace: dict[str, Any]) -> None:
    main = [e for e in trace["traceEvents"] if e["ph"] == "X" and e["tid"] == 0]
    now = 0.0
    for event in main:
        assert event["ts"] == pytest.approx(now, abs=2)
        now = event["ts"] + event["dur"]
    end = next(e for e in trace["traceEvents"] if e["name"] == "end")
    assert now == pytest.approx(end["ts"], abs=2)
    assert {e["cat"] for e in main} == {"work", "boundary", "many"}


def test_hits_misses_and_steps_add_up(trace: dict[str, Any], tmp_path: Path) -> None:
    summary = json.loads((tmp_path / "run" / "summary.json").read_text())
    events = trace["traceEvents"]
    assert sum(e["args"]["count"] for e in events if e["name"] == "hit") == summary["hits"]
    last = [e for e in events if e["ph"] == "C" and e["name"] == "steps"][-1]["args"]
    assert last == {"executed": summary["position"] - summary["skipped"], "skipped": summary["skipped"]}
    assert any(e["name"] == "miss" for e in events)


def test_candidates_are_counted_and_metrics_have_the_names_of_the_field(trace: dict[str, Any], tmp_path: Path) -> None:
    written = [event.get("decisions", ()) for event in read_events(tmp_path / "run")]
    outcomes = [decision[2] for decisions in written for decision in decisions]
    last = [e for e in trace["traceEvents"] if e["ph"] == "C" and e["name"] == "candidates"][-1]["args"]
    assert last == {"accepted": outcomes.count("accepted"), "rejected": outcomes.count("rejected")}
    about = trace["otherData"]
    assert about["hit_rate"] == 0.81
    assert about["acceptance_rate"] == 80 / 110
    assert about["mean_accepted_horizon"] == 225.0
    assert about["horizons"]["200"] == {"settled": 70, "accepted": 60}


def test_a_killed_run_gives_a_trace_that_strict_json_takes(tmp_path: Path, fake: SimpleNamespace) -> None:
    path = write_trace(fake.folder(tmp_path / "run", finished=False))

    def refuse(name: str) -> None:
        raise AssertionError(name)

    read = json.loads(path.read_text(), parse_constant=refuse)
    assert path.name == "trace.json"
    assert read["otherData"] == {"backend": "toy", "state": "running or killed"}


def test_an_empty_folder_gives_an_empty_trace(tmp_path: Path) -> None:
    assert [e["ph"] for e in chrome_trace(tmp_path)["traceEvents"]] == ["M", "M", "M"]
