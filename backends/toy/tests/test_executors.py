"""The executors of tasks: each takes any program, and ends its workers at the end."""

from __future__ import annotations

import contextlib
import decimal
import importlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import Any, Literal, get_args

import numpy as np
import pytest
from processes import DEADLINE_S, alive, check_ends_with_its_main_process, wait_until

from asc.engine import Observer
from asc.errors import NonDeterministicStepError
from asc.plugins import load
from asc.predictors.linear import Linear
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.speculators.pool import NO_WORKERS, NoWorkersError
from asc.testing.assembly import assemble
from asc.testing.clock import Clock, Priced
from asc.types import Boundary, Candidate, Decision, Outcome, Transition
from asc_toy import accelerate
from asc_toy.ambient import ImpureError, Watch
from asc_toy.computation import ToyComputation
from asc_toy.own_loop import run_plain
from asc_toy.program import Program
from asc_toy.programs import PROGRAMS, build
from asc_toy.workers.elsewhere import pack
from asc_toy.workers.executors import Kind, pool_of, round_trip_s, uses_torch_s_threads
from asc_toy.workers.forked import Forked
from asc_toy.workers.spawned import Spawned

Workers = Literal["threads", "forked", "forked threads", "spawned"]
WORKERS: tuple[Workers, ...] = get_args(Workers)
if sys.platform in ("win32", "darwin"):
    WORKERS = ("threads", "spawned")


@contextlib.contextmanager
def workers_of(kind: Workers, program: Program) -> Iterator[tuple[Executor, ToyComputation]]:
    """Yield workers of a kind, whatever this process would choose, and the main thread's computation."""
    computation = ToyComputation(program)
    parcel = computation.parcel
    executor: Executor
    if kind == "threads":
        executor = pool_of("threads", 1, None, lambda: parcel).make()
    elif kind == "forked":
        executor = Forked(1, parcel.key)
    elif kind == "forked threads":
        executor = Forked(2, parcel.key, 2, parcel.watch.reach.names)
    else:
        executor = Spawned(1, pack(parcel))
    try:
        yield executor, computation
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def candidate(computation: ToyComputation, **words: Any) -> Candidate:
    return Candidate(0, 0, {**computation.words(), **words}, 0, "test")


def run(task: Callable[[], Any]) -> list[Transition]:
    return list(task())


def sent(executor: Executor, computation: ToyComputation, steps: int, **words: Any) -> Transition:
    task = computation.task(candidate(computation, **words), (steps,), DEADLINE_S)
    (found,) = executor.submit(run, task).result(DEADLINE_S)
    return found


def same_as_plain(computation: ToyComputation, found: Transition) -> bool:
    """Apply a transition; return whether that leads where the plain steps lead."""
    assert computation.agrees(found)
    computation.apply(found)
    expected = ToyComputation(computation.program)
    expected.advance(found.steps)
    return computation.digest() == expected.digest()


def by_table() -> Program:
    """Its step is a local function, which no other process can import."""

    def step(state: Any) -> None:
        state.x = int(state.table[state.n % 100]) + state.n
        state.n += 1

    return Program("by table", step, {"n": 5, "x": 0, "table": np.arange(100) * 3}, 100)


@pytest.mark.parametrize("kind", WORKERS)
def test_a_worker_runs_a_step_that_cannot_be_imported(kind: Workers) -> None:
    with workers_of(kind, by_table()) as (executor, computation):
        assert same_as_plain(computation, sent(executor, computation, 3))


@pytest.mark.parametrize("kind", WORKERS)
def test_what_a_step_raises_comes_back(kind: Workers) -> None:
    with workers_of(kind, by_table()) as (executor, computation):
        with pytest.raises(TypeError):
            sent(executor, computation, 1, n="text")
        assert same_as_plain(computation, sent(executor, computation, 1))


def contents(kind: type) -> dict[str, Any]:
    """Return the attributes of a class, without a note that pickling leaves."""
    return {name: value for name, value in vars(kind).items() if name != "__slotnames__"}


def of_accounts() -> Program:
    @dataclass
    class Account:
        """No other process can import it."""

        balance: int

    def step(state: Any) -> None:
        assert all(type(account) is Account for account in state.accounts)
        state.accounts[state.n % 2].balance += state.n
        state.n += 1

    return Program("accounts", step, {"n": 1, "accounts": [Account(0), Account(0)]}, 100)


@pytest.mark.parametrize("kind", WORKERS)
def test_classes_that_cannot_be_imported_stay_the_same_classes(kind: Workers) -> None:
    program = of_accounts()
    account = type(program.state["accounts"][0])
    methods = contents(account)
    with workers_of(kind, program) as (executor, computation):
        computation.advance(1, record=True)  # the accounts are changing now, so they travel with the task
        found = sent(executor, computation, 2)
        assert found.start == 0
        computation.apply(found)
        assert [type(value) for value in computation.words()["accounts"]] == [account, account]
    assert contents(account) == methods


@cache
def fibonacci(number: int) -> int:
    return number if number < 2 else fibonacci(number - 1) + fibonacci(number - 2)


@pytest.mark.parametrize("kind", WORKERS)
def test_a_step_may_call_functions_with_a_cache(kind: Workers) -> None:
    @lru_cache
    def local(number: int) -> int:
        return number if number < 2 else local(number - 1) + local(number - 2)

    def step(state: Any) -> None:
        state.x += local(state.n) - fibonacci(state.n) + state.n
        state.n += 1

    with workers_of(kind, Program("cached", step, {"n": 5, "x": 0}, 100)) as (executor, computation):
        assert same_as_plain(computation, sent(executor, computation, 3))


def with_lock() -> Program:
    lock = threading.Lock()

    def step(state: Any) -> None:
        with lock:
            state.n += 1

    return Program("with a lock", step, {"n": 5}, 100)


def test_a_copy_of_this_process_needs_no_pickle_of_the_step() -> None:
    with workers_of("forked", with_lock()) as (executor, computation):
        assert same_as_plain(computation, sent(executor, computation, 3))


def test_a_step_that_has_no_pickle_runs_without_workers_that_need_one() -> None:
    with pytest.raises(
        NoWorkersError,
        match=r"the step function cannot be sent to another process \(TypeError: cannot pickle '_thread.lock' object.*"
        "choose the executor processes, on Linux, in the main thread of a program that has no other threads",
    ):
        pack(ToyComputation(with_lock()).parcel)


class TestSurroundings:
    """What a worker has that is no copy of this process."""

    def test_settings_are_those_of_this_process(self) -> None:
        def step(state: Any) -> None:
            state.x = str(decimal.Decimal(1) / 7)

        with decimal.localcontext(prec=50), np.errstate(divide="raise"):
            for kind in WORKERS:
                with workers_of(kind, Program("precise", step, {"x": ""}, 100)) as (executor, computation):
                    found = sent(executor, computation, 1)
                    computation.apply(found)
                    assert computation.words()["x"] == str(decimal.Decimal(1) / 7)

    @pytest.mark.parametrize("kind", WORKERS)
    def test_decimal_s_flags_in_this_thread_are_its_own(self, kind: Workers) -> None:
        def step(state: Any) -> None:
            state.x = str(decimal.Decimal(1) / 7)

        with decimal.localcontext() as context:
            context.clear_flags()
            with workers_of(kind, Program("precise", step, {"x": ""}, 100)) as (executor, computation):
                sent(executor, computation, 1)
            assert not context.flags[decimal.Inexact]

    def test_a_global_that_was_set_at_run_time_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        fees = module(tmp_path, monkeypatch, "FEE = 1\ndef step(state):\n    state.x += FEE\n")
        fees.FEE = 2
        message = rf"^the workers differ from this process in `FEE`, a global of `{fees.__name__}`\. "
        with (
            workers_of("spawned", Program("fees", fees.step, {"x": 0}, 100)) as (executor, computation),
            pytest.raises(NoWorkersError, match=message),
        ):
            sent(executor, computation, 1)

    @pytest.mark.parametrize("kind", WORKERS)
    def test_a_global_that_was_set_at_run_time_is_no_trouble_elsewhere(
        self, kind: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = "FEE = 1\nOTHER = 1\ndef step(state):\n    state.x += FEE\n"
        fees = module(tmp_path, monkeypatch, source)
        setattr(fees, "FEE" if kind.startswith("forked") else "OTHER", 2)
        with workers_of(kind, Program("fees", fees.step, {"x": 0}, 100)) as (executor, computation):
            assert same_as_plain(computation, sent(executor, computation, 3))

    def test_hashes_are_compared_where_a_step_may_use_them(self) -> None:
        def step(state: Any) -> None:
            state.x = next(iter({"one", "two", "three", state.x}))

        program = Program("unordered", step, {"x": "four"}, 100)
        if os.environ.get("PYTHONHASHSEED", "random") == "random":
            with (
                workers_of("spawned", program) as (executor, computation),
                pytest.raises(
                    NoWorkersError, match=r"differ from this process in the seed of hashes \(set PYTHONHASHSEED"
                ),
            ):
                sent(executor, computation, 1)
        with workers_of("forked", program) as (executor, computation):
            assert same_as_plain(computation, sent(executor, computation, 3))


_numbers = count()


def module(folder: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> Any:
    """Import a module of a new name from source text."""
    name = f"made_for_a_test_{next(_numbers)}"
    (folder / f"{name}.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    return importlib.import_module(name)


class TestThreads:
    """They share the memory of this process, so a step that could change it gets none."""

    @pytest.mark.parametrize(
        ("step", "what"),
        [
            (
                "def step(state):\n    global N\n    N += state.n\nN = 0",
                "assigns a global",
            ),
            ("LIST = []\ndef step(state):\n    state.n += len(LIST)", r"reaches `LIST`, a global of `.*`"),
            (
                "class C:\n    x = 0\ndef step(state):\n    C.x = state.n",
                "may assign `x`, an attribute of the class `C`",
            ),
        ],
    )
    def test_step_that_could_change_this_process(
        self, step: str, what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shared = module(tmp_path, monkeypatch, step)
        message = f"the step {what}.*threads of one process share that.*choose the executor processes"
        with (
            pytest.raises(NoWorkersError, match=message),
            workers_of("threads", Program("s", shared.step, {"n": 0}, 9)),
        ):
            pass

    def test_a_change_of_this_process_that_only_running_shows_is_refused_at_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing is leapt over, so nothing else compares; the first step changes nothing."""
        source = """
def tally(value):
    tally.total = getattr(tally, "total", 0) + value
def step(state):
    state.n += 1
    if state.n > 3:
        tally(state.n)
"""
        program = Program("tallying", module(tmp_path, monkeypatch, source).step, {"n": 0}, 10)
        with workers_of("threads", program) as (executor, computation):
            computation.begin()
            sent(executor, computation, 1)
            with pytest.raises(NonDeterministicStepError, match=r"Up to position 10, the step changes `tally.total`"):
                computation.advance(9)

    def test_the_name_of_a_thread_is_not_asked(self) -> None:
        def step(state: Any) -> None:
            state.name = threading.current_thread().name

        with workers_of("threads", Program("asking", step, {"name": ""}, 9)) as (executor, computation):
            with pytest.raises(ImpureError, match=r"calls threading\.current_thread"):
                sent(executor, computation, 1)
            computation.advance(1)
            assert computation.words() == {"name": "MainThread"}

    def test_a_step_that_reads_what_nothing_can_change_gets_threads(self) -> None:
        def step(state: Any) -> None:
            state.n += DEADLINE_S

        with workers_of("threads", Program("reads", step, {"n": 0.0}, 9)) as (executor, computation):
            assert same_as_plain(computation, sent(executor, computation, 3))


def endless() -> Program:
    """Its step is a local function, so that workers need not import this file."""

    def step(state: Any) -> None:
        while state.n:
            pass

    return Program("endless", step, {"n": 1}, 10)


class TestThreadsEnd:
    """No thread can be ended from outside."""

    def test_calls_that_have_not_begun_are_cancelled_and_no_call_is_taken_any_more(self) -> None:
        with workers_of("threads", by_table()) as (executor, _):
            begun, go = threading.Event(), threading.Event()
            first, second = executor.submit(lambda: (begun.set(), go.wait(DEADLINE_S))), executor.submit(int)
            begun.wait(DEADLINE_S)
        assert second.cancelled()
        with pytest.raises(RuntimeError, match="the workers were let go"):
            executor.submit(int)
        go.set()
        assert first.result(DEADLINE_S) == (None, True)

    def test_a_shutdown_that_waits_runs_what_is_left(self) -> None:
        parcel = ToyComputation(by_table()).parcel
        executor = pool_of("threads", 2, None, lambda: parcel).make()
        futures = [executor.submit(abs, -number) for number in range(9)]
        executor.shutdown(wait=True)
        assert [future.result(0) for future in futures] == list(range(9))

    def test_where_the_system_has_no_further_thread_the_others_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        parcel, start, begun = ToyComputation(by_table()).parcel, threading.Thread.start, list[threading.Thread]()

        def few(thread: threading.Thread) -> None:
            if begun:
                raise RuntimeError("can't start new thread")
            begun.append(thread)
            start(thread)

        monkeypatch.setattr(threading.Thread, "start", few)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            pool_of("threads", 2, None, lambda: parcel).make()
        begun[0].join(DEADLINE_S)
        assert not begun[0].is_alive()


STUCK = """
import os, sys, threading, time
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.workers.executors import pool_of
def step(state): pass
if sys.argv[1] == "spawned":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
parcel = ToyComputation(Program("idle", step, {"n": 0}, 9)).parcel
executor = pool_of("threads" if sys.argv[1] == "threads" else "processes", 1, None, lambda: parcel).make()
stuck = executor.submit(time.sleep, 1e6)
while not stuck.running():
    time.sleep(0.001)
executor.shutdown(wait=False, cancel_futures=True)
print("over", type(executor).__name__)
"""


@pytest.mark.parametrize("kind", [kind for kind in WORKERS if kind != "forked threads"])
def test_a_worker_that_is_stuck_does_not_keep_the_process_from_its_end(kind: Workers, tmp_path: Path) -> None:
    """Nor do files in the current folder that have names of Python's own."""
    for name in ("queue", "pickle", "logging", "socket", "random"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('wrong ' + __name__)")
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / "main.py").write_text(STUCK)
    done = subprocess.run(
        [sys.executable, "main/main.py", kind],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, f"over {kind.title()}\n", "")


class TestSpawned:
    """Processes that start afresh; those that are copies have tests of their own."""

    def test_a_call_that_has_no_pickle_is_an_error_of_its_own(self) -> None:
        with workers_of("spawned", by_table()) as (executor, computation):
            assert executor.submit(abs, lambda: None).exception(DEADLINE_S) is not None
            assert sent(executor, computation, 1) is not None

    def test_shutdown_ends_workers_that_are_stuck(self) -> None:
        with workers_of("spawned", endless()) as (executor, computation):
            pid = executor.submit(os.getpid).result(DEADLINE_S)
            stuck = executor.submit(run, computation.task(candidate(computation), (1,), None))
            wait_until(lambda: stuck.running() or stuck.done(), "the task did not start")
            assert not stuck.done(), stuck.exception()
        wait_until(lambda: not alive(pid), "the worker goes on")

    def test_worker_leaves_ctrl_c_to_the_main_process(self) -> None:
        with workers_of("spawned", by_table()) as (executor, computation):
            pid = executor.submit(os.getpid).result(DEADLINE_S)
            os.kill(pid, signal.SIGINT)
            assert sent(executor, computation, 1) is not None
            assert executor.submit(os.getpid).result(DEADLINE_S) == pid

    @pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it shows what a process blocks on Linux only")
    def test_worker_is_deaf_to_ctrl_c_before_it_can_ignore_it(self) -> None:
        """From the moment of its start, while it imports what it needs, it would end with a traceback."""
        with workers_of("spawned", by_table()) as (executor, _):
            pid = executor.submit(os.getpid).result(DEADLINE_S)
            status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
            assert int(status["SigBlk"], 16) & 1 << signal.SIGINT - 1
        assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])

    def test_killed_worker_breaks_the_pool_in_a_way_that_is_recognised(self) -> None:
        with workers_of("spawned", endless()) as (executor, computation):
            pid = executor.submit(os.getpid).result(DEADLINE_S)
            stuck = executor.submit(run, computation.task(candidate(computation), (1,), None))
            wait_until(lambda: stuck.running() or stuck.done(), "the task did not start")
            assert not stuck.done(), stuck.exception()
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(BrokenExecutor):
                stuck.result(DEADLINE_S)


ORPHANS = """
import os, sys, time
from asc_toy import accelerate
from asc_toy.ambient import ImpureError, Watch
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.workers.elsewhere import pack
from asc_toy.workers.spawned import Spawned
def step(state): pass
executor = Spawned(1, pack(ToyComputation(Program("idle", step, {"n": 0}, 9)).parcel))
print(executor.submit(os.getpid).result(), flush=True)
time.sleep(600)
"""


def test_workers_end_with_a_main_process_that_is_killed() -> None:
    check_ends_with_its_main_process(ORPHANS)


class TestChoice:
    """Which workers a run gets."""

    def test_no_workers(self) -> None:
        assert pool_of("none", 3, None, no_parcel) is NO_WORKERS
        assert pool_of("processes", 0, None, no_parcel) is NO_WORKERS

    @pytest.mark.parametrize(("safe", "kind"), [(True, Forked), (False, Spawned)])
    def test_this_process_is_copied_where_that_is_safe(
        self, safe: bool, kind: type[Executor], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if safe and "forked" not in WORKERS:
            pytest.skip("no copies of a process there")
        monkeypatch.setattr("asc_toy.workers.executors.forks_safely", lambda: safe)
        parcel = ToyComputation(by_table()).parcel
        pool = pool_of("processes", 1, None, lambda: parcel)
        assert pool.inline
        executor = pool.make()
        executor.shutdown()
        assert type(executor) is kind

    def test_of_processes_with_threads_workers_are_the_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        if "forked" not in WORKERS:
            pytest.skip("no copies of a process there")
        monkeypatch.setattr(
            "asc_toy.workers.executors.forks_safely", lambda: True
        )  # a test runner's thread has no lock
        parcel = ToyComputation(by_table()).parcel
        pool = pool_of("processes", 5, None, lambda: parcel, threads=3)
        executor = pool.make()
        try:
            assert {executor.submit(os.getpid).result(DEADLINE_S) for _ in range(50)}
            assert isinstance(executor, Forked)
            assert (pool.workers, pool.warm_ups, len(executor._workers)) == (5, 2, 2)
        finally:
            executor.shutdown()

    def test_steps_that_wait_run_in_the_threads_of_processes(self) -> None:
        def step(state: Any) -> None:
            time.sleep(0.002)
            state.n += 3

        config = {"executor": "processes", "workers": 6, "threads": 3}
        assert accelerate(step, {"n": 0}, 200, config).state == {"n": 600}

    def test_processes_have_no_threads_where_a_step_could_change_what_threads_share(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "asc_toy.workers.executors.forks_safely", lambda: True
        )  # a test runner's thread has no lock
        step = module(tmp_path, monkeypatch, "def step(state):\n    global x\n    x = state.n").step
        parcel = ToyComputation(Program("s", step, {"n": 0}, 9)).parcel
        message = "the step assigns a global.*threads of one process share that.*processes of one thread each"
        with pytest.raises(NoWorkersError, match=message):
            pool_of("processes", 4, None, lambda: parcel, threads=2).make()
        pool_of("processes", 1, None, lambda: parcel).make().shutdown()

    def test_processes_that_start_afresh_have_no_threads(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("asc_toy.workers.executors.forks_safely", lambda: False)
        parcel = ToyComputation(by_table()).parcel
        with pytest.raises(NoWorkersError, match=r"have several threads only where they are copies.*or threads=1$"):
            pool_of("processes", 4, None, lambda: parcel, threads=2).make()

    def test_this_process_is_not_copied_where_the_step_computes_in_torch_s_threads(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        torch = ModuleType("torch")
        torch.get_num_threads = lambda: 2  # type: ignore[attr-defined]
        torch.double = lambda number: 2 * number  # type: ignore[attr-defined]

        def step(state: Any) -> None:
            state.n = torch.double(state.n)

        inside, outside = Watch([step]), Watch([by_table().step])
        monkeypatch.setitem(sys.modules, "torch", torch)
        assert uses_torch_s_threads(inside)
        assert not uses_torch_s_threads(outside)

    def test_a_daemonic_process_gets_no_workers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(multiprocessing.process.current_process()._config, "daemon", True)  # type: ignore[attr-defined]
        parcel = ToyComputation(by_table()).parcel
        with pytest.raises(NoWorkersError, match=r"a worker of multiprocessing .* which may have no children"):
            pool_of("processes", 1, None, lambda: parcel).make()

    def test_every_kind_has_its_price(self) -> None:
        kinds: tuple[Kind, ...] = get_args(Kind)
        assert all(round_trip_s(kind) > 0 for kind in kinds)

    def test_a_pool_makes_a_new_executor_each_time(self) -> None:
        parcel = ToyComputation(by_table()).parcel
        pool = pool_of("threads", 1, None, lambda: parcel)
        one, other = pool.make(), pool.make()
        assert one is not other
        for executor in (one, other):
            executor.shutdown()


def no_parcel() -> Any:
    raise AssertionError("nothing is sent where there are no workers")


def collatz(state: Any) -> None:
    """From a predicted n below 1 this does not end."""
    x = state.n
    while x != 1:
        x = 3 * x + 1 if x & 1 else x >> 1
    state.n = state.n + 40 if state.n < 60 else state.n - 60


class Kept(Observer):
    """Keeps all decisions."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def boundary(self, boundary: Boundary) -> None:
        self.decisions += boundary.decisions


def test_candidate_from_which_a_step_never_ends_is_rejected_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The straight line through 61 and 1 leads below 1."""
    monkeypatch.setattr("asc.speculators.executed.tasks._LEAST_LIMIT", 0.02)
    monkeypatch.setattr("asc.speculators.executed.tasks._PATIENCE", 1)
    program, kept, clock = Program("collatz", collatz, {"n": 61}, 60), Kept(), Clock()
    engine = assemble(
        Priced(ToyComputation(program, round_trip_s=0.0), clock, {"step": 1e-3}),
        {"linear": Linear()},
        every=1,
        scheduler=ExecutedScheduler.Config(overdraft=1e9, memoise=False),
        observer=kept,
        clock=clock,
    )
    engine.run()
    engine.speculator.close()
    assert engine.computation.digest() == run_plain(program)[1]
    late = [decision for decision in kept.decisions if "did not end within" in decision.reason]
    assert late
    assert all(decision.outcome is Outcome.REJECTED for decision in late)


def test_the_reason_of_a_rejection_is_the_worker_s_own() -> None:
    def step(state: Any) -> None:
        state.n += 1
        if state.n > 50:
            time.monotonic()

    program, kept, clock = Program("clock", step, {"n": 0}, 200), Kept(), Clock()
    engine = assemble(
        Priced(ToyComputation(program, round_trip_s=0.0), clock, {"step": 1e-3}),
        {"linear": Linear()},
        every=1,
        scheduler=ExecutedScheduler.Config(overdraft=1e9, memoise=False),
        observer=kept,
        clock=clock,
    )
    engine.run()
    engine.speculator.close()
    assert engine.computation.digest() == run_plain(program)[1]
    reasons = {decision.reason for decision in kept.decisions if decision.outcome is Outcome.REJECTED}
    assert any("calls time.monotonic (test_executors.py, line " in reason for reason in reasons), reasons


SIZES = {"matrix-rows": 40, "list-ordered": 3, "list-shuffled": 3, "collatz-memo": 12, "collatz": 900, "lexer": 60}
PREDICTORS = ["last-value", "mean", "linear", "quadratic", "polynomial", "logistic", "affine", "memory", "ensemble"]
LEAPT = {
    "collatz": "linear",
    "collatz-count": "linear",
    "list-ordered": "linear",
    "list-shuffled": "memory",
    "matrix-rows": "linear",
    "lcg-pi": "affine",
    "logistic": "memory",
}


@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_with_every_predictor(name: str, predictor: str) -> None:
    """Results arrive at once, so every right candidate becomes a leap. Take the digest first, then check it.

    Time passes only with steps, so that the machine decides nothing.
    """
    n, seed, draw = SIZES.get(name, 150), random.randrange(1000), random.Random()
    program = build(name, n, seed)
    found, clock = load().registry.create("predictor", predictor, {}), Clock()
    engine = assemble(
        Priced(ToyComputation(program, round_trip_s=0.0), clock, {"step": 1e-3}),
        {predictor: found},
        every=draw.choice([1, 2, 3]),
        workers=draw.choice([1, 3]),
        scheduler=ExecutedScheduler.Config(overdraft=1e9, memoise=draw.random() < 0.3),
        clock=clock,
    )
    engine.run()
    engine.speculator.close()
    digest = engine.computation.digest()
    assert digest == run_plain(build(name, n, seed))[1], f"n={n} seed={seed}"
    if LEAPT.get(name) == predictor:
        assert engine.ledger.skipped > 0
