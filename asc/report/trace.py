"""The run as a Chrome trace, which Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asc.records.folders import CONFIG, SUMMARY, read_json, write_text
from asc.report.parts import Part, parts

TRACE = "trace.json"
PROCESS = 1
MAIN = 0

Json = dict[str, Any]


def write_trace(folder: Path) -> Path:
    """Write `trace.json` into a run's folder and return its path."""
    path = folder / TRACE
    write_text(path, json.dumps(chrome_trace(folder), separators=(",", ":")))
    return path


def chrome_trace(folder: Path) -> Json:
    """Return a run as Chrome-trace JSON, times in microseconds since its start.

    Complete events (`X`): plain work and boundaries on the main thread, each worker's spans on its own. Instants (`i`):
    hits and misses. Counters (`C`): steps executed and skipped. Boundaries that the record only counted are one event
    with their number. Raises AscError where `config.json` or `summary.json` is damaged.
    """
    config = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
    summary = read_json(folder / SUMMARY) if (folder / SUMMARY).exists() else {}
    threads: dict[str, int] = {}
    events = list(_events(folder, threads))
    backend = str(config.get("backend", summary.get("backend", "run")))
    return {
        "displayTimeUnit": "ms",
        "otherData": {"backend": backend, "state": str(summary.get("state", "running or killed"))},
        "traceEvents": [*_names(backend, threads), *events],
    }


def _names(backend: str, threads: Json) -> Iterator[Json]:
    yield _meta("process_name", MAIN, {"name": f"asc {backend}"})
    for name, thread in {"main thread": MAIN, **threads}.items():
        yield _meta("thread_name", thread, {"name": name})
        yield _meta("thread_sort_index", thread, {"sort_index": thread})


def _events(folder: Path, threads: dict[str, int]) -> Iterator[Json]:
    executed = skipped = 0
    for part in parts(folder):
        if part.t0 > part.since:
            name = "plain work" if part.approach else "no steps"
            yield _complete(name, "work", MAIN, (part.since, part.t0), {"steps": part.approach})
        if part.boundaries:
            yield from _boundaries(part)
        else:
            yield _instant(part.kind, part.t1, _told(part.line, ("position", "state", "dropped")))
        executed += part.executed
        skipped += part.skipped
        yield _event("C", "steps", part.t1, MAIN) | {"args": {"executed": executed, "skipped": skipped}}
        for worker, began, ended, start, steps in part.line.get("spans", ()):
            thread = threads.setdefault(worker, len(threads) + 1)
            yield _complete("superstep", "worker", thread, (began, ended), {"start": start, "steps": steps})


def _boundaries(part: Part) -> Iterator[Json]:
    if part.kind == "many":
        told = _told(part.line, ("position", "to", "seconds", "misses", "leaps"))
        yield _complete(f"{part.boundaries:,} boundaries", "many", MAIN, (part.t0, part.t1), told)
    else:
        told = _told(part.line, ("position", "leaps", "attempts"))
        yield _complete(f"boundary: {part.line.get('label', '')}", "boundary", MAIN, (part.t0, part.t1), told)
    if part.hits:
        yield _instant("hit", part.t1, {"count": part.hits, "steps": part.skipped})
    if part.misses:
        yield _instant("miss", part.t1, {"count": part.misses})


def _told(line: Json, fields: tuple[str, ...]) -> Json:
    return {name: line[name] for name in fields if name in line}


def _complete(name: str, category: str, thread: int, times: tuple[float, float], args: Json) -> Json:
    began, ended = times
    length = round(1e6 * max(0.0, ended - began), 3)
    return _event("X", name, began, thread) | {"cat": category, "dur": length, "args": args}


def _instant(name: str, time: float, args: Json) -> Json:
    return _event("i", name, time, MAIN) | {"s": "t", "args": args}


def _event(phase: str, name: str, time: float, thread: int) -> Json:
    return {"ph": phase, "name": name, "ts": round(1e6 * time, 3), "pid": PROCESS, "tid": thread}


def _meta(name: str, thread: int, args: Json) -> Json:
    return {"ph": "M", "name": name, "pid": PROCESS, "tid": thread, "args": args}
