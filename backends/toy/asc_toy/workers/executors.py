"""The executors that can run tasks: threads, processes, Dask."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from typing import Any, Literal

from loky import ProcessPoolExecutor

from asc.errors import AscError
from asc_toy.workers.worker import Parcel, install, start_process

Kind = Literal["none", "threads", "processes", "dask"]

ROUND_TRIP_S: dict[Kind, float] = {"none": 4e-5, "threads": 2e-4, "processes": 6e-4, "dask": 1.5e-2}
"""Typical seconds for one task there and back; for "none", a boundary's own cost. Supersteps are sized by it."""

START_S: dict[Kind, float] = {"none": 0.0, "threads": 0.0, "processes": 0.7, "dask": 3.0}
"""Typical seconds until the first worker answers. A run that ends sooner starts no workers."""


class Processes(ProcessPoolExecutor):  # type: ignore[misc]  # loky ships no types
    """Worker processes that accept functions from notebooks and unguarded scripts.

    Shutdown kills them: a worker may be stuck in an endless step, so waiting for it makes no sense. They are deaf to
    Ctrl-C from their first moment, since a terminal sends it to every process.
    """

    def __init__(self, workers: int, parcel: Parcel) -> None:
        resource_tracker.ensure_running()  # if it started together with the workers, it would lift the signal mask
        with _deaf_children():
            super().__init__(workers, initializer=start_process, initargs=(os.getpid(), parcel))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Send a call to a worker; workers start at the first call."""
        with _deaf_children():
            future: Future[Any] = super().submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Kill the workers, and give the thread that manages them a moment to clean up."""
        manager: threading.Thread | None = self._executor_manager_thread
        super().shutdown(wait=False, kill_workers=cancel_futures)
        if manager is not None and manager is not threading.current_thread():
            manager.join(timeout=2.0)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Block Ctrl-C in processes that start within, until they can ignore it by themselves."""
    if sys.platform == "win32":  # Windows has no signal masks
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def executor_factory(kind: Kind, workers: int, dask: str | None, parcel: Parcel) -> Callable[[], Executor]:
    """Return a function that makes an executor whose `workers` know the program.

    `dask` is the address of a running Dask scheduler; None starts a local cluster.
    """
    if kind == "threads":
        return lambda: _threads(workers, parcel)
    if kind == "processes":
        return lambda: Processes(workers, parcel)
    if kind == "dask":
        return lambda: _dask(workers, dask, parcel)
    raise AscError(f"There is no executor {kind!r}; choose threads, processes or dask.")


def _threads(workers: int, parcel: Parcel) -> Executor:
    install(parcel)
    return ThreadPoolExecutor(workers, thread_name_prefix="asc-worker")


def _dask(workers: int, address: str | None, parcel: Parcel) -> Executor:
    from asc_toy.workers.dask_pool import DaskPool  # noqa: PLC0415 -- an optional extra, slow to import

    return DaskPool(workers, address, parcel)
