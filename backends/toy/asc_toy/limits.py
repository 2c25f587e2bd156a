"""A time limit on a stretch of Python code, in whatever thread it runs."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class OverTimeError(Exception):
    """The code did not come to an end within its limit; a step that starts from garbage may never do."""


@contextmanager
def time_limit(seconds: float | None) -> Iterator[None]:
    """Raise `OverTimeError` in this thread once `seconds` have passed; None means no limit.

    Works by an asynchronous exception, which reaches pure Python code in any thread of any platform (signals reach only
    the main thread). A single call into compiled code is not interrupted before it returns.
    """
    if seconds is None:
        yield
        return
    thread, lock, over = threading.get_ident(), threading.Lock(), threading.Event()

    def interrupt() -> None:
        with lock:
            if not over.is_set():
                _raise_in(thread, OverTimeError)

    timer = threading.Timer(seconds, interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with lock:
            over.set()
        timer.cancel()


def _raise_in(thread: int, error: type[BaseException]) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
