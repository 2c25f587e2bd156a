"""An executor on a Dask cluster: a running cluster, or a local one that is started for the run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future, InvalidStateError
from contextlib import suppress
from typing import Any, TypeVar

from asc.errors import AscError
from asc_toy.workers.worker import Parcel, install

try:
    from distributed import Client, LocalCluster, WorkerPlugin
    from distributed.comm.addressing import resolve_address
except ImportError as error:
    raise AscError(
        "The Dask executor needs the package distributed. Install it: pip install 'asc-toy[dask]'. "
        "Or run with --executor processes."
    ) from error

T = TypeVar("T")


class InstallProgram(WorkerPlugin):
    """Makes the program known to every worker, including workers that join later."""

    name = "asc-toy-program"

    def __init__(self, parcel: Parcel) -> None:
        self._parcel = parcel

    def setup(self, worker: Any) -> None:
        """Install the program on a worker."""
        install(self._parcel)


class DaskPool(Executor):
    """Submits calls to a Dask scheduler, and closes what it has opened itself."""

    def __init__(self, workers: int, address: str | None, parcel: Parcel) -> None:
        self._cluster = None
        try:
            if address is None:
                self._cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    dashboard_address=":0",  # the usual port may belong to another cluster
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.ERROR,
                )
            else:
                resolve_address(address)  # a client with an address that cannot be would take long to close
            self._client = Client(address or self._cluster, timeout="10s", set_as_default=False)
        except (OSError, ValueError) as error:
            raise AscError(
                f"No Dask scheduler answers at {address!r} ({error}). Start one with `dask scheduler` and give its "
                "address as --dask tcp://HOST:PORT, or leave --dask out for a local cluster."
            ) from error
        self._client.register_plugin(InstallProgram(parcel))
        self._executor = self._client.get_executor(pure=False)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Send a call to the cluster."""
        future: Future[T] = self._executor.submit(fn, *args, **kwargs)
        with suppress(InvalidStateError, RuntimeError):  # the task has ended already
            future.set_running_or_notify_cancel()  # a cluster begins at once, so the task can no longer be cancelled
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster, and stop it if it was started for this run."""
        self._executor.shutdown(wait=wait)
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()
