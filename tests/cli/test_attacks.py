"""A table of attacks on runs, a fault a row: no traceback, other runs are listed, a run is resumed to the same end."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from failing_disk import DISK, HOWS, Countdown, How, Killed, close_what_was_left_open
from replaced_files import folder, nowhere, pipe

from asc.records.lock import exclusive
from tests.cli.conftest import Asc, one_sentence, parsed

pytest.importorskip("asc_toy")

RUN = ("run", "toy", "--program", "lcg-pi", "--n", "8", "--executor", "none", "--quiet")
OFTEN = (*RUN, "--set", "checkpoint_seconds=1e-9")
RESUME = ("run", "toy", "--resume", "latest", "--quiet", "--json")
EVENTS = 48  # more than a run has, which has more boundaries where the machine is busy


@pytest.fixture(scope="module")
def digest() -> str:
    """Where the program ends."""
    from asc.plugins import load

    backend = load().registry.get("backend", "toy").load()
    computation = backend(backend.Config(program="lcg-pi", n=8)).computation(plain=True)
    computation.advance(8)
    found: str = computation.digest()
    return found


def tear(runs: Path) -> None:
    """Leave what a kill within a write leaves: half a line, and files that have no name yet."""
    for log in runs.glob("*/events.jsonl"):
        log.write_bytes(log.read_bytes()[:-5])
        (log.parent / ".config.json.1.tmp").write_text('{"back')
        (log.parent / "checkpoints").mkdir(exist_ok=True)
        (log.parent / "checkpoints" / ".state.safetensors.1").write_bytes(b"half")


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("event", range(EVENTS))
def test_a_run_whose_files_fail_from_any_event_on_is_resumed_to_the_same_end(
    asc: Asc, tmp_path: Path, digest: str, event: int, how: How
) -> None:
    with suppress(Killed), DISK.failing(tmp_path / "runs", how, Countdown(event)):
        first = asc(*OFTEN)
        assert "Traceback" not in first.stderr
    close_what_was_left_open()
    if how == "torn":
        tear(tmp_path / "runs")
    listed = json.loads(asc("runs", "--json").stdout)
    if not any((tmp_path / "runs").glob("*/config.json")):  # it had not begun yet
        assert len(listed) == 0
        one_sentence(asc(*RESUME), "no run 'latest'")
        return
    assert len(listed) == 1
    assert parsed(asc(*RESUME))["final_digest"] == digest
    assert json.loads(asc("runs", "--json").stdout)[0]["state"] == "finished"


def test_every_event_of_a_run_was_among_them(asc: Asc, tmp_path: Path) -> None:
    events = Countdown(EVENTS)
    with DISK.failing(tmp_path / "runs", "killed", events):
        assert asc(*OFTEN).returncode == 0
    assert 0 <= events.left < EVENTS // 2, "neither too few nor many that never come"


Change = Callable[[Path], object]


def put(data: bytes | str) -> Change:
    return lambda path: path.write_bytes(data if isinstance(data, bytes) else data.encode())


def altered(**fields: Any) -> Change:
    return lambda path: path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def setting(**fields: Any) -> Change:
    def change(path: Path) -> None:
        record = json.loads(path.read_text())
        path.write_text(json.dumps({**record, "config": record["config"] | fields}))

    return change


DEEP, CHECKPOINT = "[" * 100_000, "checkpoints/state.safetensors"
ODD = (None, True, -1, 1e30, 1e308, 10**400, "x", "\ud800", [], [1], {}, {"a": {}})
FAULTS: list[tuple[str, Change, str]] = [
    *(("config.json", change, "") for change in (pipe, folder, nowhere)),  # no run any more, where nothing else is left
    *(("config.json", put(text), "is damaged") for text in ("", "{", DEEP, b"\xff\xfe", bytes(64))),
    *(("config.json", put(text), "expected a JSON object") for text in ("null", "[1]", "7")),
    *(("config.json", altered(backend=value), "is of the backend") for value in ODD),
    *(("config.json", altered(config=value), "is damaged") for value in ODD[:-2]),
    *(("config.json", altered(started=value), "") for value in ODD),
    *(("config.json", altered(shadow=value, speculate=value, command=value, state=value), "") for value in ODD),
    *(("config.json", setting(n=value), "") for value in (True, -1, 1e30, "x", [], {"a": {}})),
    *(("config.json", setting(program=value), "") for value in ODD),
    *(("config.json", setting(recognizer=value, predictors=value), "") for value in ODD),
    *(("config.json", setting(**other), "under other settings") for other in ({"n": 9}, {"seed": 8}, {"seed": 9})),
    *(("summary.json", change, "") for change in (pipe, nowhere, put(""), put("{"), put(DEEP), put("[1]"))),
    *(("summary.json", altered(state=value, position=value, seconds=value), "") for value in ODD),
    *(("summary.json", altered(net_speedup=value, config=value, horizons=value, ledger=value), "") for value in ODD),
    *(("events.jsonl", change, "") for change in (pipe, nowhere, put(""), put(DEEP), put("[1]\n{}\nnull\n"))),
    *(
        ("events.jsonl", put(json.dumps({"event": "boundary", "t0": 0, "t1": 1, "position": v, "leaps": v}) + "\n"), "")
        for v in ODD
    ),
    *((CHECKPOINT, change, "is damaged") for change in (pipe, folder, put(""), put(bytes(64)), put("["))),
    (".lock", pipe, ""),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was stopped; tests copy it."""
    from asc.cli.main import call

    home = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        assert call(RUN) == 0
    (run,) = home.glob("runs/*")
    summary = json.loads((run / "summary.json").read_text())
    (run / "summary.json").write_text(json.dumps(summary | {"state": "interrupted"}))
    return run


@pytest.mark.parametrize(("file", "change", "sentence"), FAULTS)
def test_a_file_that_is_not_as_a_run_writes_it_gets_a_sentence_and_other_runs_are_listed(
    asc: Asc, tmp_path: Path, made: Path, file: str, change: Change, sentence: str
) -> None:
    attacked, other = tmp_path / "runs" / "attacked", tmp_path / "runs" / "other"
    for copy in (attacked, other):
        shutil.copytree(made, copy)
    change(attacked / file)
    os.mkfifo(tmp_path / "runs" / "pipe")
    for options in ((), ("--json",)):
        listed = asc("runs", *options)
        assert listed.returncode == 0
        assert "other" in listed.stdout
    for command in (("report", "attacked"), ("run", "toy", "--resume", "attacked", "--quiet")):
        found = asc(*command)
        assert found.returncode in (0, 1), found.stderr
        assert "Traceback" not in found.stderr
    if sentence:
        one_sentence(found, sentence)
    assert parsed(asc("run", "toy", "--resume", "other", "--quiet", "--json"))["state"] == "finished"


def test_a_run_that_runs_cannot_be_resumed(asc: Asc, tmp_path: Path, made: Path) -> None:
    shutil.copytree(made, tmp_path / "runs" / "mine")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with exclusive(tmp_path / "runs" / "mine"):
        one_sentence(asc(*RESUME), "Another process is working in runs/mine. Wait until it has ended")
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert parsed(asc(*RESUME))["state"] == "finished"
