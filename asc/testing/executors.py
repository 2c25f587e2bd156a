"""Executors without threads or processes: a test decides when results come, in which order, and whether at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Any, NamedTuple, ParamSpec, TypeVar, cast

from asc.speculators.executed.delivery import Delivery
from asc.speculators.pool import Polled
from asc.testing.clock import Clock

P = ParamSpec("P")
T = TypeVar("T")


class Promise(Future[T]):
    """A future for which a wait takes no time: `awaited` finishes the call at once, or the wait times out."""

    def __init__(self, awaited: Callable[[Promise[T]], None]) -> None:
        super().__init__()
        self._awaited = awaited
        self.waits: list[float | None] = []
        """The time limit of each wait."""

    def result(self, timeout: float | None = None) -> T:
        """Return the result. Raises TimeoutError where there is none."""
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
    """A call that was submitted, and its future."""

    future: Promise[Any]
    run: Callable[[], Any]


class Inline(Executor):
    """Runs each call as it is submitted, so that every result is there at once."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Call, and return a future that is done."""
        call = Call(Promise(lambda _: None), partial(fn, *args, **kwargs))
        _settle(call)
        return call.future


class Deferred(Executor):
    """Keeps calls until a test lets them begin, finish or fail, or breaks the executor down.

    The thread that made the executor opens the pool, and submits what workers warm up on: such calls run at once. A
    `prompt` executor finishes a call that is waited for.
    """

    def __init__(self, prompt: bool = False) -> None:
        self.calls: list[Call] = []
        """The calls that are not done, in the order in which they were submitted; some may be cancelled."""
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
        """Mark a call as running, so that it can no longer be cancelled."""
        call = self.calls[index]
        if not call.future.running() and not call.future.set_running_or_notify_cancel():
            self.calls.remove(call)

    def finish(self, index: int = 0) -> None:
        """Run a call to its end, unless it was cancelled."""
        _settle(self.calls.pop(index))

    def fail(self, error: BaseException, index: int = 0) -> None:
        """End a call in an error of the transport, such as a result that does not unpickle."""
        _settle(self.calls.pop(index), error)

    def _awaited(self, future: Promise[Any]) -> None:
        if self._prompt:
            self.finish([call.future for call in self.calls].index(future))

    def break_down(self) -> None:
        """Lose all calls, and accept no more."""
        self.broken = True
        while self.calls:
            self.fail(BrokenExecutor("a worker died"))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Accept no more calls. Those that have begun continue."""
        self.closed = True
        if cancel_futures:
            for call in self.calls:
                call.future.cancel()


class Timed(Polled):
    """Workers whose results arrive when a clock says so: a task takes so many seconds for each of its steps.

    A wait moves the clock. So a test sees the schedule of a run with workers, the same on any machine. The thread that
    made the executor opens the pool: what workers warm up on takes no time.
    """

    def __init__(self, clock: Clock, workers: int, step_s: float, round_trip_s: float = 0.0) -> None:
        self._clock, self._step_s, self._round_trip_s = clock, step_s, round_trip_s
        self._free = [0.0] * workers  # when each worker has done all that was submitted
        self._opener = threading.current_thread()
        self._running: list[tuple[float, int, _Later[Any]]] = []  # a heap, by their ends
        self._numbers = count()
        self.busy_s = 0.0
        """Seconds that workers have worked, or will have."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the call, and return a future that is done later."""
        result = fn(*args, **kwargs)
        if threading.current_thread() is self._opener:
            return _Later(self._clock, result, self._clock(), self._clock())
        began = max(self._clock(), min(self._free))
        steps = max(1, result.steps) if isinstance(result, Delivery) else 0
        ended = began + self.seconds(steps)
        if isinstance(result, Delivery):
            self.busy_s += ended - began
            result = cast(T, result._replace(began=began, ended=ended))
        self._free[self._free.index(min(self._free))] = ended
        later = _Later(self._clock, result, began, ended)
        heappush(self._running, (ended, next(self._numbers), later))
        return later

    def seconds(self, steps: int) -> float:
        """Return what a task of so many steps takes; called once for each task."""
        return steps * self._step_s + self._round_trip_s

    def poll(self, seconds: float) -> None:
        """End the calls whose time has come; where there is none, move the clock to the next one's."""
        if seconds and self._running and self._running[0][0] > self._clock():
            self._clock.move(min(seconds, self._running[0][0] - self._clock()))
        while self._running and self._running[0][0] <= self._clock():
            heappop(self._running)[2].end()


class _Later(Future[T]):
    def __init__(self, clock: Clock, value: T, began: float, ended: float) -> None:
        super().__init__()
        self._clock, self._value, self._began, self.ended = clock, value, began, ended

    def done(self) -> bool:
        return self.cancelled() or self._clock() >= self.ended

    def end(self) -> None:
        """Call back those who wait for the result."""
        if not self.cancelled():
            self.set_result(self._value)

    def cancel(self) -> bool:
        return self._clock() < self._began and super().cancel()

    def result(self, timeout: float | None = None) -> T:
        self.exception(timeout)
        return self._value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        left = max(0.0, self.ended - self._clock())
        self._clock.move(left if timeout is None else min(left, timeout))
        if not self.done():
            raise TimeoutError
        return None


def _settle(call: Call, error: BaseException | None = None) -> None:
    future = call.future
    if not future.running() and not future.set_running_or_notify_cancel():
        return
    try:
        if error is not None:
            raise error
        future.set_result(call.run())
    except Exception as caught:  # noqa: BLE001 -- a future keeps whatever the call raises
        future.set_exception(caught)
