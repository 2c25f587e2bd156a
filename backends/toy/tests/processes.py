"""What tests ask about processes that they, or the code under test, have started."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

DEADLINE_S = 100.0  # to end a hang on a slow machine; no promise of the code


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    """Wait, and fail with a sentence where that takes too long."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def check_ends_with_its_main_process(script: str) -> None:
    """Kill a script that prints the number of its worker's process and then sleeps: the worker must end too."""
    main = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert main.stdout is not None
    try:
        pid = int(main.stdout.readline())
        assert alive(pid)
    finally:
        main.kill()
        main.wait()
        main.stdout.close()
    wait_until(lambda: not alive(pid), "the worker has outlived its main process")
