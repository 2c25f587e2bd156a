"""A time limit on a call of Python code, in any thread."""

from __future__ import annotations

import ctypes
import math
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from queue import Empty, SimpleQueue
from typing import TypeVar

from asc.speculators.pool import NoWorkersError

T = TypeVar("T")

_AGAIN_S = 0.2


class OverTimeError(BaseException):
    """The call did not end within its limit; a step from a wrong candidate may never end.

    It is no `Exception`, so a step that catches exceptions does not catch this one.
    """


class _Call:
    """A call under a limit: its thread, and whether it is over or was struck."""

    def __init__(self) -> None:
        self.thread, self.lock = threading.get_ident(), threading.Lock()
        self.over = self.struck = False

    def strike(self) -> bool:
        """Raise `OverTimeError` in the thread, unless the call is over."""
        with self.lock:
            if not self.over:
                self.struck = True
                _raise_in(self.thread, OverTimeError)
            return not self.over


class _Watch:
    """Strikes calls at their limits. One thread does it for all: to start one for each call would take far longer.

    The thread is woken only for a limit that is earlier than the one that it waits for. Most calls end long before
    their limits, and each waking of a thread takes the interpreter from those that work.
    """

    def __init__(self) -> None:
        self._new: deque[tuple[float, int, _Call]] = deque()  # its methods cannot be struck half-way
        self._wakes: SimpleQueue[None] = SimpleQueue()
        self._next = math.inf  # when the thread wakes by itself
        self._numbers, self._lock, self._started = count(), threading.Lock(), False

    def begin(self, call: _Call, seconds: float) -> None:
        """Strike a call after so many seconds. Raises NoWorkersError where the system has no thread for that."""
        if not self._started:
            with self._lock:
                if not self._started:
                    try:
                        threading.Thread(target=self._run, name="asc-limit", daemon=True).start()
                    except RuntimeError as error:
                        raise NoWorkersError(f"a worker could not limit the time of its tasks ({error})") from error
                    self._started = True
        end = time.monotonic() + seconds
        self._new.append((end, next(self._numbers), call))
        if end < self._next:
            self._wakes.put(None)

    def _run(self) -> None:
        waiting: list[tuple[float, int, _Call]] = []  # a heap
        while True:
            self._next = math.inf  # whoever begins a call from now on wakes this thread
            while self._new:
                heappush(waiting, self._new.popleft())
            while waiting and waiting[0][2].over:
                heappop(waiting)
            left = waiting[0][0] - time.monotonic() if waiting else None
            if left is not None and left <= 0:
                _, number, call = heappop(waiting)
                if call.strike():  # something may swallow it, such as a callback of the garbage collector
                    heappush(waiting, (time.monotonic() + _AGAIN_S, number, call))
                continue
            if waiting:
                self._next = waiting[0][0]
            if not self._new:
                with suppress(Empty):
                    self._wakes.get(timeout=left)


_watch = _Watch()


def _begin_anew() -> None:
    """A copy of this process has none of its threads."""
    global _watch  # noqa: PLW0603 -- the system asks for it
    _watch = _Watch()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


def run_limited(call: Callable[[], T], seconds: float | None) -> T:
    """Call, and raise `OverTimeError` in this thread once `seconds` have passed; None means no limit.

    An asynchronous exception reaches pure Python code in any thread on any platform; a signal reaches the main thread
    only. The exception does not interrupt compiled code before it returns to Python. Where the call catches the
    exception and returns, `OverTimeError` is raised then, since the result of an interrupted call means nothing. The
    exception never strikes after this function has returned. That is why this is no context manager: the exception
    could strike between the end of a block and its `__exit__`. Raises NoWorkersError where the system has no thread for
    the watch.
    """
    if seconds is None:
        return call()
    limited = _Call()
    try:
        try:
            _watch.begin(limited, seconds)
            found = call()
        finally:
            limited.over = True  # an assignment is no call, so nothing can strike here
    finally:
        settled = False
        while not settled:
            try:
                with limited.lock:  # a strike that had begun is complete now
                    settled = True
                if limited.struck:
                    _take(limited.thread)
            except OverTimeError:
                settled = False
        if limited.struck:
            raise OverTimeError(f"interrupted after {seconds:g} s")
    return found


def _take(thread: int) -> None:
    """Catch the exception that may still be on its way to this thread.

    CPython's interface can also withdraw it. But then the flag stays set by which threads look for such exceptions,
    until the next one is raised: every call looks in vain, and under a debugger or a coverage tracer no call begins.
    """
    try:
        while True:  # again where a callback of the garbage collector swallows it
            _raise_in(thread, OverTimeError)
            for _ in range(1000):
                pass
    except OverTimeError:
        return


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise in a thread as soon as it runs Python code. At most one exception is on its way to a thread."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
