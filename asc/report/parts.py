"""The record as a sequence of parts, each a stretch of the main thread's time with what it brought."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from asc.records.events import reached, read_events


class Part(NamedTuple):
    """One or many boundaries, with the work that led up to them; or a start or an end."""

    kind: str  # "start", "boundary", "many", "full", "end"
    since: float  # where the part before ended: work lies between here and t0
    t0: float
    t1: float
    seconds: float  # spent at boundaries within t0 to t1; the rest of it was work as well
    boundaries: int
    position: int  # where it left the run
    approach: int  # steps executed between `since` and t0; none, for instance, while the run starts
    executed: int  # all steps executed since the part before
    skipped: int
    hits: int
    misses: int
    line: dict[str, Any]  # as recorded


def parts(folder: Path) -> Iterator[Part]:
    """Yield a run's parts, oldest first; parts do not overlap in time."""
    walk = _Walk()
    for line in read_events(folder):
        before = line.get("before")
        if before is not None:
            yield walk.part("many", before)
        yield walk.part("many" if line["event"] == "quiet" else line["event"], line)


class _Tally(NamedTuple):
    hits: int = 0
    misses: int = 0
    steps: int = 0

    def plus(self, other: _Tally) -> _Tally:
        return _Tally(self.hits + other.hits, self.misses + other.misses, self.steps + other.steps)

    def minus(self, other: _Tally) -> _Tally:
        return _Tally(self.hits - other.hits, self.misses - other.misses, self.steps - other.steps)


class _Walk:
    """Where the run was, and how many of the leaps in its own counts have been seen in lines."""

    def __init__(self) -> None:
        self._now = 0.0
        self._position = 0
        self._seen = _Tally()

    def part(self, kind: str, line: dict[str, Any]) -> Part:
        since, arrived = self._now, reached(line)
        after = self._position if arrived is None else arrived
        if kind == "start":
            self._position, self._seen = after, _Tally(*line.get("sum", ()))
        leaps = line.get("leaps", {})
        hits, steps = leaps.get("count", 0), leaps.get("steps", 0)
        told = _Tally(hits, line.get("misses", int(kind == "boundary" and not hits)), steps)
        self._seen = self._seen.plus(told)
        hidden = self._hidden(line)
        self._seen = self._seen.plus(hidden)
        approach = max(0, int(line.get("position", after)) - self._position)
        executed = max(0, after - self._position - steps) - hidden.steps
        self._position, self._now = after, max(since, line["t1"])
        t0 = max(since, line["t0"])
        return Part(
            kind=kind,
            since=since,
            t0=t0,
            t1=self._now,
            seconds=min(line.get("seconds", self._now - t0), self._now - t0),
            boundaries=line.get("count", int(kind == "boundary")),
            position=after,
            approach=approach,
            executed=executed,
            skipped=steps + hidden.steps,
            hits=hits + hidden.hits,
            misses=told.misses + hidden.misses,
            line=line,
        )

    def _hidden(self, line: dict[str, Any]) -> _Tally:
        """Leaps within a backend's compiled loop since the last count: in the run's own counts and in no line."""
        if "sum" not in line:
            return _Tally()
        rest = _Tally(*line["sum"]).minus(self._seen)
        # Steps are what is sure: a hit or miss without them may only be another way of counting chains and look-ups.
        return _Tally(max(0, rest.hits), max(0, rest.misses), rest.steps) if rest.steps > 0 else _Tally()
