"""A time limit on a call of Python code, in any thread."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

from asc.speculators.pool import NoWorkersError

T = TypeVar("T")

_AGAIN_S = 0.2


class OverTimeError(BaseException):
    """The call did not end within its limit; a step from a wrong candidate may never end.

    It is no `Exception`, so a step that catches exceptions does not catch this one.
    """


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
    thread, lock, ended = threading.get_ident(), threading.Lock(), threading.Event()
    over = struck = False

    def watch() -> None:
        nonlocal struck
        wait = seconds
        while not ended.wait(wait):
            with lock:
                if over:
                    return
                struck = True
                _raise_in(thread, OverTimeError)
            wait = _AGAIN_S  # something may have swallowed it, such as a callback of the garbage collector

    try:
        try:
            _start(threading.Thread(target=watch, name="asc-limit", daemon=True))
            found = call()
        finally:
            over = True  # an assignment is no call, so nothing can strike here
    finally:
        settled = False
        while not settled:
            try:
                with lock:  # a strike that had begun is complete now
                    settled = True
                ended.set()
                if struck:
                    _take(thread)
            except OverTimeError:
                settled = False
        if struck:
            raise OverTimeError(f"interrupted after {seconds:g} s")
    return found


def _start(thread: threading.Thread) -> None:
    try:
        thread.start()
    except RuntimeError as error:
        raise NoWorkersError(f"a worker could not limit the time of its tasks ({error})") from error


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
