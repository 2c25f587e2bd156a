"""Programs that are started in every way that Python knows: exact, side effects happen once, no process is left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from processes import DEADLINE_S, wait_until

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="it looks for processes in /proc")

STEPS = 600

WORK = """
def work(n):
    x = n
    for _ in range(2000):
        x = (x * 1103515245 + 12345) % 2147483648
    return x & 255
"""
exec(WORK)
TOTAL = sum(work(n) for n in range(STEPS))  # type: ignore[name-defined]  # noqa: F821 -- made by exec

STEP = f"""
{WORK}
def step(state):
    state.add("total", work(state.n))
    state.n += 1
"""

LINES = "state.add('total', work(state.n)); state.n += 1"

CALL = f"""
config = {{"executor": EXECUTOR, "workers": 1, "scheduler": {{"overdraft": 1e6, "memoise": False}}}}
result = accelerate(step, {{"n": 0, "total": 0}}, {STEPS}, config)
print("TOTAL", result.state["total"], "SENT", result.summary["outcomes"].get("sent to a worker", 0))
print("REPORT", result.summary["reason"], flush=True)
"""
"""An overdraft without bounds speculates whatever it costs."""


AT_ONCE = """
import asc_toy.backend
def pool_of(*arguments, made=asc_toy.backend.pool_of):
    return made(*arguments)._replace(background=False, start_s=0.0)
asc_toy.backend.pool_of = pool_of
"""
"""Waits until the workers have started, which may take longer than the run."""


def script(executor: str = "processes", step: str = STEP, before: str = "") -> str:
    return f"""
print("BEGUN", flush=True)
from asc_toy import accelerate
{AT_ONCE}
EXECUTOR = {executor!r}
{before}
{step}
{CALL}
"""


class Ended(NamedTuple):
    """What a program has shown."""

    output: str
    errors: str

    @property
    def begun(self) -> int:
        return self.output.count("BEGUN")

    @property
    def totals(self) -> list[int]:
        return [int(found) for found in re.findall(r"TOTAL (\d+)", self.output)]

    @property
    def sent(self) -> int:
        return sum(int(found) for found in re.findall(r"SENT (\d+)", self.output))

    @property
    def report(self) -> str:
        return "\n".join(re.findall(r"REPORT (.*)", self.output))


def processes_of(mark: str) -> list[str]:
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and mark.encode() in (folder / "environ").read_bytes():
                found.append((folder / "cmdline").read_text())
        except OSError:
            pass
    return found


def workers_of(mark: str) -> list[str]:
    """Return processes beside a kernel, and beside the one in which multiprocessing notes shared memory to free."""
    return [line for line in processes_of(mark) if "ipykernel" not in line and "resource_tracker" not in line]


Start = Callable[..., Ended]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Run Python to its end, and see to it that no process of its is left."""
    mark = f"ASC_TEST_MARK={uuid.uuid4().hex}"
    name, value = mark.split("=")

    def start(*arguments: str, given: str | None = None) -> Ended:
        done = subprocess.run(
            [sys.executable, *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            cwd=tmp_path,
            env={**os.environ, name: value},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return Ended(done.stdout, done.stderr)

    yield start
    wait_until(lambda: not processes_of(mark), "a process is left")


def write(folder: Path, source: str, name: str = "program.py") -> str:
    (folder / name).write_text(source, encoding="utf-8")
    return name


def exact(ended: Ended) -> bool:
    """Whether a program ran once, to the right end, and quietly."""
    return (ended.begun, ended.totals, ended.errors) == (1, [TOTAL], "")


class TestScripts:
    @pytest.mark.parametrize("executor", ["processes", "dask"])
    def test_a_script_without_a_guard_runs_once(self, executor: str, start: Start, tmp_path: Path) -> None:
        if executor == "dask":
            pytest.importorskip("distributed")
        ended = start(write(tmp_path, script(executor)))
        assert exact(ended)
        assert ended.sent

    def test_a_command(self, start: Start) -> None:
        ended = start("-c", script())
        assert exact(ended)
        assert ended.sent

    def test_standard_input(self, start: Start) -> None:
        ended = start("-", given=script())
        assert exact(ended)
        assert ended.sent

    def test_a_module(self, start: Start, tmp_path: Path) -> None:
        write(tmp_path, script())
        ended = start("-m", "program")
        assert exact(ended)
        assert ended.sent

    def test_what_waits_in_a_buffer_is_written_once(self, start: Start, tmp_path: Path) -> None:
        before = "import sys; sys.stdout.write('once'); out = open('kept', 'w'); out.write('once')"
        ended = start(write(tmp_path, script(before=before)))
        assert exact(ended)
        assert ended.output.count("once") == 1
        assert (tmp_path / "kept").read_text() == "once"

    def test_what_runs_at_exit_runs_once(self, start: Start, tmp_path: Path) -> None:
        ended = start(write(tmp_path, script(before="import atexit; atexit.register(print, 'GOODBYE')")))
        assert exact(ended)
        assert ended.output.count("GOODBYE") == 1


THREAD = "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()"
"""With a thread of its own, a process is not copied, so its workers start afresh."""


class TestFreshWorkers:
    def test_a_script_without_a_guard_runs_once(self, start: Start, tmp_path: Path) -> None:
        ended = start(write(tmp_path, script(before=THREAD)))
        assert exact(ended)
        assert ended.sent

    def test_a_thread_that_is_not_the_main_one(self, start: Start, tmp_path: Path) -> None:
        call = "def call():\n" + indented(CALL)
        run = "import threading; one = threading.Thread(target=call); one.start(); one.join()"
        source = script().replace(CALL, f"{call}\n{run}")
        ended = start(write(tmp_path, source))
        assert exact(ended)
        assert ended.sent

    def test_a_global_that_was_set_at_run_time(self, start: Start, tmp_path: Path) -> None:
        """It matters every hundredth step only, so no leap at the start would show it."""
        write(tmp_path, FEES, "fees.py")
        source = script(before=f"{THREAD}\nimport fees; fees.FEE = 3", step="from fees import step")
        ended = start(write(tmp_path, source))
        assert (ended.begun, ended.totals) == (1, [TOTAL + 3 * STEPS // 100])
        assert "the workers differ from this process in `FEE`, a global of `fees`" in ended.report


FEES = f"""
{WORK}
FEE = 0
def step(state):
    state.add("total", work(state.n) + (FEE if state.n % 100 == 0 else 0))
    state.n += 1
"""


def test_a_global_of_a_module_that_was_set_at_run_time(start: Start, tmp_path: Path) -> None:
    write(tmp_path, FEES, "fees.py")
    ended = start(write(tmp_path, script(before="import fees; fees.FEE = 3", step="from fees import step")))
    assert (ended.begun, ended.totals) == (1, [TOTAL + 3 * STEPS // 100])
    assert ended.sent


class TestSteps:
    """What a step may hold that has no pickle."""

    @pytest.mark.parametrize(
        "step",
        [
            f"import threading\nlock = threading.Lock()\n{WORK}\ndef step(state):\n    with lock:\n        {LINES}",
            f"from functools import lru_cache\n@lru_cache{WORK}\ndef step(state):\n    {LINES}",
            f"{WORK}\nstep = lambda state: [state.add('total', work(state.n)), state.add('n', 1)] and None",
        ],
        ids=["a lock", "a cache", "a lambda"],
    )
    def test_runs_with_workers(self, step: str, start: Start, tmp_path: Path) -> None:
        ended = start(write(tmp_path, script(step=step)))
        assert exact(ended)
        assert ended.sent

    def test_an_open_file_is_named(self, start: Start, tmp_path: Path) -> None:
        step = STEP.replace("    state.n += 1", "    state.n += 1 + 0 * out.fileno()")
        ended = start(write(tmp_path, script(before="out = open('out', 'w')", step=step)))
        assert (ended.begun, ended.totals) == (1, [TOTAL])
        assert not ended.sent
        assert "`out`, a global of the main program" in ended.report
        assert "an open file" in ended.report


CHILD = """
import multiprocessing, sys
{step}
def target():
    print("BEGUN", flush=True)
    from asc_toy import accelerate
    {at_once}
    EXECUTOR = "processes"
    {thread}
{call}
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    child = context.Process(target=target, daemon=sys.argv[2] == "daemon")
    child.start()
    child.join()
    assert child.exitcode == 0
"""


def child_script(thread: str = "") -> str:
    return CHILD.format(step=STEP, thread=thread, call=indented(CALL), at_once=indented(AT_ONCE))


def indented(source: str) -> str:
    return textwrap.indent(source, "    ")


class TestChildrenOfMultiprocessing:
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_a_child_has_workers(self, method: str, start: Start, tmp_path: Path) -> None:
        ended = start(write(tmp_path, child_script()), method, "")
        assert exact(ended)
        assert ended.sent

    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_a_daemonic_child_does_without(self, method: str, start: Start, tmp_path: Path) -> None:
        ended = start(write(tmp_path, child_script()), method, "daemon")
        assert exact(ended)
        assert not ended.sent
        assert "this process is itself a worker of multiprocessing (a daemonic process)" in ended.report

    @pytest.mark.parametrize("method", ["spawn", "forkserver"])
    def test_a_child_has_fresh_workers(self, method: str, start: Start, tmp_path: Path) -> None:
        """They cannot import its main module, which multiprocessing calls `__mp_main__`."""
        ended = start(write(tmp_path, child_script(thread=THREAD)), method, "")
        assert exact(ended)
        assert ended.sent


DATACLASS = f"""
from dataclasses import dataclass
{WORK}
@dataclass
class Tally:
    total: int = 0
def step(state):
    state.tally.total += work(state.n)
    state.add("total", work(state.n))
    state.n += 1
"""


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # jupyter's own affair
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its kernel has threads, so its workers start afresh; they know the classes of its cells."""
    kernelspec = pytest.importorskip("ipykernel.kernelspec")
    manager = pytest.importorskip("jupyter_client.manager")
    specification = pytest.importorskip("jupyter_client.kernelspec").KernelSpec(**kernelspec.get_kernel_dict())

    class ThisPython(manager.KernelManager):  # type: ignore[misc,name-defined]  # jupyter ships no types
        @property
        def kernel_spec(self) -> object:
            return specification

    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))  # not the settings of this machine's user
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    name, value = "ASC_TEST_MARK", uuid.uuid4().hex
    call = CALL.replace('"total": 0}', '"total": 0, "tally": Tally()}') + "assert result.state['tally'].total"
    cells = [f"from asc_toy import accelerate\n{AT_ONCE}\nEXECUTOR = 'processes'", DATACLASS, call]
    shown: list[str] = []

    def show(message: dict[str, Any]) -> None:
        shown.append(str(message["content"].get("text") or message["content"].get("traceback") or ""))

    kernel = ThisPython()
    kernel.start_kernel(env={**os.environ, name: value}, cwd=str(tmp_path))
    client = kernel.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=DEADLINE_S)
        for cell in cells:
            answer = client.execute_interactive(cell, timeout=DEADLINE_S, output_hook=show)
            assert answer["content"]["status"] == "ok", shown
        wait_until(lambda: len(workers_of(value)) == 0, "a worker is left")
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    ended = Ended("".join(shown), "")
    assert ended.totals == [TOTAL]
    assert ended.sent, ended.report
