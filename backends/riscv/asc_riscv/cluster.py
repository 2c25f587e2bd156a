"""Workers on a Dask cluster: one that runs already, or a local one that is started for the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from functools import partial
from typing import Any, TypeVar
from uuid import uuid4

from asc.errors import AscError
from asc.processes import starting_children
from asc.speculators.executed.delivery import Delivery, deliver
from asc.types import Transition
from asc_riscv.effect import Effect
from asc_riscv.elf import Program
from asc_riscv.machine import Machine
from asc_riscv.worker import Job, LocalMemory, Task, run_task

try:
    import dask
    from distributed import Client, LocalCluster, Security, WorkerPlugin
except ImportError as error:
    raise AscError(
        "The Dask executor needs the package distributed. Install it: pip install 'asc-riscv[dask]'. "
        "Or run with --executor threads."
    ) from error

T = TypeVar("T")

_HOST = "127.0.0.1"  # of a local cluster
_ANY_SIZE = {"distributed.admin.large-graph-warning-threshold": "1 TB"}  # Dask warns of tasks with more than 10 MB

_programs: dict[str, Program] = {}
"""In a worker: the programs that it knows, by the key of the run."""


class InstallProgram(WorkerPlugin):
    """Makes the program known to every worker, including workers that join later."""

    def __init__(self, key: str, program: Program, *, is_local: bool) -> None:
        self.name = f"asc-riscv-{key}"
        self._key, self._program, self._is_local = key, program, is_local

    def setup(self, worker: Any) -> None:
        """Keep the program. A worker of a local cluster has no web pages."""
        if self._is_local:
            worker.http_server.stop()
        _programs[self._key] = self._program

    def teardown(self, worker: Any) -> None:
        """Forget it."""
        _programs.pop(self._key, None)


class Cluster(Executor):
    """Sends tasks to a Dask scheduler, each with the parts of the memory that its worker copies.

    What comes back is checked before it is used: it may be of another version of this package.
    """

    def __init__(self, workers: int, address: str | None, machine: Machine) -> None:
        self._machine, self._key = machine, uuid4().hex
        self._cluster = self._client = None
        try:
            if address is None:
                self._cluster = _local_cluster(workers)
            where = address if self._cluster is None else self._cluster  # a local one has its keys
            self._client = Client(where, timeout="10s", set_as_default=False)
            self._plugin = InstallProgram(self._key, machine.program, is_local=address is None)
            self._client.register_plugin(self._plugin)
        except (OSError, ValueError) as error:
            self.shutdown()
            if address is None:
                raise
            raise AscError(
                f"No Dask scheduler answers at {address!r} ({error}). Start one with `dask scheduler` and give its "
                "address as --dask tcp://HOST:PORT, or leave --dask out for a local cluster."
            ) from error
        except BaseException:
            self.shutdown()
            raise
        self._executor = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Send a call to the cluster. A job's task is sent without what only this process has."""
        future: Future[T] = Future()
        future.set_running_or_notify_cancel()  # a cluster begins at once, so the task can no longer be cancelled
        given = (*(fn.args if isinstance(fn, partial) else ()), *args)
        job = next((value for value in given if isinstance(value, Job)), None)
        if job is None:
            sent = self._executor.submit(fn, *args, **kwargs)
        else:
            memory = job.task.memory
            task = job.task._replace(memory=memory.sent() if isinstance(memory, LocalMemory) else memory)
            with dask.config.set(_ANY_SIZE):
                sent = self._executor.submit(run_sent, self._key, task)
        sent.add_done_callback(partial(self._pass_on, future, job))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster without waiting for its tasks, and stop it if it was started for this run."""
        if self._client is not None:
            if self._cluster is None and self._client.status == "running":
                with suppress(Exception):  # it is not registered, or there is no scheduler any more
                    self._client.unregister_worker_plugin(self._plugin.name)
            with suppress(Exception):
                self._client.close()
        if self._cluster is not None:
            with suppress(Exception):
                self._cluster.close()

    def _pass_on(self, future: Future[Any], job: Job | None, done: Future[Any]) -> None:
        """Give a future what Dask's own future has. Dask cancels its futures when the client closes."""
        error = CancelledError() if done.cancelled() else done.exception()
        if error is None:
            try:
                future.set_result(done.result() if job is None else self._arrived(done.result(), job))
            except Exception as caught:  # noqa: BLE001 -- what a worker of another version has sent may be anything
                error = caught
        if error is not None:
            future.set_exception(error)

    def _arrived(self, delivery: Delivery, job: Job) -> Delivery:
        parts = list[Transition]()
        for part in delivery.parts:
            if not self._machine.accepts(part.effect):
                return delivery._replace(
                    parts=tuple(parts), error="what a worker has sent is no effect of this program"
                )
            parts.append(job.transition(Effect(part.effect), part.start, part.steps))
        return delivery._replace(parts=tuple(parts))


def _local_cluster(workers: int) -> LocalCluster:
    """Start workers, which are deaf to Ctrl-C: the main process ends them.

    Nothing listens but on this machine, and there are no web pages. With the package cryptography, only processes that
    have the keys of this cluster can connect; without it, any user of this machine can.
    """
    try:
        keys: Security | None = Security.temporary()
    except ImportError:
        keys = None
    with starting_children():  # Dask starts workers from a thread of its own, which starts within too
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            memory_limit=None,  # Dask would pause or kill a worker that uses more than its share
            host=_HOST,
            security=keys,
            dashboard_address=f"{_HOST}:0",  # the usual port may belong to another cluster
            scheduler_kwargs={"dashboard": False},
            silence_logs=logging.ERROR,
        )
    cluster.sync(_without_pages, cluster.scheduler)
    return cluster


async def _without_pages(scheduler: Any) -> None:
    """Stop the web server, which Dask starts even without its dashboard."""
    scheduler.http_server.stop()


def run_sent(key: str, task: Task) -> Delivery:
    """Run a task in a worker of the cluster. The transitions that come back have the bytes of their effects."""
    return deliver(partial(run_task, _programs[key], task, _in_bytes))


def _in_bytes(effect: Effect, start: int, steps: int) -> Transition:
    content = bytes(effect)
    return Transition(start, steps, content, len(content), "")
