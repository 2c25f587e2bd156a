"""Ctrl-C as a terminal sends it, to the whole group of processes; kills at any moment; and resuming afterwards."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from asc.interrupts import ENDING
from tests.cli.conftest import HANG_S, Asc, parsed, press_ctrl_c, wait_until

pytest.importorskip("asc_toy")

STEPS = 8_000
PROGRAM = ("--program", "lcg-pi", "--n", str(STEPS), "--seed", "5", "--set", "checkpoint_seconds=0.05")
ENDLESS = (*PROGRAM, "--n", "100000000", "--executor", "processes", "--workers", "2")
ATTEMPTS = 20  # a run may end before it can be interrupted, where the machine is slow

Start = Callable[..., subprocess.Popen[str]]


def run(start: Start, *arguments: str) -> subprocess.Popen[str]:
    return start("run", "toy", "--out", "runs", *arguments)


def wait_for_checkpoint(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until there is one that was not there before, or the process has ended."""

    def checkpoints() -> set[tuple[str, int]]:
        found = set()
        for path in folder.glob("runs/*/checkpoints/state.safetensors"):
            with contextlib.suppress(FileNotFoundError):  # it is being replaced
                found.add((str(path), path.stat().st_mtime_ns))
        return found

    before = checkpoints()
    wait_until(lambda: checkpoints() - before or process.poll() is not None)


def end(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Exit code, standard output, standard error."""
    out, err = process.communicate(timeout=HANG_S)
    assert "Traceback" not in err
    return process.returncode, out, err


def group(process: subprocess.Popen[str]) -> list[int]:
    """Processes of the group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == process.pid and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.fixture(scope="module")
def digest() -> str:
    """Where the program ends, found by an uninterrupted run of its own, without speculation."""
    from asc.plugins import load

    backend = load().registry.get("backend", "toy").load()
    computation = backend(backend.Config(program="lcg-pi", n=STEPS, seed=5)).computation(plain=True)
    computation.advance(STEPS)
    found: str = computation.digest()
    return found


@pytest.mark.parametrize(
    "how",
    [
        ("--executor", "processes", "--workers", "2"),
        ("--executor", "threads"),
        ("--executor", "none"),
        ("--no-speculation",),
        ("--shadow", "--executor", "threads"),
    ],
)
def test_ctrl_c_stops_cleanly_and_the_run_can_be_resumed(
    asc: Asc, start: Start, tmp_path: Path, digest: str, how: tuple[str, ...]
) -> None:
    for _ in range(ATTEMPTS):
        process = run(start, *PROGRAM, *how, "--json")
        wait_for_checkpoint(process, tmp_path)
        press_ctrl_c(process)
        code, out, err = end(process)
        if code:
            break
    assert code == 130, err
    stopped = json.loads(out)
    assert stopped["state"] == "interrupted"
    assert 0 < stopped["position"] < STEPS
    assert f"Resume with: asc run toy --resume {stopped['run_dir']}" in err
    resumed = parsed(asc("run", "toy", "--resume", stopped["run_dir"], "--json", "--quiet"))
    assert resumed["resumed_from"] == stopped["position"]
    assert resumed["final_digest"] == digest
    assert resumed["config"] == stopped["config"]
    assert resumed["shadow"] is ("--shadow" in how)
    assert (resumed["estimated_speedup"] is None) is ("--no-speculation" in how)


@pytest.mark.parametrize("number", ENDING)
@pytest.mark.parametrize("to", ["the command", "its group"])
def test_what_ends_a_container_or_a_job_ends_a_run_like_ctrl_c(
    start: Start, tmp_path: Path, number: signal.Signals, to: str
) -> None:
    process = run(start, *ENDLESS, "--json")
    wait_for_checkpoint(process, tmp_path)
    for _ in range(3):  # launchers send several
        (os.kill if to == "the command" else os.killpg)(process.pid, number)
    code, out, err = end(process)
    assert code == 130, err
    stopped = json.loads(out)
    assert (stopped["state"], stopped["position"] > 0) == ("interrupted", True)
    assert json.loads((tmp_path / stopped["run_dir"] / "summary.json").read_text())["state"] == "interrupted"


def test_sigterm_ends_any_other_command_like_ctrl_c(start: Start) -> None:
    process = start("advise", "toy", *PROGRAM, "--n", "100000000", "--seconds", "100000")
    wait_until(lambda: signal.SIGTERM in caught(process) or process.poll() is not None)
    process.terminate()
    code, _, err = end(process)
    assert (code, err.strip()) == (130, "stopped: interrupted")


def test_an_ignored_ctrl_c_stays_ignored(start: Start, tmp_path: Path) -> None:
    """As in a shell's background job, whose terminal sends Ctrl-C to what runs in the foreground."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # `start` restores what was before
    process = run(start, *ENDLESS)
    wait_for_checkpoint(process, tmp_path)
    press_ctrl_c(process)
    wait_for_checkpoint(process, tmp_path)
    assert process.poll() is None


def caught(process: subprocess.Popen[str]) -> list[int]:
    """Signals that a process handles."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    mask = int(status.partition("SigCgt:")[2].split()[0], 16)
    return [number for number in signal.valid_signals() if mask >> number - 1 & 1]


def test_no_process_is_left_after_ctrl_c(start: Start) -> None:
    process = run(start, *ENDLESS)
    wait_until(lambda: len(group(process)) >= 3)  # workers are there
    press_ctrl_c(process)
    assert end(process)[0] == 130
    wait_until(lambda: not group(process))


def test_no_process_is_left_after_a_kill(start: Start) -> None:
    process = run(start, *ENDLESS)
    wait_until(lambda: len(group(process)) >= 3)
    process.kill()
    process.communicate(timeout=HANG_S)
    wait_until(lambda: not group(process))


def test_second_ctrl_c_ends_at_once_and_the_run_can_be_resumed_all_the_same(
    asc: Asc, start: Start, tmp_path: Path, digest: str
) -> None:
    """One superstep is half the run, so that the first Ctrl-C has no effect for long."""
    for _ in range(ATTEMPTS):
        process = run(start, *PROGRAM, "--executor", "none", "--set", "recognizer.distance=4000")
        wait_for_checkpoint(process, tmp_path)
        press_ctrl_c(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
        press_ctrl_c(process)
        code, _, err = end(process)
        if code:
            break
    assert code == 130
    assert "stopped: interrupted" in err or "Resume with" in err
    resumed = parsed(asc("run", "toy", "--resume", "latest", "--json", "--quiet"))
    assert resumed["final_digest"] == digest


def test_ctrl_c_during_the_plain_run_keeps_the_result(start: Start, digest: str) -> None:
    warning = "A run to compare with was interrupted, so there are fewer pairs than were asked for."
    for _ in range(ATTEMPTS):
        process = run(start, *PROGRAM, "--executor", "none", "--compare", "--json")
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("The same again, without speculation." in line for line in lines)
        assert "starting at step 0" in next(lines)
        press_ctrl_c(process)
        code, out, _ = end(process)
        summary = json.loads(out)
        assert code == 0
        assert summary["final_digest"] == digest
        assert summary["state"] == "finished"
        assert (summary["net_speedup"] is None) is (warning in summary["warnings"])
        if warning in summary["warnings"]:
            return
    pytest.fail("the plain run was never interrupted")


@pytest.mark.parametrize("executor", ["processes", "none"])
def test_killed_at_random_moments_and_resumed(
    asc: Asc, start: Start, tmp_path: Path, digest: str, executor: str
) -> None:
    options: tuple[str, ...] = ("--executor", executor, *PROGRAM)
    for _ in range(3):
        process = run(start, *options, "--quiet")
        wait_for_checkpoint(process, tmp_path)
        for _ in range(random.randrange(30_000)):  # some moment between two checkpoints
            pass
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=HANG_S)
        options = ("--resume", "latest")
    resumed = parsed(asc("run", "toy", "--resume", "latest", "--json", "--quiet"))
    assert resumed["final_digest"] == digest
    assert resumed["position"] == STEPS
    assert resumed["resumed_from"] > 0
    (listed,) = json.loads(asc("runs", "--json").stdout)
    assert listed["state"] == "finished"


def test_a_finished_run_that_is_resumed_says_so_and_changes_nothing(asc: Asc, tmp_path: Path) -> None:
    options = ("--program", "lcg-pi", "--n", "300", "--executor", "none", "--compare", "--json", "--quiet")
    first = parsed(asc("run", "toy", *options))
    assert first["net_speedup"] is not None
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = asc("run", "toy", "--resume", "latest", "--json", "--quiet")
    assert parsed(again) == first
    assert "is finished: nothing is left to resume, and nothing was changed." in again.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert "report.html" in asc("run", "toy", "--resume", "latest").stdout


AT_IMPORT = """
import os, signal, sys

def press(event, arguments, pressed=[]):
    if event == "import" and arguments[0] == os.environ["PRESS_AT"] and not pressed:
        pressed.append(True)
        signal.raise_signal(signal.SIGINT)

sys.addaudithook(press)
"""


@pytest.mark.parametrize(
    ("module", "command"),
    [
        ("asc.cli.main", ("--version",)),
        ("rich_click", ("--version",)),
        ("asc.streams", ("study", "--help")),
        ("pydantic", ("study", "--help")),
        ("pydantic", ("run", "toy", "--n", "8")),
        ("numpy", ("run", "toy", "--n", "8")),
    ],
)
def test_ctrl_c_during_an_import_ends_quietly(
    process: Asc, tmp_path: Path, module: str, command: tuple[str, ...]
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "sitecustomize.py").write_text(AT_IMPORT)
    path = os.pathsep.join([str(tmp_path / "site"), *filter(None, [os.environ.get("PYTHONPATH")])])
    found = process(*command, PYTHONPATH=path, PRESS_AT=module)
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "\nstopped: interrupted\n")
    assert not list(tmp_path.glob("runs/*"))


IN_A_FINALISER = """
import signal, time

class Finalised:
    def __del__(self):
        signal.raise_signal(signal.SIGINT)

Finalised()
while True:  # as if the import took long
    time.sleep(0.001)
"""


def test_ctrl_c_that_python_ignores_within_a_finaliser_counts_all_the_same(process: Asc, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(IN_A_FINALISER)
    found = process("plugins", "--plugin", "p.py")
    assert (found.returncode, found.stdout, found.stderr) == (130, "", "\nstopped: interrupted\n")


SLOW_START = """
import asc
from asc.backend import Backend
from asc.config.run import JudgedConfig

class Slow(Backend):
    Config = JudgedConfig
    def computation(self, plain):
        raise KeyboardInterrupt
    def save(self, computation, folder, state): pass
    def load(self, computation, folder): pass
    def outcome(self, computation): return {}

@asc.hookimpl
def asc_register(registry):
    registry.add("backend", "slow", "p:Slow", "starts slowly")
"""


def test_ctrl_c_before_a_run_begins_leaves_no_folder(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(SLOW_START)
    found = asc("run", "slow", "--plugin", "p.py")
    assert found.returncode == 130
    assert "Traceback" not in found.stderr
    assert not list(tmp_path.glob("runs/*"))
