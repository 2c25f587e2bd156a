"""The commands around a run, as a user types them: help, lists, reports, plugins, odd terminals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import ASC, HANG_S, Asc, environment, one_sentence, parsed

pytest.importorskip("asc_toy")

ROOT = Path(__file__).parents[2]
SHORT = ("run", "toy", "--program", "lcg-pi", "--n", "200", "--executor", "none", "--quiet")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--help",), ("run", "advise", "study", "plugins", "explain", "runs", "report")),
        (("-h",), ("Predict the states that a computation will reach",)),
        (("run", "--help"), ("toy", "speculation over Python step functions")),
        (
            ("run", "toy", "--help"),
            ("--program", "--resume", "--compare", "--set", "--config", "name of a built-in program"),
        ),
        (("advise", "toy", "--help"), ("--seconds", "--program")),
        (("report", "--help"), ("report.html", "latest")),
        (
            ("explain", "toy"),
            ("backend of asc-toy", "executor", "cache.max_bytes"),
        ),
        (("explain", "linear"), ("--predictors linear",)),
    ],
)
def test_help_says_what_there_is(asc: Asc, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    found = asc(*arguments)
    assert found.returncode == 0, found.stderr
    for word in words:
        assert word in found.stdout
    assert "\x1b" not in found.stdout


def test_report_of_a_run_by_the_beginning_of_its_name(asc: Asc, tmp_path: Path) -> None:
    folder = tmp_path / parsed(asc(*SHORT, "--json"))["run_dir"]
    for name in ("report.html", "trace.json"):
        (folder / name).unlink()
    for run in (folder.name, folder.name[:-1], str(folder), "latest"):
        found = asc("report", run)
        assert found.returncode == 0, found.stderr
        assert [Path(line).name for line in found.stdout.split()] == ["report.html", "trace.json"]
    assert json.loads((folder / "trace.json").read_text())
    assert "<html" in (folder / "report.html").read_text()


def test_runs_lists_each_with_its_end(asc: Asc, tmp_path: Path) -> None:
    assert asc("runs", "--json").stdout.strip() == "[]"
    finished = parsed(asc(*SHORT, "--json"))
    (tmp_path / "runs" / "broken").mkdir()
    (tmp_path / "runs" / "broken" / "config.json").write_text("{")
    listed = {run["id"]: run for run in json.loads(asc("runs", "--json").stdout)}
    one = listed[Path(finished["run_dir"]).name]
    assert (one["state"], one["position"], one["backend"]) == ("finished", 200, "toy")
    assert listed["broken"]["state"] == "unreadable"


def test_killed_run_is_listed_as_such(asc: Asc, start: Callable[..., subprocess.Popen[str]]) -> None:
    process = start("run", "toy", "--program", "lcg-pi", "--n", "100000000", "--executor", "none")
    assert process.stderr is not None
    assert "starting at step 0 of 100,000,000" in process.stderr.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=HANG_S)
    (listed,) = json.loads(asc("runs", "--json").stdout)
    assert listed["state"] == "running or killed"


def test_plugin_of_a_single_file(asc: Asc) -> None:
    plugin = str(ROOT / "examples" / "my_predictor.py")
    summary = parsed(asc(*SHORT, "--json", "--compare", "--plugin", plugin, "--predictors", "halfway"))
    assert summary["identical"] is True
    assert summary["config"]["predictors"] == [{"name": "halfway"}]


def test_a_backend_that_is_not_loaded_is_named(asc: Asc) -> None:
    one_sentence(asc(*SHORT, ASC_LOAD_PLUGINS=""), "toy", "ASC_LOAD_PLUGINS")
    one_sentence(asc("plugins", ASC_LOAD_PLUGINS="nothing"), "ASC_LOAD_PLUGINS", "nothing")


def test_output_that_cannot_be_encoded_is_replaced(asc: Asc) -> None:
    """A console of ASCII has neither a multiplication sign nor a dash."""
    for arguments in (SHORT, ("plugins",), ("explain", "affine"), ("runs",), ("run", "toy", "--help")):
        found = asc(*arguments, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
        assert found.returncode == 0, found.stderr
        assert found.stdout.isascii()


def test_narrow_terminal_loses_no_digit(asc: Asc) -> None:
    digest = parsed(asc(*SHORT, "--json"))["final_digest"]
    found = asc(*SHORT, COLUMNS="40")
    lines = [line.removeprefix("digest").strip() for line in found.stdout.splitlines()]
    assert digest in "".join(lines)


@pytest.mark.parametrize("command", [("plugins",), ("run", "toy", "--help"), SHORT])
def test_a_reader_that_ends_early_is_no_error(tmp_path: Path, command: tuple[str, ...]) -> None:
    found = subprocess.run(
        f"'{ASC}' {' '.join(command)} | head -1",
        shell=True,
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=HANG_S,
        check=True,
    )
    assert len(found.stdout.splitlines()) == 1
    assert found.stderr == ""


def test_json_on_a_full_device_is_no_traceback(tmp_path: Path) -> None:
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full here")
    with open("/dev/full", "w") as full:
        found = subprocess.run(
            [ASC, *SHORT, "--json"],
            cwd=tmp_path,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert found.returncode == 1
    assert "Traceback" not in found.stderr
    assert "error: " in found.stderr
