"""The pools that speculation can run on: threads, processes, Dask."""

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
from asc_toy.worker import install, start_process

Kind = Literal["none", "threads", "processes", "dask"]

ROUND_TRIP_S: dict[Kind, float] = {"none": 4e-5, "threads": 2e-4, "processes": 6e-4, "dask": 1.5e-2}
"""Typical seconds that one task costs there and back; "none" is a boundary's own cost. Supersteps are sized by it."""

START_S: dict[Kind, float] = {"none": 0.0, "threads": 0.0, "processes": 0.7, "dask": 3.0}
"""Typical seconds until the first worker answers; a run that would be over by then does without."""


class Processes(ProcessPoolExecutor):  # type: ignore[misc]  # loky ships no types
    """Worker processes that take functions from notebooks and unguarded scripts, and are killed on shutdown.

    A worker may be stuck in a garbage state, so there is nothing to wait for. Ctrl-C, which a terminal sends to every
    process, does not reach them from their first moment on.
    """

    def __init__(self, workers: int, key: str, pickle: bytes) -> None:
        resource_tracker.ensure_running()  # when workers start, it would lift the mask as it starts itself
        with _deaf_children():
            super().__init__(workers, initializer=start_process, initargs=(os.getpid(), key, pickle))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand a call to a worker; workers start at the first one."""
        with _deaf_children():
            future: Future[Any] = super().submit(fn, *args, **kwargs)
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Kill the workers, and give the thread that looks after them a moment to tidy up."""
        keeper: threading.Thread | None = self._executor_manager_thread
        super().shutdown(wait=False, kill_workers=cancel_futures)
        if keeper is not None and keeper is not threading.current_thread():
            keeper.join(timeout=2.0)


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Let processes that start here inherit that they hear no Ctrl-C, even before they can ignore it themselves."""
    if sys.platform == "win32":  # it has no signal masks
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def executor_factory(
    kind: Kind, workers: int, scheduler: str | None, key: str, pickle: bytes
) -> Callable[[], Executor]:
    """Return what makes a pool of `workers` that know the program."""
    if kind == "threads":
        return lambda: _threads(workers, key, pickle)
    if kind == "processes":
        return lambda: Processes(workers, key, pickle)
    if kind == "dask":
        return lambda: _dask(workers, scheduler, key, pickle)
    raise AscError(f"There is no executor {kind!r}; choose threads, processes or dask.")


def _threads(workers: int, key: str, pickle: bytes) -> Executor:
    install(key, pickle)
    return ThreadPoolExecutor(workers, thread_name_prefix="asc-worker")


def _dask(workers: int, scheduler: str | None, key: str, pickle: bytes) -> Executor:
    from asc_toy.dask_pool import DaskPool  # noqa: PLC0415 -- an optional extra, slow to import

    return DaskPool(workers, scheduler, key, pickle)
