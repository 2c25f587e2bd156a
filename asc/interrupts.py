"""Ctrl-C asks for a clean end; a second Ctrl-C ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # exit code after Ctrl-C, as shells expect


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C call `stop`, which asks for a clean end; a second one raises KeyboardInterrupt at once.

    Only the main thread receives signals; in any other thread this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_interrupt(_signal: int, _frame: object) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
