"""The event log of a run, `events.jsonl`: what its lines hold, and how to read them back.

Every line is a JSON object with `event`, `t0` and `t1`. Times are seconds of the run's own clock, which
starts when the run takes its first step, with everything prepared, and stops after its last step: a resumed run
continues where the log ended, however long the pause was. The kinds of line and their further fields:

| event | when | fields |
|---|---|---|
| `start` | the run starts or resumes | `position`, `started` (seconds since the epoch), `sum` |
| `boundary` | one with decisions or workers' time | `position`, `label`, `leaps`, `decisions`, `spans`, `before` |
| `quiet` | counts of boundaries without either, at most four times a second | those of `before`, `sum` |
| `full` | the bound on lines is reached; boundaries are only counted from here on | `position`, `max_events` |
| `end` | the run ends | `position`, `state`, `sum`, `before`, `dropped` (boundaries after `full`) |

A boundary's `t0` to `t1` is the time that the main thread spent at it; between boundaries it takes steps. Empty fields
are left out. The fields that are not plain numbers or words:

- `leaps`: `{"count": 2, "steps": 200, "sources": {"linear": [2, 200]}}`, for each source its leaps and their steps;
- `decisions`: a list of `[predictor, planned horizon, outcome, gain in steps, reason, reached horizon]`,
  the outcome in `Outcome`'s words;
- `spans`: a list of `[worker, began, ended, start position, steps]`;
- `before`: the uneventful boundaries since the line before, `{"count", "misses" (those without a leap), "position",
  "to" (where the last of them left the run), "t0", "t1", "seconds" (spent at them), "leaps", "label" (of the newest)}`;
- `sum`: `[hits, misses, steps skipped]` so far, as the run itself counts them. A backend that leaps within its own
  compiled loop reports those leaps here only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asc.records.numbers import finite

EVENTS = "events.jsonl"


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a run's event log, oldest first.

    A line that is not a whole JSON object is skipped: a kill or a full disk may have torn it. A folder without an event
    log yields nothing.
    """
    path = folder / EVENTS
    if not path.is_file():  # opening a pipe would wait for its writer
        return
    with path.open("rb") as stream:
        for line in stream:
            event = _parse(line)
            if event is not None:
                yield event


def last_event(folder: Path) -> dict[str, Any] | None:
    """Return the last whole line without reading the lines before it, or None where there is none."""
    path = folder / EVENTS
    if not path.is_file():
        return None
    size = path.stat().st_size
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


def position_after(event: Mapping[str, Any]) -> int | None:
    """Return the position at which a line left the run, or None where the line does not say."""
    position = finite(event.get("to", event.get("position")))
    if position is None:
        return None
    leaps = event.get("leaps")
    skipped = finite(leaps.get("steps")) if isinstance(leaps, dict) and "to" not in event else None
    return int(position) + int(skipped or 0)


def _parse(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict) or "event" not in event:
        return None
    if finite(event.get("t0")) is None or finite(event.get("t1")) is None:
        return None
    if "attempts" in event:  # what decisions were called in the first event logs
        event["decisions"] = event.pop("attempts")
    return event
