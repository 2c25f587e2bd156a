"""A run that never ran: everything that an observer sees of a run, made by hand."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asc.records.event_writer import EventWriter
from asc.records.folders import write_json
from asc.types import Boundary, Decision, Outcome, Plan, Span, Status, Transition

STARTED = 1_700_000_000.0


class FakeRun:
    """A run as hooks see it, with a status that a test sets."""

    def __init__(self, folder: Path | None = None, **changes: Any) -> None:
        self.backend = "toy"
        self.config: Mapping[str, Any] = {"program": "collatz", "cache": {"max_bytes": 1_000}}
        self.folder = folder
        self.started = STARTED
        self.asked = 0
        self.now = Status(
            position=5_612,
            total=10_000,
            seconds=12.3,
            label="loop head",
            hits=1_204,
            misses=88,
            skipped=4_012,
            hit_rate=0.932,
            outcomes={Outcome.ACCEPTED.value: 1_204, Outcome.REJECTED.value: 3, Outcome.FAILED.value: 2},
            acceptance_rate=0.9975,
            mean_accepted_horizon=31.25,
            workers=4,
            busy=3,
            excited=("i", "best", "n"),
            words=12,
            estimated_speedup=3.214,
            ceiling=4.0,
            reason="Most candidates are accepted, and three workers run ahead.",
        )._replace(**changes)

    def status(self) -> Status:
        self.asked += 1
        return self.now


def make_boundary(at: float = 1.0, **changes: Any) -> Boundary:
    """A boundary that took a millisecond, `at` seconds after the start."""
    began = STARTED + at
    return Boundary(0, "loop head", (), (), (), began, began + 0.001)._replace(**changes)


def make_leap(start: int, steps: int, source: str = "linear") -> Transition:
    return Transition(start, steps, None, 10, source)


def make_folder(folder: Path, boundaries: int = 400, finished: bool = True, seed: int = 1) -> Path:
    """Record a synthetic run: slow at first, then most candidates are accepted; a predictor raises now and then."""
    random_ = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    run = FakeRun(folder, position=0, hits=0, misses=0, skipped=0)
    predictors = [{"name": "linear"}, {"name": "stride"}]
    config = {"predictors": predictors, "note": "<script>alert(1)</script>", "empty": [], "on": True}
    config |= run.config
    write_json(
        folder / "config.json",
        {"backend": "toy", "config": config, "started": STARTED, "asc_version": "0.1.0", "state": "running"},
    )
    now, position, hits, skipped = STARTED, 0, 0, 0
    writer = EventWriter(folder, clock=lambda: now)
    writer.asc_run_started(run)
    now += 0.4
    for index in range(boundaries):
        now += random_.uniform(0.01, 0.03)
        began = now
        now += random_.uniform(0.0005, 0.004)
        chance = 0.9 * min(1.0, index / (0.4 * boundaries))
        leaps = tuple(
            make_leap(position, 100, random_.choice(("linear", "stride")))
            for _ in range(2)
            if random_.random() < chance
        )
        decisions: tuple[Decision, ...] = ()
        spans: tuple[Span, ...] = ()
        if index % 3 == 0:
            outcome = random_.choices(
                (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.SILENT, Outcome.FAILED, Outcome.LATE),
                (20 * chance + 1, 5, 2, 1, 2),
            )[0]
            reason = "ZeroDivisionError: <b>division</b> by zero" if outcome is Outcome.FAILED else ""
            plan = Plan(random_.choice(("linear", "stride")), random_.choice((100, 200, 400)), 100)
            decisions = (Decision(plan, Outcome.LAUNCHED), Decision(plan, outcome, 100.0 * chance, reason))
            spans = (Span(f"worker {index // 3 % 3}", began - 0.15, began - 0.01, position, 100),)
        writer.asc_boundary(run, Boundary(position, "loop head", leaps, decisions, spans, began, now))
        hits += bool(leaps)
        skipped += 100 * len(leaps)
        position += 100 + 100 * len(leaps)
        run.now = run.now._replace(position=position, hits=hits, skipped=skipped, misses=index + 1 - hits)
    if finished:
        summary = make_summary(folder, now + 0.05 - STARTED, position, hits, skipped) | {"misses": boundaries - hits}
        writer.asc_run_finished(run, summary)
        write_json(folder / "summary.json", summary)
    writer.close()
    return folder


def make_summary(folder: Path, seconds: float, position: int, hits: int, skipped: int) -> dict[str, Any]:
    return {
        "backend": "toy",
        "config": {"program": "collatz"},
        "position": position,
        "total": position,
        "state": "finished",
        "final_digest": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "seconds": seconds,
        "plain_seconds": 3.2 * seconds,
        "net_speedup": 3.2,
        "estimated_speedup": 3.31,
        "ceiling": 4.0,
        "identical": True,
        "hit_rate": 0.81,
        "hits": hits,
        "misses": 123,
        "skipped": skipped,
        "accepted": 80,
        "rejected": 30,
        "acceptance_rate": 80 / 110,
        "mean_accepted_horizon": 225.0,
        "horizons": {"200": {"settled": 70, "accepted": 60}, "300": {"settled": 40, "accepted": 20}},
        "outcomes": {"accepted": 80, "rejected": 30},
        "workers": 3,
        "excited": ["best", "i", "longest <chain>"],
        "words": 12,
        "reason": "Most candidates were accepted, so three workers ran ahead.",
        "ledger": {
            "plain": {"seconds": 0.7 * seconds, "steps": 40_000, "count": 400},
            "predict": {"seconds": 0.1 * seconds, "steps": 120.5, "count": 133},
            "wait": {"seconds": 0.15 * seconds, "steps": 190.0, "count": 20},
            "notify": {"seconds": 0.001 * seconds, "steps": 2.0, "count": 400},
        },
        "cache": {"entries": 10},
        "run_dir": str(folder),
        "outcome": {"best": 837_799, "steps": [1, 2]},
        "resumed_from": 0,
        "shadow": False,
        "warnings": ["plugin 'mine' raised & was switched off"],
    }


@pytest.fixture
def fake() -> SimpleNamespace:
    """The factories above, by name."""
    return SimpleNamespace(run=FakeRun, boundary=make_boundary, leap=make_leap, folder=make_folder, started=STARTED)


@pytest.fixture
def lines() -> Callable[[Path], list[dict[str, Any]]]:
    """Read an event log strictly: a line that is not JSON fails the test."""

    def read(folder: Path) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (folder / "events.jsonl").read_text("ascii").splitlines()]

    return read
