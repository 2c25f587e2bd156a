"""Seeds spread over the workers of a Dask cluster, which share the folder of the study."""

from __future__ import annotations

import logging
import os
import pkgutil
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future
from contextlib import ExitStack, contextmanager
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from asc.errors import AscError
from asc.processes import safe_path, starting_children
from asc.records.lock import wait_until_free
from asc_nn_training.studies.results import seed_folder
from asc_nn_training.studies.seeds import POLL_S, RELEASE_S, RunSeed, WorkersLostError, silent

try:
    from distributed import (
        Client,
        KilledWorker,
        LocalCluster,
        Reschedule,
        Security,
        Status,
        WorkerPlugin,
        get_worker,
    )
    from distributed.comm.addressing import resolve_address
    from distributed.utils import silence_logging_cmgr
except ImportError as error:
    raise AscError(
        "The Dask executor needs the package distributed. Install it: pip install 'asc-nn-training[dask]'. "
        "Or run with --executor processes."
    ) from error

VERSION = version("asc-nn-training")
ANSWER_S = 10.0  # a scheduler answers within this time, and has a worker
ABSENCE_S = 60.0  # a cluster without workers may take this long to start one again

_HOST = "127.0.0.1"  # of a local cluster
_SILENT = logging.CRITICAL + 1
_NOT_THERE = (ImportError, AttributeError)
_TOKEN = ".shared"  # a file by which a worker knows that it sees the same folder
_ONE_SEED = threading.Lock()  # in a worker: torch's generators belong to the process, so that only one seed may run


class SeedWorkers:
    """Runs seeds on a Dask cluster, one at a time in each worker process.

    Dask starts a seed again if its worker dies, and the seed resumes from its checkpoint. Seeds stop soon after this
    process if it is killed.
    """

    def __init__(self, client: Client, run_seed: RunSeed, folder: Path, token: str) -> None:
        self._client, self._run_seed, self._folder, self._token = client, run_seed, folder, token
        self._executor: Executor = client.get_executor(pure=False)
        self._tasks: dict[int, Future[bool]] = {}
        self._seen = time.monotonic()  # when there was a worker

    def start(self, seed: int) -> Future[bool]:
        """Run a seed as soon as a worker is free."""
        call = partial(_run, self._run_seed, self._folder, seed, self._token)
        self._tasks[seed] = self._executor.submit(call)
        return self._tasks[seed]

    def check(self) -> None:
        """Raise WorkersLostError if the cluster has had no worker for a while."""
        try:
            workers = self._client.nthreads()
        except OSError:  # the scheduler is lost, and its seeds are about to be cancelled
            return
        if workers:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > ABSENCE_S:
            raise WorkersLostError(
                "The Dask cluster has no workers any more. Start some with `dask worker`, and resume with --resume."
            )

    def stop(self) -> None:
        """Cancel all seeds; those that run notice it and stop."""
        for task in self._tasks.values():
            task.cancel()

    def wait(self) -> None:
        """Wait until no seed is running."""
        for seed in self._tasks:
            wait_until_free(seed_folder(self._folder, seed), RELEASE_S)


@contextmanager
def seed_workers(run_seed: RunSeed, folder: Path, workers: int, address: str | None) -> Iterator[SeedWorkers]:
    """Open the cluster at an address or, for None, a local one of so many workers.

    Raises AscError if no scheduler answers, if the cluster has no workers, or if it has another version of this
    distribution, and WorkersLostError if workers are lost.
    """
    folder = folder.resolve()
    with safe_path(), _client(workers, address) as client, _token(folder) as token:
        require_same_version(client)
        pool = SeedWorkers(client, run_seed, folder, token)
        try:
            yield pool
        except Exception as error:
            pool.wait()
            if isinstance(error, KilledWorker):
                raise WorkersLostError(
                    "Dask workers that ran a seed were killed again and again, perhaps because memory ran out: give "
                    "fewer --workers, or workers with more memory, and resume with --resume."
                ) from error
            if isinstance(error, CancelledError):
                raise WorkersLostError(
                    "The Dask scheduler has ended, or the connection to it was lost. Resume with --resume."
                ) from error
            raise


@contextmanager
def _client(workers: int, address: str | None) -> Iterator[Client]:
    """Open a client, and close what was opened. Dask's own messages are not shown: an error says the same."""
    with ExitStack() as opened:
        opened.enter_context(silence_logging_cmgr(_SILENT))
        try:
            if address is not None:
                resolve_address(address)  # a client with an address that cannot be would take long to close
            there = opened.enter_context(_local_cluster(workers)) if address is None else address
            client = opened.enter_context(Client(there, timeout=ANSWER_S, set_as_default=False))
            if address is None:
                client.register_plugin(_WithoutPages())
        except (OSError, TypeError, ValueError) as error:  # TypeError: a tls:// address without a configuration of TLS
            raise AscError(
                f"No Dask scheduler answers at {address!r} ({error}). Start one with `dask scheduler` and give its "
                "address as --dask tcp://HOST:PORT, or leave --dask out for a local cluster."
            ) from error
        try:
            client.wait_for_workers(1, timeout=ANSWER_S)
        except TimeoutError as error:
            raise AscError(
                f"The Dask scheduler at {address!r} has no workers. Start some with `dask worker {address}`, or leave "
                "--dask out for a local cluster."
            ) from error
        yield client


def require_same_version(client: Client) -> None:
    """Raise AscError if the scheduler or a worker has another version of this distribution, or cannot import it.

    Without this question, Dask would only say that the worker had died.
    """
    ask = (pkgutil.resolve_name, f"{__name__}:VERSION")
    found: dict[str, Any] = client.run(*ask, on_error="return")
    found = {f"worker at {address}": answer for address, answer in found.items()}
    try:
        found["scheduler"] = client.run_on_scheduler(*ask)
    except _NOT_THERE as error:
        found["scheduler"] = error
    for place, answer in found.items():
        if isinstance(answer, _NOT_THERE) or (isinstance(answer, str) and answer != VERSION):
            has = answer if isinstance(answer, str) else f"none ({answer})"
            raise AscError(
                f"This machine has asc-nn-training {VERSION}, and the Dask {place} has {has}. Install the same version "
                "there, and start it again."
            )


def _local_cluster(workers: int) -> LocalCluster:
    """Start workers. They are deaf to Ctrl-C, and so are those that take their places later.

    Dask starts workers from a thread of its own. That thread starts within too, and hands on what it blocks. Nothing
    listens but on this machine, and there are no web pages. With the package cryptography, only processes that have the
    keys of this cluster can connect; without it, any user of this machine can.
    """
    try:
        keys: Security | None = Security.temporary()
    except ImportError:
        keys = None
    with starting_children():
        cluster = LocalCluster(
            n_workers=workers,
            host=_HOST,
            security=keys,
            threads_per_worker=max(1, (os.cpu_count() or 1) // workers),
            memory_limit=None,  # Dask would pause or kill a worker that uses more than its share
            dashboard_address=f"{_HOST}:0",  # the usual port may belong to another cluster
            scheduler_kwargs={"dashboard": False},
            silence_logs=_SILENT,
        )
    cluster.sync(_without_pages, cluster.scheduler)
    return cluster


class _WithoutPages(WorkerPlugin):
    """Stops the web server of each worker, which Dask starts even without a dashboard."""

    def setup(self, worker: Any) -> None:
        """Stop it."""
        worker.http_server.stop()


async def _without_pages(scheduler: Any) -> None:
    """Stop the scheduler's web server."""
    scheduler.http_server.stop()


@contextmanager
def _token(folder: Path) -> Iterator[str]:
    token, file = secrets.token_hex(16), folder / _TOKEN
    file.write_text(token, encoding="utf-8")
    try:
        yield token
    finally:
        file.unlink(missing_ok=True)


def _run(run_seed: RunSeed, folder: Path, seed: int, token: str) -> bool:
    """Run a seed in a worker, with as many threads as Dask gives to the worker."""
    worker = get_worker()
    stopped = _stop_of(worker)
    _require_same_folder(worker.address, folder, token)
    if not _ONE_SEED.acquire(timeout=POLL_S):
        raise Reschedule  # perhaps another worker is free
    try:
        torch.set_num_threads(worker.state.nthreads)
        wait_until_free(seed_folder(folder, seed), RELEASE_S)  # a worker that Dask has given up may still be stopping
        if stopped() or not run_seed(folder, seed, silent, stopped):
            raise Reschedule  # Dask has forgotten a cancelled seed; if only this worker ends, another one resumes it
        return True
    finally:
        _ONE_SEED.release()


def _stop_of(worker: Any) -> Callable[[], bool]:
    """Return a function that is true if the present task was cancelled, also by the end of the client, or must end."""
    key, tasks = worker.get_current_task(), worker.state.tasks

    def stopped() -> bool:
        task = tasks.get(key)
        return task is None or task.state != "executing" or worker.status in (Status.closing, Status.closed)

    return stopped


def _require_same_folder(address: str, folder: Path, token: str) -> None:
    """Raise AscError if a worker does not see the client's folder."""
    try:
        seen = (folder / _TOKEN).read_text(encoding="utf-8")
    except OSError:
        seen = ""
    if seen != token:
        raise AscError(
            f"The Dask worker at {address} does not see the folder {folder} of the study, where it writes the journal. "
            "Name a folder with --out that this machine and the machines of all workers share."
        )
