"""An executor on a Dask cluster: a running cluster, or a local one that is started for the run."""

from __future__ import annotations

import logging
import os
import platform
import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

from asc.errors import AscError
from asc.processes import deaf_children, end_with
from asc.speculators.pool import NoWorkersError
from asc_toy.ambient import guard_process
from asc_toy.workers import travel
from asc_toy.workers.elsewhere import Shipment, dismiss, receive, run_sealed, seal

try:
    import dask
    from distributed import Client, LocalCluster, Security, WorkerPlugin
    from distributed.comm.addressing import resolve_address
except ImportError as error:
    raise AscError(
        "The Dask executor needs the package distributed. Install it: pip install 'asc-toy[dask]'. "
        "Or run with --executor processes."
    ) from error

T = TypeVar("T")

_PACKAGES = frozenset({"dask", "distributed", "tornado"})
_HOST = "127.0.0.1"  # of a local cluster
_START_S = 60.0  # that a local worker may take to start
_ANY_SIZE = {"distributed.admin.large-graph-warning-threshold": "1 TB"}  # Dask warns of tasks with more than 10 MB


class _OwnChance(random.Random):
    """Draws as the module `random` does, from a generator of its own."""

    Random, SystemRandom = random.Random, random.SystemRandom


def separate_chance() -> None:
    """Let Dask draw from a generator of its own in this process.

    In any thread and at any time, it draws a sample of what it measures or a time to wait. From the generator that the
    whole process shares, that would look like a draw of the step.
    """
    own, shared = _OwnChance(), random.random.__self__  # type: ignore[attr-defined]
    modules = [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in _PACKAGES]
    for names in map(vars, modules):
        for name, value in list(names.items()):
            if value is random:
                names[name] = own
            elif getattr(value, "__self__", None) is shared:
                names[name] = getattr(own, value.__name__)


class InstallProgram(WorkerPlugin):
    """Makes the program known to every worker, including workers that join later."""

    def __init__(self, shipment: Shipment, main: int | None) -> None:
        self.name = f"asc-toy-{shipment.key}"
        self._shipment, self._main = shipment, main

    def setup(self, worker: Any) -> None:
        """Install the program on a worker; one that was started for this run serves it only, and ends with it."""
        separate_chance()
        if self._main is not None:
            worker.http_server.stop()
            end_with(self._main)
            guard_process()
        receive(self._shipment)

    def teardown(self, worker: Any) -> None:
        """Forget the program."""
        dismiss(self._shipment)


class DaskPool(Executor):
    """Submits calls to a Dask scheduler, and closes what it has opened itself."""

    def __init__(self, workers: int, address: str | None, shipment: Shipment) -> None:
        separate_chance()
        self._key = shipment.key
        self._cluster = LocalWorkers() if address is None else None
        try:
            if address is not None:
                resolve_address(address)  # a client with an address that cannot be would take long to close
            where, keys = (self._cluster.address, self._cluster.keys) if self._cluster else (address, None)
            self._client = Client(where, timeout="10s", set_as_default=False, security=keys)
        except (OSError, ValueError) as error:
            raise AscError(
                f"No Dask scheduler answers at {address!r} ({error}). Start one with `dask scheduler` and give its "
                "address as --dask tcp://HOST:PORT, or leave --dask out for a local cluster."
            ) from error
        self._plugin = InstallProgram(shipment, os.getpid() if self._cluster else None)
        try:
            self._client.register_plugin(self._plugin)
            if self._cluster is not None:
                self._cluster.start(workers, self._client)
            elif _process() in self._client.run(_process).values():
                raise NoWorkersError(
                    "the Dask cluster has workers in this very process, where a step from a wrong candidate could "
                    "change what the program itself uses: start it with processes=True"
                )
        except BaseException:
            self.shutdown()
            raise
        self._executor = self._client.get_executor(pure=False)

    @property
    def threads(self) -> int:
        """The most threads that a worker of the cluster has."""
        return max(self._client.nthreads().values(), default=1)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Send a call to the cluster."""
        future: Future[T] = Future()
        try:
            data = seal(self._key, fn, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 -- whatever pickling raises
            future.set_exception(error)
            return future
        future.set_running_or_notify_cancel()  # a cluster begins at once, so the task can no longer be cancelled
        with dask.config.set(_ANY_SIZE):
            self._executor.submit(run_sealed, self._key, data).add_done_callback(partial(_pass_on, future))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster without waiting for its tasks, and stop it if it was started for this run."""
        if self._cluster is not None:
            self._cluster.kill()
        elif self._client.status == "running":  # where the scheduler is gone, each message would wait for it
            with suppress(Exception):  # it is not registered, or there is no scheduler any more
                self._client.unregister_worker_plugin(self._plugin.name)
        with suppress(Exception):
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()
        travel.forget(self._key)


class LocalWorkers:
    """A scheduler in this process, and workers in processes of their own.

    Dask's own local cluster starts its workers by `multiprocessing`, which runs a script's main module in each of them:
    a script without `if __name__ == "__main__"` would run again. Its nanny would also change settings of their
    environment.

    Nothing listens but on this machine, and there are no web pages. With the package cryptography, only processes that
    have `keys`, which are made for this run, can connect; without it, any user of this machine can.
    """

    def __init__(self) -> None:
        try:
            self.keys: Security | None = Security.temporary()
        except ImportError:
            self.keys = None
        self._cluster = LocalCluster(
            n_workers=0,
            host=_HOST,
            dashboard_address=f"{_HOST}:0",  # the usual port may belong to another cluster
            scheduler_kwargs={"dashboard": False},
            security=self.keys,
            silence_logs=logging.ERROR,
        )
        self._cluster.sync(_without_pages, self._cluster.scheduler)
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def address(self) -> str:
        """Return the scheduler's address."""
        return str(self._cluster.scheduler_address)

    def start(self, workers: int, client: Client) -> None:
        """Start workers, and wait for them."""
        python = [sys.executable, "-P", *subprocess._args_from_interpreter_flags()]  # type: ignore[attr-defined]
        options = ["--nthreads=1", "--no-nanny", "--no-dashboard", "--memory-limit=0", f"--death-timeout={_START_S}"]
        options += [f"--host={_HOST}", f"--dashboard-address={_HOST}:0"]
        command = [*python, "-m", "distributed.cli.dask_worker", self.address, *options]
        nowhere = subprocess.DEVNULL
        with TemporaryDirectory() as private:
            command += _as_files(self.keys, Path(private))
            with deaf_children():
                for _ in range(workers):
                    self._processes.append(subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere))
            client.wait_for_workers(workers, timeout=_START_S)

    def kill(self) -> None:
        """End the workers at once."""
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()

    def close(self) -> None:
        """End the scheduler."""
        self._cluster.close()


async def _without_pages(scheduler: Any) -> None:
    """Stop the web server, which Dask starts even without its dashboard."""
    scheduler.http_server.stop()


def _as_files(keys: Security | None, folder: Path) -> list[str]:
    """Write keys into a private folder, and return the options by which a worker reads them."""
    if keys is None:
        return []
    options, texts = [], keys.get_tls_config_for_role("worker")
    for option in ("ca_file", "cert", "key"):
        (folder / option).write_text(texts[option])
        options.append(f"--tls-{option.replace('_', '-')}={folder / option}")
    return options


def _pass_on(future: Future[Any], done: Future[Any]) -> None:
    """Give a future what Dask's own future has. Dask cancels its futures when the client closes."""
    error = CancelledError() if done.cancelled() else done.exception()
    if error is None:
        future.set_result(done.result())
    else:
        future.set_exception(error)


def _process() -> tuple[str, int]:
    """Say which process this is."""
    return platform.node(), os.getpid()
