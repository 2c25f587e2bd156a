"""Ctrl-C and SIGTERM ask for a clean end; a second Ctrl-C ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

INTERRUPTED = 130  # exit code after Ctrl-C, as shells expect


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C and SIGTERM call `stop`, which asks for a clean end; a second Ctrl-C raises KeyboardInterrupt at once.

    A further SIGTERM changes nothing, because schedulers and launchers send several. A signal that the process ignores
    stays ignored. Only the main thread receives signals; in any other thread this does nothing.
    """
    if not _receives_signals():
        yield
        return

    def on_interrupt(_signal: int, _frame: object) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_termination(_signal: int, _frame: object) -> None:
        stop()

    handlers = {signal.SIGINT: on_interrupt, signal.SIGTERM: on_termination}
    heard = {number: handler for number, handler in handlers.items() if signal.getsignal(number) != signal.SIG_IGN}
    before = {number: signal.signal(number, handler) for number, handler in heard.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: the handler was not set by Python


@contextmanager
def postponing_termination() -> Iterator[Callable[[], bool]]:
    """Within, SIGTERM interrupts nothing, such as the writing of a record; the yielded call says whether it came.

    Only `stoppable` within reacts to it.
    """
    if not _receives_signals() or signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
        yield lambda: False
        return
    came = threading.Event()
    before = signal.signal(signal.SIGTERM, lambda _signal, _frame: came.set())
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _receives_signals() -> bool:
    return threading.current_thread() is threading.main_thread()
