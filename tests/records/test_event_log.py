from __future__ import annotations

import errno
import json
import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asc.records.event_writer import EventWriter
from asc.records.events import last_event, read_events
from asc.types import Boundary, Decision, Outcome, Plan, Span, Transition

Lines = Callable[[Path], list[dict[str, Any]]]
STARTED = 1_700_000_000.0

steps = st.integers(0, 10**15)
words = st.text(max_size=8)
leaps = st.builds(Transition, steps, steps, st.none(), st.just(0), words)
plans = st.builds(Plan, words, steps, steps)
decisions = st.builds(Decision, plans, st.sampled_from(Outcome), st.floats(), words)
spans = st.builds(Span, words, st.just(STARTED), st.just(STARTED + 0.5), steps, steps)
boundaries = st.builds(
    lambda label, leaps, decisions, spans: Boundary(0, label, tuple(leaps), tuple(decisions), tuple(spans), 0.0, 0.0),
    words,
    st.lists(leaps, max_size=3),
    st.lists(decisions, max_size=2),
    st.lists(spans, max_size=2),
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.floats(0, 0.2), boundaries), max_size=25))
def test_what_is_recorded_is_read_back(
    fake: SimpleNamespace, pauses_and_boundaries: list[tuple[float, Boundary]]
) -> None:
    with TemporaryDirectory() as name:
        now = STARTED
        writer, run = EventWriter(Path(name), clock=lambda: now), fake.run()
        writer.asc_run_started(run)
        made: list[Boundary] = []
        for pause, what in pauses_and_boundaries:
            now += pause
            made.append(what._replace(position=len(made), began=now, ended=now + 0.001))
            writer.asc_boundary(run, made[-1])
        writer.asc_run_finished(run, {"state": "finished"})
        read = list(read_events(Path(name)))
        assert (read[0]["event"], read[-1]["event"]) == ("start", "end")
        assert last_event(Path(name)) == read[-1]

    taken, busy = [d for b in made for d in b.decisions], [s for b in made for s in b.spans]
    written = [decision for event in read for decision in event.get("decisions", ())]
    assert [line[:3] for line in written] == [[d.plan.predictor, d.plan.horizon, d.outcome.value] for d in taken]
    gains = [d.gain_steps if math.isfinite(d.gain_steps) else None for d in taken]
    assert [line[3] for line in written] == pytest.approx(gains, abs=1e-6)
    assert [line[4:] for line in written] == [[d.reason, d.horizon] for d in taken]
    assert [s for e in read for s in e.get("spans", ())] == [[s.worker, 0.0, 0.5, s.start, s.steps] for s in busy]

    counts = [c for e in read for c in (e.get("before"), e if e["event"] == "quiet" else None) if c]
    assert sum(c["count"] for c in counts) + sum(e["event"] == "boundary" for e in read) == len(made)
    found = [line["leaps"] for line in (*read, *(e["before"] for e in read if "before" in e)) if "leaps" in line]
    every = [leap for b in made for leap in b.leaps]
    assert sum(f["count"] for f in found) == len(every)
    assert sum(f["steps"] for f in found) == sum(leap.steps for leap in every)
    for source in {leap.source for leap in every}:
        mine = [leap.steps for leap in every if leap.source == source]
        assert [len(mine), sum(mine)] == list(
            map(sum, zip(*(f["sources"].get(source, [0, 0]) for f in found), strict=True))
        )


def test_a_decision_is_on_disk_when_the_call_returns(tmp_path: Path, fake: SimpleNamespace, lines: Lines) -> None:
    writer, run = EventWriter(tmp_path, clock=lambda: STARTED), fake.run()
    writer.asc_run_started(run)
    rejected = Decision(Plan("linear", 100, 20), Outcome.REJECTED, 0.0, "it was worse")
    span = Span("w1", STARTED + 0.5, STARTED + 0.9, 100, 50)
    writer.asc_boundary(
        run, fake.boundary(1.0, position=7, decisions=(rejected,), spans=(span,), leaps=(fake.leap(7, 100),))
    )
    assert lines(tmp_path)[1] == {
        "event": "boundary",
        "t0": 1.0,
        "t1": 1.001,
        "position": 7,
        "label": "loop head",
        "leaps": {"count": 1, "steps": 100, "sources": {"linear": [1, 100]}},
        "decisions": [["linear", 100, "rejected", 0.0, "it was worse", 120]],
        "spans": [["w1", 0.5, 0.9, 100, 50]],
    }
    writer.close()


def test_uneventful_boundaries_are_counted_and_written_four_times_a_second(
    tmp_path: Path, fake: SimpleNamespace, lines: Lines
) -> None:
    writer, run = EventWriter(tmp_path, clock=lambda: STARTED), fake.run()
    writer.asc_run_started(run)
    for index in range(1_990):
        hit = (fake.leap(index, 3),) if index % 2 else ()
        began = STARTED + index / 1_000
        writer.asc_boundary(run, Boundary(10 * index, "loop head", hit, (), (), began, began + 0.0005))
    writer.asc_run_finished(run, {"state": "finished"})
    start, *quiet, end = lines(tmp_path)
    assert start["event"] == "start"
    assert len(quiet) == 7
    assert quiet[0]["sum"] == [1_204, 88, 4_012]
    assert sum(q["count"] for q in quiet) + end["before"]["count"] == 1_990
    assert sum(q["misses"] for q in quiet) + end["before"]["misses"] == 995
    assert end["before"]["to"] == 19_890 + 3
    assert end["before"]["seconds"] == pytest.approx(0.0005 * end["before"]["count"], abs=1e-4)
    times = [time for q in (*quiet, end["before"]) for time in (q["t0"], q["t1"])]
    assert times == sorted(times)


def test_uneventful_boundaries_stand_before_the_decision_they_led_to(
    tmp_path: Path, fake: SimpleNamespace, lines: Lines
) -> None:
    writer, run = EventWriter(tmp_path, clock=lambda: STARTED), fake.run()
    writer.asc_run_started(run)
    writer.asc_boundary(run, fake.boundary(0.1, position=0))
    five: Any = np.int64(5)
    silent = Decision(Plan("linear", five), Outcome.SILENT)
    writer.asc_boundary(run, fake.boundary(0.2, position=np.int64(10), decisions=(silent,)))
    writer.close()
    decision = lines(tmp_path)[-1]
    assert (decision["position"], decision["decisions"]) == (10, [["linear", 5, "no prediction", 0.0, "", 5]])
    assert (decision["before"]["count"], decision["before"]["position"]) == (1, 0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cut=st.integers(0, 10_000))
def test_a_kill_at_any_byte_leaves_a_log_that_can_be_read_and_continued(
    fake: SimpleNamespace, lines: Lines, cut: int
) -> None:
    with TemporaryDirectory() as name:
        folder = fake.folder(Path(name), boundaries=12, finished=False)
        path = folder / "events.jsonl"
        whole = path.read_bytes()
        torn = whole[: min(cut, len(whole))]
        path.write_bytes(torn)
        kept = list(read_events(folder))
        assert kept == lines_of(whole)[: len(kept)]
        assert torn.count(b"\n") <= len(kept) <= torn.count(b"\n") + 1
        assert last_event(folder) == (kept[-1] if kept else None)
        writer = EventWriter(folder, clock=lambda: STARTED + 1_000.0)
        writer.asc_run_started(fake.run(position=100))
        writer.close()
        resumed = lines(folder)
        assert resumed[:-1] == kept[: len(resumed) - 1]
        assert resumed[-1]["event"] == "start"
        assert resumed[-1]["t0"] == (kept[-1]["t1"] if kept else 0.0)


def lines_of(data: bytes) -> list[Any]:
    return [json.loads(line) for line in data.splitlines()]


def test_a_resumed_run_continues_in_its_own_time(tmp_path: Path, fake: SimpleNamespace, lines: Lines) -> None:
    fake.folder(tmp_path, boundaries=10)
    end = lines(tmp_path)[-1]["t1"]
    pause = 86_400.0
    writer, run = EventWriter(tmp_path, clock=lambda: STARTED + pause), fake.run()
    run.started = STARTED + pause
    writer.asc_run_started(run)
    silent = Decision(Plan("linear", 1), Outcome.SILENT)
    writer.asc_boundary(run, fake.boundary(pause + 0.5, decisions=(silent,)))
    writer.close()
    assert lines(tmp_path)[-1]["t0"] == pytest.approx(end + 0.5, abs=1e-5)


def test_the_log_is_bounded_and_says_so(tmp_path: Path, fake: SimpleNamespace, lines: Lines) -> None:
    writer, run = EventWriter(tmp_path, max_events=4, clock=lambda: STARTED + 9.0), fake.run()
    writer.asc_run_started(run)
    silent = Decision(Plan("linear", 1), Outcome.SILENT)
    for index in range(100):
        writer.asc_boundary(run, fake.boundary(0.01 * index, decisions=(silent,)))
    writer.asc_run_finished(run, {"state": "finished"})
    assert [line["event"] for line in lines(tmp_path)] == ["start", *["boundary"] * 3, "full", "end"]
    assert lines(tmp_path)[-1]["dropped"] == 97
    assert lines(tmp_path)[-2]["max_events"] == 4


LINE = (
    b'{"event":"boundary","t0":1.0,"t1":1.001,"position":0,"label":"loop head",'
    b'"decisions":[["linear",1,"no prediction",0.0,"",1]]}\n'
)
ROOM = 2 * len(LINE)


class FullDisk:
    """A file on a disk that fills up after so many bytes."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.data = b""
        self.closed = False

    def write(self, line: bytes) -> int:
        if not self.room:
            raise OSError(errno.ENOSPC, "No space left on device")
        taken = line[: self.room]
        self.room -= len(taken)
        self.data += taken
        return len(taken)

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("room", "words"), [(ROOM, "No space left"), (ROOM + 1, "only part of a line")])
def test_a_full_disk_raises_once_and_leaves_what_was_written(
    tmp_path: Path, fake: SimpleNamespace, monkeypatch: pytest.MonkeyPatch, room: int, words: str
) -> None:
    writer, run = EventWriter(tmp_path, clock=lambda: STARTED), fake.run()
    writer.asc_run_started(run)
    writer.close()
    disk = FullDisk(room)
    monkeypatch.setattr(writer, "_file", disk)
    silent = Decision(Plan("linear", 1), Outcome.SILENT)

    def fill() -> None:
        for _ in range(10):
            writer.asc_boundary(run, fake.boundary(1.0, decisions=(silent,)))

    with pytest.raises(OSError, match=words):
        fill()
    assert disk.closed
    assert disk.data[:ROOM] == 2 * LINE
    written = disk.data
    writer.asc_boundary(run, fake.boundary(2.0, decisions=(silent,)))
    writer.asc_run_finished(run, {})
    assert disk.data == written
    (tmp_path / "events.jsonl").write_bytes(written)
    assert [event["event"] for event in read_events(tmp_path)] == ["boundary", "boundary"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_device_that_is_full_raises_at_the_start(tmp_path: Path, fake: SimpleNamespace) -> None:
    (tmp_path / "events.jsonl").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        EventWriter(tmp_path).asc_run_started(fake.run())


def test_a_long_last_line_is_found(tmp_path: Path, fake: SimpleNamespace) -> None:
    writer, run = EventWriter(tmp_path, clock=lambda: STARTED), fake.run()
    writer.asc_run_started(run)
    silent = tuple(Decision(Plan("linear", index), Outcome.SILENT, 0.0, "x" * 100) for index in range(3_000))
    writer.asc_boundary(run, fake.boundary(1.0, decisions=silent))
    writer.close()
    last = last_event(tmp_path)
    assert last is not None
    assert len(last["decisions"]) == 3_000


def test_a_folder_without_an_event_log_has_no_events(tmp_path: Path) -> None:
    assert list(read_events(tmp_path)) == []
    assert last_event(tmp_path) is None


def test_the_first_event_logs_are_read_as_well(tmp_path: Path) -> None:
    line = '{"event":"boundary","t0":0,"t1":1,"position":0,"attempts":[["linear",5,"accepted",5.0,""]]}\n'
    (tmp_path / "events.jsonl").write_text(line)
    read = {"event": "boundary", "t0": 0, "t1": 1, "position": 0, "decisions": [["linear", 5, "accepted", 5.0, ""]]}
    assert list(read_events(tmp_path)) == [read]
    assert last_event(tmp_path) == read
