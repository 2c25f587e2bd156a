"""Output is never a reason for a run to die: what it computed is on disk, and as much as possible is shown."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from asc.streams import failure, keep_writable
from tests.cli.conftest import ASC, HANG_S, Asc, environment

pytest.importorskip("asc_toy")

RUN = ("run", "toy", "--program", "lcg-pi", "--n", "300", "--executor", "none", "--json", "--out", "runs")
FULL = "error: The output could not be written (No space left on device). Make room, or send it elsewhere.\n"


class Fault(NamedTuple):
    """What is wrong with the streams, in the words of a shell, and what is still seen."""

    redirection: str
    shows: bool = False  # whether standard output has the result
    code: int = 0
    told: str | None = None  # at the end of standard error; None where that is lost
    variables: dict[str, str] = {}  # noqa: RUF012 -- of a NamedTuple


FAULTS = {
    "the reader closes both": Fault("2>&1 | head -1 >lines"),
    "closed output": Fault(">&-", told="ahead.\n"),
    "closed messages": Fault(">out 2>&-", shows=True),
    "everything closed": Fault("<&- >&- 2>&-"),
    "full messages": Fault(">out 2>/dev/full", shows=True),
    "full output": Fault(">/dev/full", code=1, told=FULL),
    "no columns": Fault(">out", shows=True, told="ahead.\n", variables={"COLUMNS": "0", "LINES": "0"}),
    "columns that are no number": Fault(">out", shows=True, told="ahead.\n", variables={"COLUMNS": "²"}),
    "unbuffered, and the reader closes both": Fault("2>&1 | head -1 >lines", variables={"PYTHONUNBUFFERED": "1"}),
}
SHELL = pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is Linux's")


@SHELL
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_run_ends_and_is_recorded_whatever_becomes_of_its_output(tmp_path: Path, fault: Fault) -> None:
    found = subprocess.run(
        ["bash", "-c", f'set -o pipefail; "$@" {fault.redirection}', "bash", ASC, *RUN],
        cwd=tmp_path,
        env=environment(**fault.variables),
        stderr=subprocess.PIPE,
        text=True,
        timeout=HANG_S,
        check=False,
    )
    (summary,) = (json.loads(path.read_text()) for path in tmp_path.glob("runs/*/summary.json"))
    assert summary["state"] == "finished"
    assert found.returncode == fault.code, found.stderr
    assert found.stderr.endswith(fault.told or "")
    assert "Traceback" not in found.stderr
    if fault.shows:
        assert json.loads((tmp_path / "out").read_text())["final_digest"] == summary["final_digest"]


STUDY = """
import asc
from asc.study import Table

class Count(asc.Study):
    class Config(asc.Settings): pass
    def run(self, folder, tell, stopped): return True
    def tables(self, folder): return [Table("counted", "", ("n",), ((1,),))]

@asc.hookimpl
def asc_register(registry):
    registry.add("study", "count", "p:Count", "Counts.")
"""


@SHELL
def test_the_results_of_a_study_are_written_though_they_cannot_be_shown(tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(STUDY)
    command = f"{ASC} study count --plugin p.py --out s >/dev/full"
    found = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (1, FULL)
    assert (tmp_path / "s" / "results.json").exists()


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Any]:
    """Make a file the standard output of this process, as `main` finds it, and return what `keep_writable` makes."""

    def make(number: int) -> Any:
        monkeypatch.setattr(sys, "stdout", open(number, "w", encoding="ascii", closefd=False))  # noqa: SIM115
        keep_writable()
        return sys.stdout

    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    return make


def test_a_stream_takes_characters_that_its_encoding_lacks(output: Callable[[int], Any]) -> None:
    reading, writing = os.pipe()
    stream = output(writing)
    stream.write("2 × 3")
    stream.flush()
    assert os.read(reading, 10) == b"2 ? 3"
    assert failure(stream) is None
    os.close(reading)
    stream.write("nobody reads this")
    stream.flush()
    assert failure(stream) is None, "a reader may leave"
    os.close(writing)


def test_a_stream_waits_for_a_reader_that_is_slow(output: Callable[[int], Any]) -> None:
    """A terminal that another program has made non-blocking."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    stream = output(writing)
    reader = subprocess.Popen(["wc", "-c"], stdin=reading, stdout=subprocess.PIPE)
    os.close(reading)
    stream.write("a" * 1_000_000)
    stream.flush()
    assert failure(stream) is None
    os.close(writing)
    assert reader.communicate()[0].strip() == b"1000000"


def test_names_and_records_cannot_steer_the_terminal(asc: Asc, tmp_path: Path) -> None:
    hostile = "a\x1b[31mb\x9b2J"
    folder = tmp_path / "runs" / hostile
    folder.mkdir(parents=True)
    record = {"backend": hostile, "config": {}, "started": 1.0}
    (folder / "config.json").write_text(json.dumps(record))
    (folder / "summary.json").write_text(json.dumps({"state": hostile}))
    calls = (
        ("runs",),
        ("runs", "--json"),
        ("run", "toy", "--resume", "latest"),
        ("run", hostile),
        ("run", "toy", "--program", hostile),
        ("run", "toy", "--n", "9", "--workers", "0", "--out", hostile),
        ("explain", hostile, hostile),
        ("report", str(folder)),
        ("plugins", "--plugin", f"{hostile}.py"),
        ("study", "leap-verify", "--resume", "--out", hostile),
    )
    for call in calls:
        found = asc(*call)
        printed = found.stdout + found.stderr
        assert r"a\x1b[31mb" in printed or r"a\u001b[31mb" in printed, call
        assert not {character for character in printed if not character.isprintable()} - {"\n"}, call
