"""Worker processes that start afresh, where this process cannot be copied: a Python of their own, by loky."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from loky import ProcessPoolExecutor

from asc.processes import starting_children
from asc_toy.workers import travel
from asc_toy.workers.elsewhere import Shipment, receive, run_sealed, seal
from asc_toy.workers.process import serve_only

_CLEANING_S = 30.0  # a process that ends before the thread has cleaned up shows warnings of resources that are lost


class Spawned(ProcessPoolExecutor):  # type: ignore[misc]  # loky ships no types
    """Worker processes that accept functions from notebooks and unguarded scripts.

    Shutdown kills them: a worker may be stuck in an endless step, so waiting for it makes no sense. They are deaf to
    Ctrl-C from their first moment, since a terminal sends it to every process.
    """

    def __init__(self, workers: int, shipment: Shipment) -> None:
        self._key = shipment.key
        with starting_children():
            super().__init__(workers, initializer=_start, initargs=(os.getpid(), shipment))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Send a call to a worker; workers start at the first call."""
        future: Future[Any] = Future()
        try:
            data = seal(self._key, fn, *args, **kwargs)
        except Exception as error:  # noqa: BLE001 -- whatever pickling raises
            future.set_exception(error)
        else:
            with starting_children():
                future = super().submit(run_sealed, self._key, data)
        return future

    def shutdown(self, wait: bool = False, *, cancel_futures: bool = True) -> None:
        """Kill the workers, and let the thread that manages them clean up."""
        manager: threading.Thread | None = self._executor_manager_thread
        super().shutdown(wait=False, kill_workers=cancel_futures)
        if manager is not None and manager is not threading.current_thread():
            manager.join(timeout=_CLEANING_S)
        travel.forget(self._key)


def _start(parent: int, shipment: Shipment) -> None:
    serve_only(parent)
    receive(shipment)
