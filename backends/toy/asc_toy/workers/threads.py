"""Workers that are threads of one process: of the main process, or of a worker process."""

from __future__ import annotations

import decimal
import sys
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Executor, Future
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from queue import Empty, SimpleQueue
from types import CellType
from typing import Any, TypeVar

from asc.speculators.pool import NoWorkersError
from asc_toy.ambient import apply, settings
from asc_toy.ambient.reach import Reach

T = TypeVar("T")


class Threads(Executor):
    """Threads that see the context variables of the thread that made the executor, each with a copy of its own.

    `names` are those of the code that runs in the threads: settings that each thread has of its own are copied where
    the code may use them. No thread keeps the process from its end: one may be stuck, and nothing can end it.
    """

    def __init__(self, workers: int, names: Collection[str] = ()) -> None:
        self._context, self._settings = copy_context(), settings(names)
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._closed = False
        self._threads = [threading.Thread(target=self._serve, name="asc-worker", daemon=True) for _ in range(workers)]
        try:
            for thread in self._threads:
                thread.start()
        except RuntimeError:  # the system has no further thread
            self.shutdown(wait=False)
            raise

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call in a thread."""
        if self._closed:
            raise RuntimeError("the workers were let go")
        future: Future[T] = Future()
        self._calls.put((future, partial(fn, *args, **kwargs)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Let each thread end after its call. Other calls are run before, or cancelled."""
        self._closed = True
        with suppress(Empty):
            while cancel_futures:
                if (call := self._calls.get_nowait()) is not None:
                    call[0].cancel()
        for _ in self._threads:
            self._calls.put(None)
        for thread in self._threads if wait else ():
            thread.join()

    def _serve(self) -> None:
        self._context.copy().run(self._run)

    def _run(self) -> None:
        decimal.setcontext(decimal.getcontext().copy())  # its flags must not be raised here
        apply(self._settings)
        while (call := self._calls.get()) is not None:
            future, run = call
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(run())
                except BaseException as error:  # noqa: BLE001 -- a step may raise anything, and its worker serves on
                    future.set_exception(error)
            del call, future, run  # a waiting thread keeps no state alive


def require_unshared(reach: Reach, remedy: str) -> None:
    """Raise NoWorkersError where a step from a wrong candidate could change what steps in other threads read."""
    shared = _shared(reach)
    if shared:
        raise NoWorkersError(
            f"the step {shared}, and threads of one process share that, so a wrong candidate could change it: put "
            f"it into the state, or choose {remedy}"
        )


_CHANCE = ("random", "numpy.random", "torch")  # modules with a generator that all threads draw from


def _shared(reach: Reach) -> str:
    """Return a phrase that says what the step can change in this process beside its state; "" if there is nothing."""
    if reach.rebinds:
        return "assigns a global, or a variable of the function around it"
    for name in _CHANCE:
        if name in sys.modules and id(vars(sys.modules[name])) in reach.spaces:
            return f"reaches the generator of `{name}`"
    for thing in reach.things:
        if not isinstance(thing.value, CellType):  # only what it holds can change, since the step assigns none
            return f"reaches {thing.place}"
    for space in reach.spaces.values():
        for name in space.watched if space.is_users and space.is_open else ():
            if name in reach.assigned:
                return f"may assign {space.place(name)}"
    return ""
