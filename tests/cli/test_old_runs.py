"""Folders that asc 0.1.0 wrote: they can be listed and reported on, but neither resumed nor replayed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asc import __version__
from tests.cli.conftest import Asc, one_sentence

CONFIG = {
    "backend": "toy",
    "config": {
        "recognizer": {"name": "recurring", "distance": 64},
        "predictors": [{"name": "ensemble"}],
        "validator": {"name": "exact"},
        "allocator": {"overdraft": 0.03, "horizons": [], "lookahead": 1024, "stretch": 16, "memoise": True},
        "program": "lcg-pi",
        "n": 600,
    },
    "state": "running",
    "shadow": False,
    "speculate": True,
    "asc_version": "0.1.0",
    "command": ["run", "toy", "--program", "lcg-pi", "--n", "600"],
    "started": 1_795_888_684.5,
}
EVENTS = [
    {"event": "start", "t0": 0.0, "t1": 0.0, "position": 0, "started": 1_795_888_684.5, "sum": [0, 0, 0]},
    {
        "event": "boundary",
        "t0": 0.02,
        "t1": 0.03,
        "position": 64,
        "label": "every 64 steps",
        "attempts": [["ensemble", 64, "sent to a worker", 0.0, ""], ["ensemble", 64, "accepted", 64.0, "as foreseen"]],
    },
    {"event": "end", "t0": 0.08, "t1": 0.08, "position": 600, "state": "finished", "sum": [1, 0, 64]},
]
SUMMARY = {
    "backend": "toy",
    "config": CONFIG["config"],
    "state": "finished",
    "position": 600,
    "total": 600,
    "final_digest": "0de40f9c44a278c76c02b62823ca5f0a2d748dcab7e444bde274ae259229e0d5",
    "outcome": {"hits": 120_756},
    "seconds": 0.08,
    "plain_seconds": 0.16,
    "net_speedup": 2.0,
    "identical": True,
    "estimated_speedup": 1.9,
    "ceiling": 3.0,
    "hit_rate": 0.1,
    "hits": 1,
    "misses": 0,
    "skipped": 64,
    "accepted": 1,
    "rejected": 0,
    "outcomes": {"sent to a worker": 1, "accepted": 1},
    "workers": 2,
    "excited": ["hits", "x"],
    "words": 2,
    "reason": "2.00×: a worker ran ahead.",
    "ledger": {"plain": {"seconds": 0.06, "steps": 536.0, "count": 9}},
    "cache": {"entries": 1, "bytes": 10, "hits": 1, "misses": 0, "evictions": 0},
    "resumed_from": 0,
    "shadow": False,
    "warnings": [],
    "run_dir": "runs/old",
}
REFUSED = (
    f"The run old was made by asc 0.1.0, and this is asc {__version__}, which has other settings and checkpoints. "
    "Use asc 0.1.0 for it, or start a new one with this version."
)


@pytest.fixture(autouse=True)
def old(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "old"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in EVENTS))
    (folder / "summary.json").write_text(json.dumps(SUMMARY))
    return folder


def test_it_is_listed(asc: Asc) -> None:
    (listed,) = json.loads(asc("runs", "--json").stdout)
    assert (listed["id"], listed["backend"], listed["state"], listed["position"]) == ("old", "toy", "finished", 600)
    assert (listed["speedup"], listed["measured"]) == (2.0, True)


def test_its_report_has_its_decisions(asc: Asc, old: Path) -> None:
    found = asc("report", "old")
    assert found.returncode == 0, found.stderr
    page = (old / "report.html").read_text()
    assert "ensemble" in page
    assert "asc 0.1.0" in page
    trace = json.loads((old / "trace.json").read_text())["traceEvents"]
    assert any("as foreseen" in json.dumps(event) for event in trace)


def test_it_is_neither_resumed_nor_replayed(asc: Asc, old: Path) -> None:
    pytest.importorskip("asc_toy")
    before = {path: path.read_bytes() for path in old.iterdir()}
    one_sentence(asc("run", "toy", "--resume", "old"), REFUSED)
    one_sentence(asc("bench-predictor", "linear", "--on", "old"), REFUSED)
    assert {path: path.read_bytes() for path in old.iterdir()} == before
