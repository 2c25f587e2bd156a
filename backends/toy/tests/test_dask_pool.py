"""Workers on a Dask cluster: one that runs already, or one that is started for the run."""

from __future__ import annotations

import contextlib
import os
import random
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor
from typing import Any

import numpy as np
import pytest
from processes import DEADLINE_S, alive, check_ends_with_its_main_process

from asc.errors import AscError
from asc.speculators.pool import NoWorkersError
from asc.types import Candidate, Transition
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.workers.elsewhere import pack
from asc_toy.workers.executors import pool_of

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # Dask leaves sockets to the collector


def by_table() -> Program:
    """Its step is a local function, which no other process can import."""

    def step(state: Any) -> None:
        state.x = int(state.table[state.n % 100]) + state.n
        state.n += 1

    return Program("by table", step, {"n": 5, "x": 0, "table": np.arange(100) * 3}, 100)


@contextlib.contextmanager
def dask_workers(program: Program, address: str | None = None) -> Iterator[tuple[Executor, ToyComputation]]:
    computation = ToyComputation(program)
    executor = pool_of("dask", 1, address, lambda: computation.parcel).make()
    try:
        yield executor, computation
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


def run(task: Callable[[], Any]) -> list[Transition]:
    return list(task())


def sent(executor: Executor, computation: ToyComputation, steps: int) -> Transition:
    task = computation.task(Candidate(0, 0, dict(computation.words()), 0, "test"), (steps,), DEADLINE_S)
    (found,) = executor.submit(run, task).result(DEADLINE_S)
    return found


class TestLocalCluster:
    def test_a_worker_runs_a_step_that_cannot_be_imported(self) -> None:
        pytest.importorskip("distributed")
        with dask_workers(by_table()) as (executor, computation):
            pid = executor.submit(os.getpid).result(DEADLINE_S)
            for _ in range(3):
                found = sent(executor, computation, 3)
                assert computation.agrees(found)
                computation.apply(found)
            assert executor.submit(len, bytes(11 << 20)).result(DEADLINE_S) == 11 << 20  # without a warning of its size
        expected = ToyComputation(by_table())
        expected.advance(9)
        assert computation.digest() == expected.digest()
        assert not alive(pid)

    def test_what_dask_draws_at_random_is_not_drawn_by_the_step(self) -> None:
        pytest.importorskip("distributed")
        state = random.getstate()
        with dask_workers(by_table()) as (executor, computation):
            here = executor.submit(random.getstate).result(DEADLINE_S)
            for _ in range(5):
                sent(executor, computation, 3)
            assert executor.submit(random.getstate).result(DEADLINE_S) == here
        assert random.getstate() == state

    def test_workers_end_with_a_main_process_that_is_killed(self) -> None:
        pytest.importorskip("distributed")
        script = """
import os, time
from asc_toy.computation import ToyComputation
from asc_toy.program import Program
from asc_toy.workers.executors import pool_of
def step(state): pass
computation = ToyComputation(Program("idle", step, {"n": 0}, 9))
executor = pool_of("dask", 1, None, lambda: computation.parcel).make()
print(executor.submit(os.getpid).result(), flush=True)
time.sleep(600)
"""
        check_ends_with_its_main_process(script)

    def test_a_worker_that_is_stuck_ends_with_its_executor_and_nothing_is_said(
        self, capfd: pytest.CaptureFixture[str]
    ) -> None:
        pytest.importorskip("distributed")
        with dask_workers(by_table()) as (executor, _):
            pid = executor.submit(os.getpid).result(DEADLINE_S)
            stuck = executor.submit(time.sleep, 1e6)
        assert not alive(pid)
        with pytest.raises(CancelledError):
            stuck.result(DEADLINE_S)
        assert capfd.readouterr() == ("", "")

    def test_it_listens_on_this_machine_only_and_has_no_web_pages(self) -> None:
        pytest.importorskip("distributed")
        before = listening(os.getpid())
        with dask_workers(by_table()) as (executor, _):
            worker = executor.submit(os.getpid).result(DEADLINE_S)
            for ports in (listening(os.getpid()) - before, listening(worker)):
                assert [host for host, _ in ports] == ["127.0.0.1"]  # one for its messages

    def test_without_the_keys_of_the_run_nobody_connects(self) -> None:
        distributed = pytest.importorskip("distributed")
        pytest.importorskip("cryptography")
        with dask_workers(by_table()) as (executor, _):
            address = executor._cluster.address  # type: ignore[attr-defined]
            assert address.startswith("tls://127.0.0.1:")
            with pytest.raises(OSError, match="TLS certificate does not match"):
                distributed.Client(address, security=distributed.Security.temporary())


def listening(process: int) -> set[tuple[str, int]]:
    """Return the addresses at which a process waits for connections."""
    psutil = pytest.importorskip("psutil")
    found = psutil.Process(process).net_connections(kind="inet")
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}


class TestRunningCluster:
    def test_its_workers_learn_the_program_and_forget_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pytest.importorskip("distributed")
        monkeypatch.setitem(sys.modules, "cryptography", None)  # an open cluster, as `dask scheduler` starts one
        from distributed import Client

        from asc_toy.workers import elsewhere
        from asc_toy.workers.dask_pool import DaskPool, LocalWorkers

        cluster = LocalWorkers()
        try:
            with Client(cluster.address, set_as_default=False) as client:
                cluster.start(1, client)
                computation = ToyComputation(by_table())
                pool = DaskPool(1, cluster.address, pack(computation.parcel))
                try:
                    assert computation.agrees(sent(pool, computation, 3))
                    (pid,) = client.run(os.getpid).values()
                finally:
                    pool.shutdown()
                assert list(client.run(lambda: len(elsewhere._delivered)).values()) == [0]
                assert alive(pid)
        finally:
            cluster.kill()
            cluster.close()

    def test_workers_within_this_process_are_refused(self) -> None:
        distributed = pytest.importorskip("distributed")
        with (
            distributed.LocalCluster(
                n_workers=1, threads_per_worker=1, processes=False, dashboard_address="127.0.0.1:0"
            ) as cluster,
            pytest.raises(NoWorkersError, match=r"in this very process, .*: start it with processes=True"),
            dask_workers(by_table(), cluster.scheduler_address),
        ):
            pass

    def test_a_cluster_with_threads_is_refused_where_a_step_could_change_what_they_share(self) -> None:
        distributed = pytest.importorskip("distributed")

        def step(state: Any) -> None:
            nonlocal number
            number = state.n

        number = 0
        with (
            distributed.LocalCluster(
                n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
            ) as cluster,
            pytest.raises(NoWorkersError, match=r"threads of one process share that.*dask worker --nthreads 1"),
            dask_workers(Program("s", step, {"n": 0}, 9), cluster.scheduler_address),
        ):
            pass

    def test_missing_scheduler_is_reported(self) -> None:
        pytest.importorskip("distributed")
        message = r"No Dask scheduler answers at 'nonsense://nowhere:1' .* give its address as --dask tcp://HOST:PORT"
        with pytest.raises(AscError, match=message), dask_workers(by_table(), "nonsense://nowhere:1"):
            pass


def test_missing_dask_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "asc_toy.workers.dask_pool", raising=False)
    message = r"needs the package distributed. Install it: pip install 'asc-toy\[dask\]'"
    with pytest.raises(AscError, match=message), dask_workers(by_table()):
        pass
