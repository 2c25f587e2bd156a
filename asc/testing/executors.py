"""Executors without threads or processes: results come at once, or when a test says so, in any order or never."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from typing import Any, NamedTuple, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Promise(Future[T]):
    """A future that no time is spent on waiting for: who waits for it has it done at once, or has waited in vain."""

    def __init__(self, awaited: Callable[[Promise[T]], None]) -> None:
        super().__init__()
        self._awaited = awaited
        self.waits: list[float | None] = []
        """How long each who waited was ready to."""

    def result(self, timeout: float | None = None) -> T:
        """Return the result. Raises TimeoutError where it is not there."""
        self._wait(timeout)
        return super().result(0)

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what the call raised. Raises TimeoutError where that is not known."""
        self._wait(timeout)
        return super().exception(0)

    def _wait(self, timeout: float | None) -> None:
        if not self.done():
            self.waits.append(timeout)
            self._awaited(self)


class Call(NamedTuple):
    """A call that was submitted, and the future that it has been promised by."""

    future: Promise[Any]
    run: Callable[[], Any]


class Inline(Executor):
    """Runs a call where and when it is submitted, so that every result is there at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call, and return a future that is done."""
        call = Call(Promise(_in_vain), partial(fn, *args, **kwargs))
        _settle(call)
        return call.future


class Deferred(Executor):
    """Keeps what is submitted until it is told to begin, to finish or to break down.

    What the thread that made it submits is run at once: that is the thread which opens the pool, and asks whether
    workers are there. A `prompt` executor finishes what somebody waits for.
    """

    def __init__(self, prompt: bool = False) -> None:
        self.calls: list[Call] = []
        """What was submitted and is not done, in order; some of it may have been cancelled meanwhile."""
        self.closed = self.broken = False
        self._prompt, self._opener = prompt, threading.current_thread()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Keep the call. Raises BrokenExecutor after a breakdown and RuntimeError after a shutdown, as pools do."""
        if self.broken:
            raise BrokenExecutor("this executor has broken down")
        if self.closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        call = Call(Promise(self._awaited), partial(fn, *args, **kwargs))
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

    def _awaited(self, future: Promise[Any]) -> None:
        if self._prompt:
            self.finish([call.future for call in self.calls].index(future))

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


def _in_vain(_: Promise[Any]) -> None:
    """Do nothing about somebody's waiting."""


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
