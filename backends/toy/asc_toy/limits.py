"""A time limit on a call of Python code, in whatever thread it runs."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_AGAIN_S = 0.2


class OverTimeError(BaseException):
    """The call did not come to an end within its limit; a step that starts from garbage may never do.

    No `Exception`, so that a step that catches those does not take it for one of its own.
    """


def run_limited(call: Callable[[], T], seconds: float | None) -> T:
    """Call, and raise `OverTimeError` in this thread once `seconds` have passed; None means no limit.

    Works by an asynchronous exception, which reaches pure Python code in any thread of any platform (signals reach only
    the main thread). A single call into compiled code is not interrupted before it returns. Code that catches it and
    comes to an end all the same has it raised there: what it did then is not what it does. Nothing strikes after the
    return, which is why this is no context manager: between a block and its `__exit__` there is room for a strike.
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
            wait = _AGAIN_S  # a callback of the garbage collector, say, may have swallowed it

    try:
        try:
            threading.Thread(target=watch, name="asc-limit", daemon=True).start()
            found = call()
        finally:
            over = True  # no call, so nothing can be raised in between
    finally:
        settled = False
        while not settled:
            try:
                with lock:  # whoever was about to strike has done so
                    settled = True
                ended.set()
                if struck:
                    _take(thread)
            except OverTimeError:
                settled = False
        if struck:
            raise OverTimeError(f"interrupted after {seconds:g} s")
    return found


def _take(thread: int) -> None:
    """Take the exception that may be on its way to this thread still, here and now.

    To withdraw it, as the interface permits, leaves CPython's flag set by which threads look for such exceptions, until
    another is raised: each call then looks in vain, and under a debugger or a tracer of coverage, none even begins.
    """
    try:
        while True:  # again, should a callback of the garbage collector swallow it
            _raise_in(thread, OverTimeError)
            for _ in range(1000):
                pass
    except OverTimeError:
        return


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise in a thread as soon as it runs Python code; there is never more than one on its way."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
