"""An executor on a Dask cluster: one that is running, or a local one made for the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

from asc.errors import AscError
from asc_toy.worker import install

try:
    from distributed import Client, LocalCluster, WorkerPlugin
except ImportError as error:
    raise AscError(
        "The Dask executor needs the package distributed. Install it: pip install 'asc-toy[dask]'. "
        "Or run with --executor processes."
    ) from error

T = TypeVar("T")


class InstallProgram(WorkerPlugin):
    """Makes the program known to every worker, those that join later included."""

    name = "asc-toy-program"

    def __init__(self, key: str, pickle: bytes) -> None:
        self._key, self._pickle = key, pickle

    def setup(self, worker: Any) -> None:
        """Install on a worker."""
        install(self._key, self._pickle)


class DaskPool(Executor):
    """Submits to a scheduler; closes what it has opened itself."""

    def __init__(self, workers: int, scheduler: str | None, key: str, pickle: bytes) -> None:
        self._cluster = None
        try:
            if scheduler is None:
                self._cluster = LocalCluster(
                    n_workers=workers, threads_per_worker=1, dashboard_address=None, silence_logs=logging.ERROR
                )
            self._client = Client(scheduler or self._cluster, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise AscError(
                f"No Dask scheduler answers at {scheduler!r} ({error}). Start one with `dask scheduler` and give its "
                "address as --scheduler tcp://HOST:PORT, or leave --scheduler out for a local cluster."
            ) from error
        self._client.register_plugin(InstallProgram(key, pickle))
        self._executor = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Send a call to the cluster."""
        future: Future[T] = self._executor.submit(fn, *args, **kwargs)
        with suppress(InvalidStateError, RuntimeError):  # it has come back already
            future.set_running_or_notify_cancel()  # a cluster begins at once, and what has begun is not taken back
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; stop it if it is ours."""
        self._executor.shutdown(wait=wait)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
