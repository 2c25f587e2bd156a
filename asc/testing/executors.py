"""Executors without threads or processes: results come at once, or when a test says so, in any order or never."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Call(NamedTuple):
    """A call that was submitted, and the future that it has been promised by."""

    future: Future[Any]
    run: Callable[[], Any]


class Inline(Executor):
    """Runs a call where and when it is submitted, so that every result is there at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call, and return a future that is done."""
        future: Future[T] = Future()
        _settle(Call(future, partial(fn, *args, **kwargs)))
        return future


class Deferred(Executor):
    """Keeps what is submitted until it is told to begin, to finish or to break down.

    What the thread that made it submits is run at once: that is the thread which opens the pool, and asks whether
    workers are there.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []
        """What was submitted and is not done, in order; some of it may have been cancelled meanwhile."""
        self.closed = self.broken = False
        self._opener = threading.current_thread()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Keep the call. Raises BrokenExecutor after a breakdown and RuntimeError after a shutdown, as pools do."""
        if self.broken:
            raise BrokenExecutor("this executor has broken down")
        if self.closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        call = Call(Future(), partial(fn, *args, **kwargs))
        if threading.current_thread() is self._opener:
            _settle(call)
        else:
            self.calls.append(call)
        return call.future

    def begin(self, index: int = 0) -> None:
        """Count a call as being run, so that it cannot be cancelled any more."""
        call = self.calls[index]
        if not call.future.running() and not call.future.set_running_or_notify_cancel():
            self.calls.remove(call)

    def finish(self, index: int = 0) -> None:
        """Run a call to its end, unless it was cancelled."""
        _settle(self.calls.pop(index))

    def fail(self, error: BaseException, index: int = 0) -> None:
        """Let a call end in an error of the transport, such as a result that does not unpickle."""
        _settle(self.calls.pop(index), error)

    def break_down(self) -> None:
        """Lose all that is under way, and take nothing more."""
        self.broken = True
        while self.calls:
            self.fail(BrokenExecutor("a worker died"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take nothing more; what has begun goes on."""
        self.closed = True
        if cancel_futures:
            for call in self.calls:
                call.future.cancel()


def _settle(call: Call, error: BaseException | None = None) -> None:
    future = call.future
    if not future.running() and not future.set_running_or_notify_cancel():
        return
    try:
        if error is not None:
            raise error
        future.set_result(call.run())
    except Exception as caught:  # noqa: BLE001 -- an executor hands over whatever the call raises
        future.set_exception(caught)
