"""Reading the record of a run back, whatever moment it was cut off at."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asc.records.numbers import known

EVENTS = "events.jsonl"


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the record's lines, oldest first; see `asc.records.record` for their fields.

    A line that is not a whole JSON object is passed over: a kill or a full disk may have torn it. A folder without a
    record yields nothing.
    """
    try:
        stream = (folder / EVENTS).open("rb")
    except FileNotFoundError:
        return
    with stream:
        for line in stream:
            event = _parse(line)
            if event is not None:
                yield event


def last_event(folder: Path) -> dict[str, Any] | None:
    """Return the last whole line without reading the ones before, or None where there is none."""
    path = folder / EVENTS
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return None
    window = 1 << 16
    with path.open("rb") as stream:
        while size:
            start = max(0, size - window)
            stream.seek(start)
            lines = stream.read(size - start).split(b"\n")
            for line in reversed(lines[1:] if start else lines):
                event = _parse(line)
                if event is not None:
                    return event
            if start == 0:
                return None
            window *= 4
    return None


def reached(event: Mapping[str, Any]) -> int | None:
    """Return the position at which a line left the run, or None where it does not say."""
    position = known(event.get("to", event.get("position")))
    if position is None:
        return None
    return int(position) + (0 if "to" in event else event.get("leaps", {}).get("steps", 0))


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    whole = isinstance(event, dict) and "event" in event and known(event.get("t0")) is not None
    return event if whole and known(event.get("t1")) is not None else None
