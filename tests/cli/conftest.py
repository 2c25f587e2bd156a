from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import site
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from asc.cli.main import call

ASC = str(Path(sys.executable).with_name("asc"))
HANG_S = 250.0
"""Seconds after which a process is taken to hang, many times what any of them needs."""

Asc = Callable[..., subprocess.CompletedProcess[str]]


def environment(**extra: str) -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200", "PYTHONWARNINGS": "error", **extra}


@pytest.fixture
def process(tmp_path: Path) -> Asc:
    """Run `asc` as a user does, in an empty folder and a process of its own."""

    def run(*arguments: str, preexec_fn: Callable[[], object] | None = None, **extra: str) -> Any:
        return subprocess.run(
            [ASC, *arguments],
            cwd=tmp_path,
            env=environment(**extra),
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
            preexec_fn=preexec_fn,
        )

    return run


@pytest.fixture
def asc(tmp_path: Path, process: Asc) -> Asc:
    """Run `asc` in an empty folder, within this process, whose start takes longer than most commands.

    Variables of the interpreter, such as PYTHONPATH, need a process of its own, and get one.
    """

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        if any(name.startswith("PYTHON") for name in extra):
            return process(*arguments, **extra)
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            patch.chdir(tmp_path)
            patch.setattr(sys, "argv", ["asc", *arguments])
            for name, value in {"COLUMNS": "200", **extra}.items():
                patch.setenv(name, value)
            code = call(arguments)
        return subprocess.CompletedProcess(arguments, code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start `asc` in a process group of its own, as a terminal does; what still runs at the end is killed."""
    every: list[subprocess.Popen[str]] = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it, and so do children

    def begin(*arguments: str) -> subprocess.Popen[str]:
        every.append(
            subprocess.Popen(
                [ASC, *arguments],
                cwd=tmp_path,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return every[-1]

    yield begin
    signal.signal(signal.SIGINT, before)
    for process in every:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def press_ctrl_c(process: subprocess.Popen[str]) -> None:
    """Send what a terminal sends, to the whole group of processes, if it is still there."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGINT)


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for a condition; fail where it hangs."""
    deadline = time.monotonic() + HANG_S
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.002)


def parsed(found: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert found.returncode == 0, found.stderr
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def one_sentence(found: subprocess.CompletedProcess[str], *parts: str) -> None:
    """What went wrong is said once, on standard error, without a traceback."""
    assert found.returncode in (1, 2)
    assert found.stdout == ""
    assert "Traceback" not in found.stderr
    for part in parts:
        assert part in found.stderr


def make_environment(folder: Path) -> Path:
    """Make a virtual environment of its own that sees the packages of this one; return its Python."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    paths = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
    seen = {*site.getsitepackages(), sysconfig.get_path("purelib")}
    lines = [f"import site; site.addsitedir({path!r})" for path in sorted(seen)]
    (Path(paths) / "seen.pth").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return python
