"""Ctrl-C as a terminal sends it, to the whole group of processes; kills at any moment; and going on from there."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ASC, Asc, environment, parsed

pytest.importorskip("asc_toy")

DEADLINE_S = 60.0
PROGRAM = ("--program", "lcg-pi", "--n", "12000", "--seed", "5", "--set", "checkpoint_seconds=0.05")


class Started:
    """An `asc run toy` in a process group of its own."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.folder = folder
        self.process = subprocess.Popen(
            [ASC, "run", "toy", "--out", "runs", *arguments],
            cwd=folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for_checkpoint(self) -> None:
        """Wait until there is one that was not there before."""
        before = self.checkpoints()
        self.wait_until(lambda: self.checkpoints() != before)

    def checkpoints(self) -> set[tuple[str, int]]:
        found = set()
        for path in self.folder.glob("runs/*/checkpoints/state.safetensors"):
            try:
                found.add((str(path), path.stat().st_mtime_ns))
            except FileNotFoundError:  # it is being replaced
                continue
        return found

    def wait_until(self, condition: Any) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while not condition():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < deadline, "nothing happened"
            time.sleep(0.002)

    def interrupt(self) -> None:
        """Press Ctrl-C."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        out, err = self.process.communicate(timeout=DEADLINE_S)
        assert "Traceback" not in err
        return self.process.returncode, out, err

    def group(self) -> list[int]:
        """Processes of the group that run still."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                state, _, group = stat.read_text().rpartition(")")[2].split()[:3]
            except OSError:
                continue
            if int(group) == self.process.pid and state != "Z":
                found.append(int(stat.parent.name))
        return found


@pytest.fixture(scope="module")
def digest(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the program ends, found by an uninterrupted run without speculation."""
    started = Started(tmp_path_factory.mktemp("whole"), *PROGRAM, "--no-speculation", "--json", "--quiet")
    code, out, err = started.end()
    assert code == 0, err
    found: str = json.loads(out)["final_digest"]
    return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Any]:
    every: list[Started] = []

    def begin(*arguments: str) -> Started:
        every.append(Started(tmp_path, *arguments))
        return every[-1]

    yield begin
    for started in every:
        if started.process.poll() is None:
            os.killpg(started.process.pid, signal.SIGKILL)
            started.process.communicate()


@pytest.mark.parametrize(
    "how",
    [
        ("--executor", "processes", "--workers", "2"),
        ("--executor", "threads"),
        ("--executor", "none"),
        ("--no-speculation",),
        ("--shadow",),
    ],
)
def test_ctrl_c_stops_cleanly_and_the_run_goes_on(asc: Asc, start: Any, digest: str, how: tuple[str, ...]) -> None:
    started = start(*PROGRAM, *how, "--json")
    started.wait_for_checkpoint()
    started.interrupt()
    code, out, err = started.end()
    assert code == 130
    stopped = json.loads(out)
    assert stopped["state"] == "interrupted"
    assert 0 < stopped["position"] < 12_000
    assert f"Go on with: asc run toy --resume {stopped['run_dir']}" in err
    resumed = parsed(asc("run", "toy", "--resume", stopped["run_dir"], "--json", "--quiet"))
    assert resumed["resumed_from"] == stopped["position"]
    assert resumed["final_digest"] == digest
    assert resumed["config"] == stopped["config"]
    assert resumed["shadow"] is ("--shadow" in how)
    assert (resumed["estimated_speedup"] is None) is ("--no-speculation" in how)


def test_no_process_is_left_after_ctrl_c(start: Any) -> None:
    started = start(*PROGRAM, "--n", "90000", "--executor", "processes", "--workers", "2")
    started.wait_until(lambda: len(started.group()) >= 3)  # workers are there
    started.interrupt()
    assert started.end()[0] == 130
    deadline = time.monotonic() + DEADLINE_S
    while started.group():
        assert time.monotonic() < deadline, "a worker has outlived the run"
        time.sleep(0.01)


def test_no_process_is_left_after_a_kill(start: Any) -> None:
    started = start(*PROGRAM, "--n", "90000", "--executor", "processes", "--workers", "2")
    started.wait_until(lambda: len(started.group()) >= 3)
    started.process.kill()
    started.process.communicate(timeout=DEADLINE_S)
    deadline = time.monotonic() + DEADLINE_S
    while started.group():
        assert time.monotonic() < deadline, "a worker has outlived the run"
        time.sleep(0.01)


def test_second_ctrl_c_ends_at_once_and_the_run_goes_on_all_the_same(asc: Asc, start: Any, digest: str) -> None:
    """One superstep is half the run, so that the first is not heeded for long."""
    started = start(*PROGRAM, "--executor", "none", "--set", "recognizer.distance=6000")
    started.wait_for_checkpoint()
    started.interrupt()
    with contextlib.suppress(subprocess.TimeoutExpired):
        started.process.wait(timeout=0.05)
    if started.process.poll() is None:
        started.interrupt()
    code, _, err = started.end()
    assert code == 130
    assert "stopped: interrupted" in err or "Go on with" in err
    resumed = parsed(asc("run", "toy", "--resume", "latest", "--json", "--quiet"))
    assert resumed["final_digest"] == digest


def test_ctrl_c_during_the_plain_run_keeps_the_result(start: Any, digest: str) -> None:
    started = start(*PROGRAM, "--executor", "none", "--compare", "--json")
    assert started.process.stderr is not None
    lines = iter(started.process.stderr.readline, "")
    assert any("The same again, without speculation." in line for line in lines)
    assert "starting at step 0" in next(lines)
    started.interrupt()
    code, out, _ = started.end()
    summary = json.loads(out)
    assert code == 0
    assert summary["final_digest"] == digest
    assert summary["state"] == "finished"
    assert summary["net_speedup"] is None
    assert "A run to compare with was interrupted, so there are fewer pairs than were asked for." in summary["warnings"]


@pytest.mark.parametrize("executor", ["processes", "none"])
def test_killed_at_random_moments_and_resumed(asc: Asc, start: Any, digest: str, executor: str) -> None:
    begin = ("--executor", executor, *PROGRAM)
    for _ in range(3):
        started = start(*begin, "--quiet")
        started.wait_for_checkpoint()
        for _ in range(random.randrange(30_000)):  # some moment between two checkpoints
            pass
        os.killpg(started.process.pid, signal.SIGKILL)
        started.process.communicate(timeout=DEADLINE_S)
        begin = ("--resume", "latest")
    resumed = parsed(asc("run", "toy", "--resume", "latest", "--json", "--quiet"))
    assert resumed["final_digest"] == digest
    assert resumed["position"] == 12_000
    assert resumed["resumed_from"] > 0


def test_finished_run_that_is_resumed_says_so_again(asc: Asc) -> None:
    first = parsed(asc("run", "toy", "--program", "lcg-pi", "--n", "300", "--json", "--quiet"))
    again = parsed(asc("run", "toy", "--resume", "latest", "--json", "--quiet"))
    assert again["state"] == "finished"
    assert again["final_digest"] == first["final_digest"]
    assert again["resumed_from"] == 300
