"""Ctrl-C and the signals of launchers ask for a clean end; what a user's own handler raises belongs to the user."""

from __future__ import annotations

import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final

INTERRUPTED = 130  # exit code after Ctrl-C, as shells expect

ENDING: Final = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))
"""What schedulers, containers and terminals that are closed send."""


_MOMENT_S = 0.05


@contextmanager
def stoppable(stop: Callable[[], object]) -> Iterator[None]:
    """Let Ctrl-C and the signals in `ENDING` call `stop`, which asks for a clean end.

    A second Ctrl-C raises KeyboardInterrupt at once. A further signal in `ENDING` changes nothing, because schedulers
    and launchers send several. A signal that the process ignores stays ignored, and a handler that was not set by
    Python stays, because Python could not restore it. Only the main thread receives signals; in any other thread this
    does nothing. What the user's own handlers raise is raised here, see `raising`.
    """

    def on_interrupt(_signal: int, _frame: object) -> None:
        stop()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def on_ending(_signal: int, _frame: object) -> None:
        stop()

    with raising(), _handling({signal.SIGINT: on_interrupt, **dict.fromkeys(ENDING, on_ending)}):
        yield


@contextmanager
def postponing_termination() -> Iterator[Callable[[], bool]]:
    """Within, no signal in `ENDING` interrupts anything, such as the writing of a record; the call says if one came.

    Only `stoppable` within reacts to them.
    """
    came = threading.Event()
    with _handling(dict.fromkeys(ENDING, lambda _signal, _frame: came.set())):
        yield came.is_set


def end_as_by_ctrl_c() -> None:
    """Let the signals in `ENDING` raise KeyboardInterrupt from now on, unless the process ignores or handles them."""
    for number in ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def press_again(unraisable: sys.UnraisableHookArgs) -> None:
    """Interrupt once more where Python has ignored a Ctrl-C, because it came within a finaliser or a callback.

    Imports have many of these. For `sys.unraisablehook`; all else that cannot be raised is shown as usual.
    """
    if not isinstance(unraisable.exc_value, KeyboardInterrupt):
        sys.__unraisablehook__(unraisable)
        return
    again = threading.Timer(_MOMENT_S, interrupt_main)  # by then the finaliser is over; if not, it comes here again
    again.daemon = True
    again.start()


@contextmanager
def raising() -> Iterator[None]:
    """Raise here what the user's own handlers of signals raise within, such as an alarm's.

    Nothing within that catches exceptions of a plugin, a file or a step gets hold of it: on its way, it is no
    `Exception`.
    """
    raised: list[Exception] = []

    def passing(handle: _Handler) -> _Handler:
        def handler(number: int, frame: FrameType | None) -> None:
            try:
                handle(number, frame)
            except Exception as error:
                raised.append(error)
                raise _OnItsWay from error

        return handler

    found = {number: signal.getsignal(number) for number in _SIGNALS}
    own = {number: handle for number, handle in found.items() if callable(handle)}
    handlers = {number: passing(handle) for number, handle in own.items() if handle is not signal.default_int_handler}
    try:
        with _handling(handlers):
            yield
    except _OnItsWay:
        if not raised:
            raise
    if raised:
        raise raised[0]


_SIGNALS: Final = tuple(signal.Signals)  # those with a name; to list all that are valid takes long


class _OnItsWay(BaseException):
    """What a user's handler has raised, on its way out of asc."""


_Handler = Callable[[int, FrameType | None], object]


@contextmanager
def _handling(handlers: Mapping[signal.Signals, _Handler]) -> Iterator[None]:
    """Handle signals, in the main thread; those that are ignored, or handled outside Python, stay as they are."""
    before: dict[signal.Signals, Any] = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, handler)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
