"""A time limit that only ends what hangs."""

from __future__ import annotations

import signal
import threading
import traceback
from collections.abc import Callable
from typing import TypeVar

from asc.errors import place

T = TypeVar("T")

_AGAIN_S = 1.0  # seconds after which an alarm is repeated, where a component has caught it


class _HangsError(BaseException):
    """No `Exception`, so that neither a run nor a component that catches exceptions continues."""


def limited(seconds: float, call: Callable[[], T]) -> T:
    """Call, and raise AssertionError where the call does not end in so many seconds, with method, file and line.

    It takes an alarm to interrupt what waits or loops. Where there is none, as on Windows or outside the main thread,
    there is no limit. An alarm that was set before stays where it comes sooner, and is set again afterwards otherwise.
    """
    __tracebackhide__ = True
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        return call()
    if 0 < signal.getitimer(signal.ITIMER_REAL)[0] < seconds:
        return call()
    ended = False

    def ring(_number: int, _frame: object) -> None:
        if not ended:
            raise _HangsError

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, min(seconds, threading.TIMEOUT_MAX), _AGAIN_S)
    try:
        return call()
    except _HangsError as error:
        problem = (
            f"{_method(error)} did not return within {seconds:,g} s{place(error)}: it loops, or waits for something"
        )
        raise AssertionError(f"{problem}. If it is only slow, give the laws a larger limit_s") from None
    finally:
        ended = True
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler or signal.SIG_DFL)


def _method(error: BaseException) -> str:
    """Return the name of the first function outside of asc that was called, such as "Mine.predict"."""
    frames = (frame for frame, _ in traceback.walk_tb(error.__traceback__))
    homes = ((str(frame.f_globals.get("__name__", "")).partition(".")[0], frame) for frame in frames)
    return next((frame.f_code.co_qualname for home, frame in homes if home != "asc"), "a law")
