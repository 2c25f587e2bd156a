"""Workers on a Dask cluster run on from predicted states in processes of their own."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from typing import Any

import pytest

from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc.speculators.executed.delivery import Delivery, deliver
from asc.types import Candidate, Transition
from asc_riscv.backend import RiscvBackend, RiscvConfig
from asc_riscv.computation import RiscvComputation
from asc_riscv.worker import LocalMemory

DEADLINE_S = 300
SMALL: dict[str, Any] = {
    "program": "collatz_count",
    "arguments": ["60000"],
    "profile": 20_000,
    "memory": 2,
    "workers": 1,
}
DASK = SMALL | {"executor": "dask"}

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # Dask leaves sockets to the collector


def begun(**settings: Any) -> RiscvComputation:
    """Return a computation at its loop."""
    computation = RiscvBackend(RiscvConfig.model_validate(SMALL | settings)).computation(plain=False)
    computation.advance(1)
    return computation


def here(computation: RiscvComputation) -> Candidate:
    """Return the present state as a candidate."""
    snapshot = computation.observe()
    return Candidate(snapshot.position, 0, snapshot.state, 0, "test")


def listening(process: int) -> set[tuple[str, int]]:
    """Return the addresses at which a process waits for connections."""
    psutil = pytest.importorskip("psutil")
    found = psutil.Process(process).net_connections(kind="inet")
    return {(each.laddr.ip, each.laddr.port) for each in found if each.status == psutil.CONN_LISTEN}


@pytest.fixture(scope="module")
def before() -> set[tuple[str, int]]:
    """The addresses at which this process waits for connections before the cluster does."""
    return listening(os.getpid())


@pytest.fixture(scope="module")
def cluster(before: set[tuple[str, int]]) -> Iterator[tuple[Any, RiscvComputation]]:
    """A local cluster of one worker, and the computation that it serves."""
    pytest.importorskip("distributed")
    computation = begun()
    executor: Any = RiscvBackend(RiscvConfig.model_validate(DASK)).pool(computation).make()
    yield executor, computation
    executor.shutdown(wait=False, cancel_futures=True)


def test_a_worker_runs_on_in_another_process(cluster: tuple[Any, RiscvComputation]) -> None:
    executor, computation = cluster
    assert executor.submit(os.getpid).result(DEADLINE_S) != os.getpid()
    delivery = executor.submit(deliver, computation.task(here(computation), (100, 50), DEADLINE_S)).result(DEADLINE_S)
    assert delivery.error == ""
    for part in delivery.parts:
        assert computation.agrees(part)
        assert part.causal
        computation.apply(part)
    alone = begun()
    alone.advance(150)
    assert computation.digest() == alone.digest()


def test_a_task_may_take_many_megabytes_along(cluster: tuple[Any, RiscvComputation]) -> None:
    executor, computation = cluster
    job: Any = computation.task(here(computation), (10,), DEADLINE_S)
    memory = computation.process.machine.memory
    large = job.task._replace(memory=LocalMemory(memory, ((0, memory.nbytes),) * 6))
    delivery = executor.submit(deliver, replace(job, task=large)).result(DEADLINE_S)
    assert (delivery.error, delivery.steps) == ("", 10)


def test_it_listens_on_this_machine_only_and_has_no_web_pages(
    before: set[tuple[str, int]], cluster: tuple[Any, RiscvComputation]
) -> None:
    """For messages alone: the scheduler and the worker's nanny in this process, and the worker in its own."""
    worker = cluster[0].submit(os.getpid).result(DEADLINE_S)
    assert [host for host, _ in listening(os.getpid()) - before] == ["127.0.0.1"] * 2
    assert [host for host, _ in listening(worker)] == ["127.0.0.1"]


def test_workers_are_deaf_to_ctrl_c(cluster: tuple[Any, RiscvComputation]) -> None:
    """A terminal sends it to all processes, and the main one ends the others."""
    blocked = cluster[0].submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result(DEADLINE_S)
    assert signal.SIGINT in blocked


def test_without_the_keys_of_the_run_nobody_connects(cluster: tuple[Any, RiscvComputation]) -> None:
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("cryptography")
    address = cluster[0]._cluster.scheduler_address
    assert address.startswith("tls://127.0.0.1:")
    with pytest.raises(OSError, match="TLS certificate does not match"):
        distributed.Client(address, security=distributed.Security.temporary())


def test_what_is_no_effect_of_the_program_is_not_used(cluster: tuple[Any, RiscvComputation]) -> None:
    executor, computation = cluster
    job: Any = computation.task(here(computation), (10,), DEADLINE_S)
    sent = Delivery((Transition(0, 10, b"no effect of any program", 24, ""),), "", "worker", 0.0, 1.0)
    found = executor._arrived(sent, job)
    assert found.parts == ()
    assert found.error == "what a worker has sent is no effect of this program"


def test_a_call_ends_whatever_a_worker_has_sent(cluster: tuple[Any, RiscvComputation]) -> None:
    executor, computation = cluster
    job: Any = computation.task(here(computation), (10,), DEADLINE_S)
    future, done = Future[Any](), Future[Any]()
    done.set_result("no delivery")
    executor._pass_on(future, job, done)
    with pytest.raises(AttributeError, match="parts"):
        future.result(DEADLINE_S)


def test_a_whole_run_ends_as_the_program_by_itself() -> None:
    pytest.importorskip("distributed")
    config = RiscvConfig.model_validate(DASK | {"arguments": ["200000"], "scheduler": {"overdraft": 100.0}})
    summary = Run(RiscvBackend(config), "riscv", load()).execute()
    plain = Run(RiscvBackend(config), "riscv", load(), speculate=False).execute()
    assert summary["final_digest"] == plain["final_digest"]


def test_calls_end_with_the_executor() -> None:
    pytest.importorskip("distributed")
    executor: Any = RiscvBackend(RiscvConfig.model_validate(DASK)).pool(begun()).make()
    stuck = executor.submit(time.sleep, 1e6)
    executor.shutdown(wait=False, cancel_futures=True)
    with pytest.raises(CancelledError):
        stuck.result(DEADLINE_S)


def test_a_missing_scheduler_is_reported() -> None:
    pytest.importorskip("distributed")
    pool = RiscvBackend(RiscvConfig.model_validate(DASK | {"dask": "nonsense://nowhere:1"})).pool(begun())
    with pytest.raises(
        AscError, match=r"No Dask scheduler answers at 'nonsense://nowhere:1' .* --dask tcp://HOST:PORT"
    ):
        pool.make()


def test_a_local_cluster_that_does_not_start_is_no_missing_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The run continues without workers, and says why."""
    pytest.importorskip("distributed")

    def refuse(**_: Any) -> None:
        raise OSError("no port is free")

    monkeypatch.setattr("asc_riscv.cluster.LocalCluster", refuse)
    with pytest.raises(OSError, match="no port is free"):
        RiscvBackend(RiscvConfig.model_validate(DASK)).pool(begun()).make()


def test_missing_dask_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.delitem(sys.modules, "asc_riscv.cluster", raising=False)
    pool = RiscvBackend(RiscvConfig.model_validate(DASK)).pool(begun())
    with pytest.raises(AscError, match=r"needs the package distributed. Install it: pip install 'asc-riscv\[dask\]'"):
        pool.make()
