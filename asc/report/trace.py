"""The run as a Chrome trace, which Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from asc.records.folders import CONFIG, SUMMARY, read_json, understood, write_text
from asc.report.intervals import Interval, intervals
from asc.types import Outcome

TRACE = "trace.json"
PROCESS = 1
MAIN = 0
_METRICS = ("hit_rate", "acceptance_rate", "mean_accepted_horizon", "horizons")

Json = dict[str, Any]


def write_trace(folder: Path) -> Path:
    """Write `trace.json` into a run's folder and return its path."""
    path = folder / TRACE
    with understood(folder):
        text = json.dumps(chrome_trace(folder), separators=(",", ":"))
    write_text(path, text)
    return path


def chrome_trace(folder: Path) -> Json:
    """Return a run as Chrome-trace JSON, times in microseconds since its start.

    Complete events (`X`): plain steps and boundaries on the main thread, and the tasks of each worker on a thread of
    their own. Instants (`i`): hits and misses. Counters (`C`): steps executed and skipped, candidates accepted and
    rejected. Boundaries that the event log only counts are one event with their number. `otherData` has the acceptance
    rate, the mean accepted horizon and the candidates by horizon, where the run has a summary with them. Raises
    AscError where `config.json` or `summary.json` is damaged.
    """
    config = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
    summary = read_json(folder / SUMMARY) if (folder / SUMMARY).exists() else {}
    threads: dict[str, int] = {}
    events = list(_events(folder, threads))
    backend = str(config.get("backend", summary.get("backend", "run")))
    about = {"backend": backend, "state": str(summary.get("state", "running or killed"))}
    return {
        "displayTimeUnit": "ms",
        "otherData": about | _found(summary, _METRICS),
        "traceEvents": [*_names(backend, threads), *events],
    }


def _names(backend: str, threads: Json) -> Iterator[Json]:
    yield _meta("process_name", MAIN, {"name": f"asc {backend}"})
    for name, thread in {"main thread": MAIN, **threads}.items():
        yield _meta("thread_name", thread, {"name": name})
        yield _meta("thread_sort_index", thread, {"sort_index": thread})


def _events(folder: Path, threads: dict[str, int]) -> Iterator[Json]:
    executed = skipped = 0
    settled: Counter[str] = Counter()
    for interval in intervals(folder):
        line, ended = interval.line, interval.t1
        if interval.t0 > interval.since:
            name = "plain steps" if interval.approach else "no steps"
            yield _complete(name, "work", MAIN, (interval.since, interval.t0), {"steps": interval.approach})
        if interval.boundaries:
            yield from _boundaries(interval)
        else:
            yield _instant(interval.kind, ended, _found(line, ("position", "state", "dropped")))
        executed += interval.executed
        skipped += interval.skipped
        yield _counter("steps", ended, {"executed": executed, "skipped": skipped})
        if "decisions" in line:
            settled.update(decision[2] for decision in line["decisions"])
            words = (Outcome.ACCEPTED.value, Outcome.REJECTED.value)
            yield _counter("candidates", ended, {word: settled[word] for word in words})
        for worker, began, end, start, steps in line.get("spans", ()):
            thread = threads.setdefault(worker, len(threads) + 1)
            yield _complete("task", "worker", thread, (began, end), {"start": start, "steps": steps})


def _boundaries(interval: Interval) -> Iterator[Json]:
    line, times = interval.line, (interval.t0, interval.t1)
    if interval.kind == "many":
        found = _found(line, ("position", "to", "seconds", "misses", "leaps"))
        yield _complete(f"{interval.boundaries:,} boundaries", "many", MAIN, times, found)
    else:
        found = _found(line, ("position", "leaps", "decisions"))
        yield _complete(f"boundary: {line.get('label', '')}", "boundary", MAIN, times, found)
    if interval.hits:
        yield _instant("hit", interval.t1, {"count": interval.hits, "steps": interval.skipped})
    if interval.misses:
        yield _instant("miss", interval.t1, {"count": interval.misses})


def _found(data: Json, fields: tuple[str, ...]) -> Json:
    return {name: data[name] for name in fields if name in data}


def _complete(name: str, category: str, thread: int, times: tuple[float, float], args: Json) -> Json:
    began, ended = times
    length = round(1e6 * max(0.0, ended - began), 3)
    return _event("X", name, began, thread) | {"cat": category, "dur": length, "args": args}


def _instant(name: str, time: float, args: Json) -> Json:
    return _event("i", name, time, MAIN) | {"s": "t", "args": args}


def _counter(name: str, time: float, args: Json) -> Json:
    return _event("C", name, time, MAIN) | {"args": args}


def _event(phase: str, name: str, time: float, thread: int) -> Json:
    return {"ph": phase, "name": name, "ts": round(1e6 * time, 3), "pid": PROCESS, "tid": thread}


def _meta(name: str, thread: int, args: Json) -> Json:
    return {"ph": "M", "name": name, "pid": PROCESS, "tid": thread, "args": args}
