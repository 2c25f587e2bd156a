"""A time limit on a stretch of Python code, in whatever thread it runs."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_AGAIN_S = 0.2


class OverTimeError(BaseException):
    """The code did not come to an end within its limit; a step that starts from garbage may never do.

    No `Exception`, so that a step that catches those does not take it for one of its own.
    """


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `OverTimeError` in this thread once `seconds` have passed; None means no limit.

    Works by an asynchronous exception, which reaches pure Python code in any thread of any platform (signals reach only
    the main thread). A single call into compiled code is not interrupted before it returns. Code that catches it and
    comes to an end all the same has it raised there: what it did then is not what it does.
    """
    if seconds is None:
        yield
        return
    thread, lock, over, struck = threading.get_ident(), threading.Lock(), threading.Event(), False

    def interrupt() -> None:
        nonlocal struck
        wait = seconds
        while not over.wait(wait):
            with lock:
                if not over.is_set():
                    struck = True
                    _raise_in(thread, OverTimeError)
            wait = _AGAIN_S  # a callback of the garbage collector, say, may have swallowed it

    threading.Thread(target=interrupt, name="asc-limit", daemon=True).start()
    try:
        yield
    finally:
        with lock:
            over.set()
        if struck:
            _raise_in(thread, None)  # it may be on its way still
            raise OverTimeError(f"interrupted after {seconds:g} s")


def _raise_in(thread: int, error: type[BaseException] | None) -> None:
    """Raise in a thread as soon as it runs Python code; None takes back what has not been raised yet."""
    what = None if error is None else ctypes.py_object(error)
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what)
