"""Writes the event log of a run: one line per decision, each line whole after a kill at any moment."""

from __future__ import annotations

import errno
import json
import operator
import os
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from io import FileIO
from pathlib import Path
from typing import Any

from asc.hookspecs import RunView, hookimpl
from asc.records.counts import BoundaryCounts, LeapCounts
from asc.records.events import EVENTS, last_event
from asc.records.numbers import finite
from asc.records.pace import Pace
from asc.types import Boundary, Decision

_EVERY_S = 0.25  # seconds between lines about uneventful boundaries


class EventWriter:
    """Observes a run and writes its event log into a folder, each line at once, `max_events` lines at most.

    `asc.records.events` describes the lines. An OSError (a full disk, a folder that was removed) closes the log and is
    raised; what was written stays readable. `clock` is the one by which a boundary has its times.
    """

    def __init__(self, folder: Path, max_events: int = 200_000, clock: Callable[[], float] = time.perf_counter) -> None:
        self.folder = folder
        self.max_events = max_events
        self._clock = clock
        self._file: FileIO | None = None
        self._origin = self._began = self._newest = 0.0
        self._lines = 0
        self._dropped = 0
        self._full = False
        self._uneventful = BoundaryCounts()
        self._pace = Pace(_EVERY_S)

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        """Open the log, or continue the one that an earlier part of the run has left."""
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        last, path = last_event(self.folder), self.folder / EVENTS
        if path.is_fifo():
            raise OSError(errno.ESPIPE, "a pipe cannot hold the log", str(path))
        self._file = FileIO(path, "a+")
        self._lines = _mend(self._file)
        self._dropped, self._full = 0, False
        self._uneventful, self._pace = BoundaryCounts(), Pace(_EVERY_S)
        now = 0.0 if last is None else float(last["t1"])
        self._origin, self._began = self._clock() - now, now
        self._newest = now
        self._pace.start(self._origin + now)
        position = run.status().position
        self._write("start", now, now, {"position": position, "started": run.started, "sum": _sum(run)}, position)

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        """Write a boundary with decisions or workers' time; count any other, and write the counts when they are due."""
        self._newest = boundary.ended - self._origin
        if self._full:
            self._dropped += 1
        elif boundary.decisions or boundary.spans:
            self._write_boundary(boundary)
        else:
            self._uneventful.add(boundary)
            if self._pace.due(boundary.ended):
                self._write_counts(run)

    @hookimpl
    def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        """Write the last counts and close the log, which ends where the run's clock has stopped."""
        if self._file is None:
            return
        with closing(self):  # also where the computation no longer answers
            seconds = finite(summary.get("seconds"))
            now = max(self._newest, self._clock() - self._origin if seconds is None else self._began + seconds)
            end = {"position": run.status().position, "state": str(summary.get("state", "finished")), "sum": _sum(run)}
            end |= {"dropped": self._dropped} if self._full else {}
            self._put({"event": "end", "t0": round(now, 6), "t1": round(now, 6)} | end | self._before())

    def close(self) -> None:
        """Close the file. A run may end without a call of `asc_run_finished`."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write_boundary(self, boundary: Boundary) -> None:
        fields: dict[str, Any] = {"position": boundary.position, "label": boundary.label}
        if boundary.leaps:
            leaps = LeapCounts()
            leaps.add(boundary.leaps)
            fields["leaps"] = leaps.fields()
        if boundary.decisions:
            fields["decisions"] = [_decision(decision) for decision in boundary.decisions]
        if boundary.spans:
            fields["spans"] = [
                [s.worker, round(s.began - self._origin, 6), round(s.ended - self._origin, 6), s.start, s.steps]
                for s in boundary.spans
            ]
        fields |= self._before()
        self._write("boundary", boundary.began - self._origin, boundary.ended - self._origin, fields, boundary.position)

    def _write_counts(self, run: RunView) -> None:
        fields = self._uneventful.fields(self._origin) | {"sum": _sum(run)}
        self._uneventful = BoundaryCounts()
        self._write("quiet", fields.pop("t0"), fields.pop("t1"), fields, fields["position"])

    def _before(self) -> dict[str, Any]:
        if not self._uneventful.count:
            return {}
        fields = self._uneventful.fields(self._origin)
        self._uneventful = BoundaryCounts()
        return {"before": fields}

    def _write(self, event: str, t0: float, t1: float, fields: dict[str, Any], position: int) -> None:
        t0, t1 = round(t0, 6), round(t1, 6)
        if self._lines >= self.max_events:
            self._full = True
            self._dropped += fields.get("count", int(event == "boundary")) + fields.get("before", {}).get("count", 0)
            self._put({"event": "full", "t0": t0, "t1": t1, "position": position, "max_events": self.max_events})
        else:
            self._put({"event": event, "t0": t0, "t1": t1} | fields)

    def _put(self, event: dict[str, Any]) -> None:
        """Write one line with one system call, so that a kill can tear the last line only."""
        if self._file is None:
            return
        text = json.dumps(event, separators=(",", ":"), allow_nan=False, default=operator.index)
        line = text.encode("ascii") + b"\n"
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(errno.ENOSPC, "the disk took only part of a line", str(self.folder / EVENTS))
        except OSError:
            self.close()
            raise
        self._lines += 1


def _decision(decision: Decision) -> list[Any]:
    gain = finite(float(decision.gain_steps))
    gain = None if gain is None else round(gain, 6)
    plan = decision.plan
    return [plan.predictor, plan.horizon, decision.outcome.value, gain, decision.reason, decision.horizon]


def _sum(run: RunView) -> list[int]:
    status = run.status()
    return [status.hits, status.misses, status.skipped]


def _mend(file: FileIO) -> int:
    """Cut off a torn last line, so that the next line begins at a new one; return how many whole lines there are."""
    size = os.fstat(file.fileno()).st_size
    lines = whole = offset = 0
    file.seek(0)
    while offset < size and (chunk := file.read(1 << 20)):
        lines += chunk.count(b"\n")
        newline = chunk.rfind(b"\n")
        whole = offset + newline + 1 if newline >= 0 else whole
        offset += len(chunk)
    if whole < size:
        file.truncate(whole)
    return lines
