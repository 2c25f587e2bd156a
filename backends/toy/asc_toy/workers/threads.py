"""Workers that are threads of this very process."""

from __future__ import annotations

import decimal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import Context, copy_context
from types import CellType
from typing import Any, TypeVar

from asc.speculators.pool import NoWorkersError
from asc_toy.ambient import apply, settings
from asc_toy.ambient.reach import Reach
from asc_toy.workers.worker import Parcel

T = TypeVar("T")


class Threads(ThreadPoolExecutor):
    """Threads that see the context variables of the thread that made the executor, each with a copy of its own.

    Raises NoWorkersError where a step from a wrong candidate could change what the main thread's own steps read.
    """

    def __init__(self, workers: int, parcel: Parcel) -> None:
        shared = _shared(parcel.watch.reach)
        if shared:
            raise NoWorkersError(
                f"the step {shared}, and threads of one process share that, so a wrong candidate could change it: put "
                "it into the state, or choose the executor processes"
            )
        super().__init__(workers, thread_name_prefix="asc-worker")
        self._own = threading.local()
        self._context, self._settings = copy_context(), settings(parcel.watch.reach.names)

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Run a call in a thread."""
        return super().submit(self._call, fn, *args, **kwargs)

    def _call(self, fn: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        context: Context | None = getattr(self._own, "context", None)
        if context is None:
            context = self._own.context = self._context.copy()
            context.run(self._enter)
        return context.run(fn, *args, **kwargs)

    def _enter(self) -> None:
        decimal.setcontext(decimal.getcontext().copy())  # its flags must not be raised here
        apply(self._settings)


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
