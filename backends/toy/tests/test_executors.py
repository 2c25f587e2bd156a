"""The executors of tasks: each takes any program, and ends its workers at the end."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asc.engine import Observer
from asc.errors import AscError
from asc.plugins import load
from asc.predictors.linear import Linear
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc.testing.assembly import assemble
from asc.types import Boundary, Candidate, Decision, Outcome, Transition
from asc_toy.computation import ToyComputation, run_plain
from asc_toy.program import Program
from asc_toy.programs import PROGRAMS, build
from asc_toy.workers.executors import ROUND_TRIP_S, START_S, Kind, executor_factory
from asc_toy.workers.worker import Parcel

DEADLINE_S = 60.0  # for a slow machine; no promise of the code
LARGE = 20_000  # elements, so that the program is installed and does not travel with every task


def large_program() -> Program:
    """Its step is a local function, which no other process can import."""

    def step(state: Any) -> None:
        state.x = int(state.table[state.n % LARGE]) + state.n
        state.n += 1

    return Program("large", step, {"n": 5, "x": 0, "table": np.arange(LARGE) * 3}, 100)


def wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.01)


@contextlib.contextmanager
def pool_of(kind: Kind, program: Program, workers: int = 1) -> Iterator[tuple[Executor, ToyComputation]]:
    computation = ToyComputation(program)
    pool = executor_factory(kind, workers, None, computation.parcel)()
    try:
        yield pool, computation
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def sent(pool: Executor, computation: ToyComputation, steps: int, **words: Any) -> Transition | None:
    candidate = Candidate(0, 0, {**computation.words(), **words}, 0, "test")
    found: Transition | None = pool.submit(computation.task(candidate, steps, DEADLINE_S)).result(DEADLINE_S)
    return found


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_worker_runs_a_program_that_does_not_travel(kind: Kind) -> None:
    program = large_program()
    assert not ToyComputation(program).parcel.for_task().pickle
    with pool_of(kind, program) as (pool, computation):
        found = sent(pool, computation, 3)
        assert found is not None
        assert computation.agrees(found)
        computation.apply(found)
    expected = ToyComputation(program)
    expected.advance(3)
    assert computation.digest() == expected.digest()


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_what_a_step_raises_comes_back(kind: Kind) -> None:
    with pool_of(kind, large_program()) as (pool, computation):
        with pytest.raises(TypeError):
            sent(pool, computation, 1, n="text")
        assert sent(pool, computation, 1) is not None


@pytest.mark.filterwarnings("ignore::ResourceWarning")  # Dask probes for ports and leaves the sockets to the collector
def test_dask_worker_runs_a_program_that_does_not_travel() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        computation = ToyComputation(large_program())
        make = executor_factory("dask", 1, cluster.scheduler_address, computation.parcel)
        pool = make()
        try:
            found = sent(pool, computation, 3)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        assert found is not None
        assert computation.agrees(found)
        assert found.effect.words == {"n": 8, "x": 3 * 7 + 7}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_dask_starts_a_cluster_where_no_address_is_given() -> None:
    pytest.importorskip("distributed")
    with pool_of("dask", large_program()) as (pool, computation):
        found = sent(pool, computation, 3)
        assert found is not None
        assert computation.agrees(found)


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_missing_dask_scheduler_is_reported() -> None:
    pytest.importorskip("distributed")
    make = executor_factory("dask", 1, "nonsense://nowhere:1", Parcel("key", b""))
    with pytest.raises(
        AscError,
        match=r"No Dask scheduler answers at 'nonsense://nowhere:1' .* give its address as --dask tcp://HOST:PORT",
    ):
        make()


def test_missing_dask_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "asc_toy.workers.dask_pool", raising=False)
    make = executor_factory("dask", 1, None, Parcel("key", b""))
    with pytest.raises(AscError, match=r"needs the package distributed. Install it: pip install 'asc-toy\[dask\]'"):
        make()


def test_unknown_executor_is_reported() -> None:
    unknown: Any = "cloud"
    with pytest.raises(AscError, match=r"There is no executor 'cloud'; choose threads, processes or dask."):
        executor_factory(unknown, 1, None, Parcel("key", b""))


def test_every_kind_has_its_prices() -> None:
    assert ROUND_TRIP_S.keys() == START_S.keys() == {"none", "threads", "processes", "dask"}


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be noticed does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def endless() -> Program:
    """Its step is a local function, so that workers need not import this file."""

    def step(state: Any) -> None:
        while state.n:
            pass

    return Program("endless", step, {"n": 1}, 10)


def test_shutdown_ends_workers_that_are_stuck() -> None:
    with pool_of("processes", endless()) as (pool, computation):
        pid = pool.submit(os.getpid).result(DEADLINE_S)
        candidate = Candidate(0, 0, {"n": 1}, 0, "test")
        stuck = pool.submit(computation.task(candidate, 1, None))
        wait_until(lambda: stuck.running() or stuck.done(), "the task did not start")
        assert not stuck.done(), stuck.exception()
    wait_until(lambda: not alive(pid), "the worker goes on")


def test_worker_leaves_ctrl_c_to_the_main_process() -> None:
    with pool_of("processes", large_program()) as (pool, computation):
        pid = pool.submit(os.getpid).result(DEADLINE_S)
        os.kill(pid, signal.SIGINT)
        assert sent(pool, computation, 1) is not None
        assert pool.submit(os.getpid).result(DEADLINE_S) == pid


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="it shows what a process blocks on Linux only")
def test_worker_is_deaf_to_ctrl_c_before_it_can_ignore_it() -> None:
    """From the moment of its start, while it imports what it needs, it would end with a traceback."""
    with pool_of("processes", large_program()) as (pool, _):
        pid = pool.submit(os.getpid).result(DEADLINE_S)
        status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        assert int(status["SigBlk"], 16) & 1 << signal.SIGINT - 1
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_killed_worker_breaks_the_pool_in_a_way_that_is_recognised() -> None:
    with pool_of("processes", endless()) as (pool, computation):
        pid = pool.submit(os.getpid).result(DEADLINE_S)
        stuck = pool.submit(computation.task(Candidate(0, 0, {"n": 1}, 0, "test"), 1, None))
        wait_until(lambda: stuck.running() or stuck.done(), "the task did not start")
        assert not stuck.done(), stuck.exception()
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(BrokenExecutor):
            stuck.result(DEADLINE_S)


ORPHANS = """
import os, sys, time
from asc_toy.workers.executors import executor_factory
from asc_toy.workers.worker import Parcel
pool = executor_factory("processes", 1, None, Parcel("key", b""))()
print(pool.submit(os.getpid).result(), flush=True)
time.sleep(600)
"""


def test_workers_end_with_a_main_process_that_is_killed() -> None:
    main = subprocess.Popen([sys.executable, "-c", ORPHANS], stdout=subprocess.PIPE, text=True)
    assert main.stdout is not None
    try:
        pid = int(main.stdout.readline())
        assert alive(pid)
    finally:
        main.kill()
        main.wait()
        main.stdout.close()
    wait_until(lambda: not alive(pid), "the worker has outlived its main process")


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
    program, kept = Program("collatz", collatz, {"n": 61}, 60), Kept()
    engine = assemble(
        ToyComputation(program),
        {"linear": Linear()},
        every=1,
        scheduler=ExecutedScheduler.Config(overdraft=1e9, memoise=False),
        observer=kept,
    )
    engine.run()
    engine.speculator.close()
    assert engine.computation.digest() == run_plain(program)[1]
    late = [decision for decision in kept.decisions if "did not end within" in decision.reason]
    assert late
    assert all(decision.outcome is Outcome.REJECTED for decision in late)


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
    """Results arrive at once, so every right candidate becomes a leap. Take the digest first, then check it."""
    n, seed, draw = SIZES.get(name, 150), random.randrange(1000), random.Random()
    program = build(name, n, seed)
    found = load().registry.create("predictor", predictor, {})
    engine = assemble(
        ToyComputation(program),
        {predictor: found},
        every=draw.choice([1, 2, 3]),
        workers=draw.choice([1, 3]),
        scheduler=ExecutedScheduler.Config(overdraft=1e9, memoise=draw.random() < 0.3),
    )
    engine.run()
    engine.speculator.close()
    digest = engine.computation.digest()
    assert digest == run_plain(build(name, n, seed))[1], f"n={n} seed={seed}"
    if LEAPT.get(name) == predictor:
        assert engine.ledger.skipped > 0


def test_factory_makes_a_new_pool_each_time() -> None:
    make = executor_factory("threads", 1, None, Parcel("key", b""))
    one, other = make(), make()
    assert one is not other
    for pool in (one, other):
        pool.shutdown()
