"""Uneventful boundaries, added up: the cache may hit tens of thousands of times a second."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from asc.types import Boundary, Transition


class LeapCounts:
    """Leaps and their steps, by source."""

    __slots__ = ("count", "sources", "steps")

    def __init__(self) -> None:
        self.count = 0
        self.steps = 0
        self.sources: dict[str, list[int]] = {}

    def add(self, leaps: Iterable[Transition]) -> None:
        """Count further leaps."""
        for leap in leaps:
            self.count += 1
            self.steps += leap.steps
            source = self.sources.get(leap.source)
            if source is None:
                source = self.sources[leap.source] = [0, 0]
            source[0] += 1
            source[1] += leap.steps

    def fields(self) -> dict[str, Any]:
        """Return what the event log holds of them."""
        return {"count": self.count, "steps": self.steps, "sources": self.sources}


class BoundaryCounts:
    """What the event log holds of boundaries without decisions and without workers' time."""

    __slots__ = ("began", "count", "ended", "label", "leaps", "misses", "position", "seconds", "to")

    def __init__(self) -> None:
        self.count = 0
        self.misses = 0
        self.label = ""  # of the newest
        self.position = 0
        self.to = 0
        self.began = 0.0
        self.ended = 0.0
        self.seconds = 0.0
        self.leaps = LeapCounts()

    def add(self, boundary: Boundary) -> None:
        """Count a further boundary."""
        position, self.label, leaps, _, _, began, ended = boundary
        if not self.count:
            self.position, self.began = position, began
        self.count += 1
        self.to = position
        self.ended = ended
        self.seconds += ended - began
        if leaps:
            before = self.leaps.steps
            self.leaps.add(leaps)
            self.to += self.leaps.steps - before
        else:
            self.misses += 1

    def fields(self, origin: float) -> dict[str, Any]:
        """Return the fields of a line, times counted from `origin`."""
        fields: dict[str, Any] = {
            "count": self.count,
            "misses": self.misses,
            "position": self.position,
            "to": self.to,
            "t0": round(self.began - origin, 6),
            "t1": round(self.ended - origin, 6),
            "seconds": round(self.seconds, 6),
            "label": self.label,
        }
        if self.leaps.count:
            fields["leaps"] = self.leaps.fields()
        return fields
