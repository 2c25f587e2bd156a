"""Processes that work for another: how they start, and that they end with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from asc.processes import Processes, restore_environment, safe_path

DEADLINE_S = 100.0
SHADOWS = ("queue", "pickle", "threading", "signal", "socket", "random", "struct", "subprocess")


@contextmanager
def processes(begin: Callable[[], object] = int) -> Iterator[Processes]:
    pool = Processes(1, begin)
    try:
        yield pool
    finally:
        pool.shutdown(wait=False)


def begin() -> None:
    os.environ["BEGUN"] = "yes"


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_ended(pid: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while alive(pid):
        assert time.monotonic() < deadline, "the process goes on"
        time.sleep(0.01)


def test_a_process_starts_with_the_environment_of_this_one_and_is_deaf_to_ctrl_c() -> None:
    with processes(begin) as pool:
        assert pool.submit(os.getenv, "BEGUN").result(DEADLINE_S) == "yes"
        assert pool.submit(os.getenv, "PYTHONSAFEPATH").result(DEADLINE_S) == os.getenv("PYTHONSAFEPATH")
        pid = pool.submit(os.getpid).result(DEADLINE_S)
        os.kill(pid, signal.SIGINT)
        assert pool.submit(os.getpid).result(DEADLINE_S) == pid


@pytest.mark.parametrize("number", [None, signal.SIGSTOP])
def test_a_shutdown_that_does_not_wait_ends_a_process_that_is_stuck_or_stopped(number: signal.Signals | None) -> None:
    with processes() as pool:
        pid = pool.submit(os.getpid).result(DEADLINE_S)
        stuck = pool.submit(time.sleep, 1e6)
        if number is not None:
            os.kill(pid, number)
    wait_until_ended(pid)
    assert stuck.exception(DEADLINE_S) is not None


@pytest.mark.parametrize("given", [None, "1"])
def test_a_user_s_own_safe_path_stays(given: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONSAFEPATH", raising=False)
    if given is not None:
        monkeypatch.setenv("PYTHONSAFEPATH", given)
    with safe_path():
        assert os.environ["PYTHONSAFEPATH"]
        restore_environment()
        assert os.environ.get("PYTHONSAFEPATH") == given
        os.environ["PYTHONSAFEPATH"] = "asc"
    assert os.environ.get("PYTHONSAFEPATH") == given


MAIN = """
import os, sys, time
if __name__ == "__main__":
    from functools import partial
    from pathlib import Path
    from asc.processes import Processes
    pool = Processes(1, finish=Path(sys.argv[1]).touch)
    print(pool.submit(os.getpid).result(), flush=True)
    pool.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_processes_start_beside_files_with_names_of_python_s_own_and_end_with_a_main_process_that_is_killed(
    tmp_path: Path,
) -> None:
    for name in SHADOWS:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('wrong ' + __name__)")
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "main.py").write_text(MAIN)
    command = [sys.executable, "main/main.py", str(tmp_path / "finished")]
    main = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert main.stdout is not None
    pid = int(main.stdout.readline())
    main.kill()
    _, told = main.communicate()
    wait_until_ended(pid)
    assert "wrong" not in told
    assert (tmp_path / "finished").exists()
