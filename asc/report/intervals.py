"""The event log as a sequence of intervals of the main thread's time, each with what happened in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asc.records.events import position_after, read_events


class Interval(NamedTuple):
    """One or many boundaries, with the steps that led up to them; or a start or an end."""

    kind: str  # "start", "boundary", "many", "full", "end"
    since: float  # where the interval before ended: steps were taken between here and t0
    t0: float
    t1: float
    seconds: float  # spent at boundaries between t0 and t1; in the rest of that time steps were taken
    boundaries: int
    start: int  # position at the first of these boundaries
    position: int  # of the run at the end of the interval
    approach: int  # steps executed between `since` and t0; none, for instance, while the run starts
    executed: int  # all steps executed since the interval before
    skipped: int
    hits: int  # boundaries with a leap or a chain of leaps
    misses: int  # boundaries without
    line: dict[str, Any]  # of the event log


def intervals(folder: Path) -> Iterator[Interval]:
    """Yield a run's intervals, oldest first; they do not overlap in time."""
    reader = _Reader()
    for line in read_events(folder):
        before = line.get("before")
        if before is not None:
            yield reader.interval("many", before)
        yield reader.interval("many" if line["event"] == "quiet" else line["event"], line)


class _Counts(NamedTuple):
    hits: int = 0
    misses: int = 0
    steps: int = 0

    def plus(self, other: _Counts) -> _Counts:
        return _Counts(self.hits + other.hits, self.misses + other.misses, self.steps + other.steps)

    def minus(self, other: _Counts) -> _Counts:
        return _Counts(self.hits - other.hits, self.misses - other.misses, self.steps - other.steps)


class _Reader:
    """Knows where the run was, and how many of the leaps that the run counts have appeared in lines."""

    def __init__(self) -> None:
        self._now = 0.0
        self._position = 0
        self._seen = _Counts()

    def interval(self, kind: str, line: dict[str, Any]) -> Interval:
        since, arrived = self._now, position_after(line)
        after = self._position if arrived is None else arrived
        if kind == "start":
            self._position, self._seen = after, _Counts(*line.get("sum", ()))
        boundaries, leaps = line.get("count", int(kind == "boundary")), line.get("leaps", {})
        misses, steps = line.get("misses", int(kind == "boundary" and not leaps)), leaps.get("steps", 0)
        counted = _Counts(boundaries - misses, misses, steps)
        self._seen = self._seen.plus(counted)
        hidden = self._hidden(line)
        self._seen = self._seen.plus(hidden)
        start = int(line.get("position", after))
        approach = max(0, start - self._position)
        executed = max(0, after - self._position - steps) - hidden.steps
        self._position, self._now = after, max(since, line["t1"])
        t0 = max(since, line["t0"])
        return Interval(
            kind=kind,
            since=since,
            t0=t0,
            t1=self._now,
            seconds=min(line.get("seconds", self._now - t0), self._now - t0),
            boundaries=boundaries,
            start=start,
            position=after,
            approach=approach,
            executed=executed,
            skipped=steps + hidden.steps,
            hits=counted.hits + hidden.hits,
            misses=counted.misses + hidden.misses,
            line=line,
        )

    def _hidden(self, line: dict[str, Any]) -> _Counts:
        """Leaps within a backend's compiled loop since the last `sum`: the run counts them, and no line has them."""
        if "sum" not in line:
            return _Counts()
        rest = _Counts(*line["sum"]).minus(self._seen)
        # Only steps are certain: the sums of older logs count hits and misses in another way.
        return _Counts(max(0, rest.hits), max(0, rest.misses), rest.steps) if rest.steps > 0 else _Counts()
