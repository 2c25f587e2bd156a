"""The record of a run: `events.jsonl`, one line per decision, whole after a kill at any moment.

Every line is a JSON object with `event`, `t0` and `t1`. Times are seconds of the run's own time: a resumed run goes on
where the record ended, however long the pause was. The kinds of line and their further fields:

| event | when | fields |
|---|---|---|
| `start` | the run starts or resumes | `position`, `started` (seconds since the epoch), `sum` |
| `boundary` | a boundary with attempts or workers' time | `position`, `label`, `leaps`, `attempts`, `spans`, `before` |
| `quiet` | boundaries without either, at most four times a second | those of `before`, `label`, `sum` |
| `full` | the bound on lines is reached; boundaries are only counted from here on | `position`, `max_events` |
| `end` | the run ends | `position`, `state`, `sum`, `before`, `dropped` (boundaries after `full`) |

A boundary's `t0` to `t1` is the time that the main thread spent at it; between boundaries it works. Empty fields are
left out. The fields that are not plain numbers or words:

- `leaps`: `{"count": 2, "steps": 200, "sources": {"linear": [2, 200]}}`, for each source its leaps and their steps;
- `attempts`: a list of `[predictor, horizon, outcome, gain in steps, reason]`, the outcome in `Outcome`'s words;
- `spans`: a list of `[worker, began, ended, start position, steps]`;
- `before`: the boundaries since the line before that had nothing to tell, `{"count", "misses" (those without a leap),
  "position", "to" (where the last of them left the run), "t0", "t1", "seconds" (spent at them), "leaps"}`;
- `sum`: `[hits, misses, steps skipped]` so far, as the run itself counts them. A backend that leaps within its own
  compiled loop reports those leaps here only.
"""

from __future__ import annotations

import errno
import json
import math
import operator
import os
import time
from collections.abc import Callable, Mapping
from io import FileIO
from pathlib import Path
from typing import Any

from asc.hookspecs import RunView, hookimpl
from asc.records.events import EVENTS, last_event, read_events
from asc.records.pace import Pace
from asc.records.quiet import Leaps, Quiet
from asc.types import Boundary

__all__ = ["EVENTS", "Record", "last_event", "read_events"]


class Record:
    """Writes the record of a run into its folder, each line at once, `max_events` lines at most.

    An OSError (a full disk, a folder that is gone) closes the record and goes to the caller; what was written stays
    readable. `clock` gives seconds since the epoch, as a boundary's times are.
    """

    def __init__(self, folder: Path, max_events: int = 200_000, clock: Callable[[], float] = time.time) -> None:
        self.folder = folder
        self.max_events = max_events
        self._clock = clock
        self._file: FileIO | None = None
        self._origin = 0.0
        self._lines = 0
        self._dropped = 0
        self._full = False
        self._quiet = Quiet()
        self._pace = Pace(every=0.25)

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        """Open the record, or go on with one that a run before this one left."""
        self.close()
        self.folder.mkdir(parents=True, exist_ok=True)
        last = last_event(self.folder)
        self._file = self._open(self.folder / EVENTS)
        self._lines = _mend(self._file)
        self._dropped, self._full = 0, False
        self._quiet, self._pace = Quiet(), Pace(every=0.25)
        now = 0.0 if last is None else float(last["t1"])
        self._origin = run.started if last is None else self._clock() - now
        self._pace.start(self._origin + now)
        position = run.status().position
        self._write("start", now, now, {"position": position, "started": run.started, "sum": _sum(run)}, position)

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        """Write a line where there was a decision; otherwise count, and write the counts if it is time."""
        if self._full:
            self._dropped += 1
        elif boundary.attempts or boundary.spans:
            self._write_boundary(boundary)
        else:
            self._quiet.add(boundary)
            if self._pace.due(boundary.ended):
                self._write_quiet(run, boundary.label)

    @hookimpl
    def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        """Write the last counts and close."""
        if self._file is None:
            return
        now = self._clock() - self._origin
        end = {"position": run.status().position, "state": str(summary.get("state", "finished")), "sum": _sum(run)}
        end |= {"dropped": self._dropped} if self._full else {}
        self._put({"event": "end", "t0": round(now, 6), "t1": round(now, 6)} | end | self._before())
        self.close()

    def close(self) -> None:
        """Close the file; for an end of which no hook tells, too."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self, path: Path) -> FileIO:
        return FileIO(path, "a+")

    def _write_boundary(self, boundary: Boundary) -> None:
        fields: dict[str, Any] = {"position": boundary.position, "label": boundary.label}
        if boundary.leaps:
            leaps = Leaps()
            leaps.add(boundary.leaps)
            fields["leaps"] = leaps.fields()
        if boundary.attempts:
            fields["attempts"] = [
                [a.plan.predictor, a.plan.horizon, a.outcome.value, _finite(float(a.gain_steps)), a.reason]
                for a in boundary.attempts
            ]
        if boundary.spans:
            fields["spans"] = [
                [s.worker, round(s.began - self._origin, 6), round(s.ended - self._origin, 6), s.start, s.steps]
                for s in boundary.spans
            ]
        fields |= self._before()
        self._write("boundary", boundary.began - self._origin, boundary.ended - self._origin, fields, boundary.position)

    def _write_quiet(self, run: RunView, label: str) -> None:
        fields = self._quiet.fields(self._origin) | {"label": label, "sum": _sum(run)}
        self._quiet = Quiet()
        self._write("quiet", fields.pop("t0"), fields.pop("t1"), fields, fields["position"])

    def _before(self) -> dict[str, Any]:
        if not self._quiet.count:
            return {}
        fields = self._quiet.fields(self._origin)
        self._quiet = Quiet()
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
        """Write one line with one call of the system, so that a kill leaves whole lines but for the last."""
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


def _sum(run: RunView) -> list[int]:
    status = run.status()
    return [status.hits, status.misses, status.skipped]


def _finite(number: float) -> float | None:
    return round(number, 6) if math.isfinite(number) else None


def _mend(file: FileIO) -> int:
    """Cut off a torn last line, so that the next one starts afresh, and return how many lines there are."""
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
