"""Signals that ask for a clean end."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from asc.interrupts import ENDING, end_as_by_ctrl_c, postponing_termination, raising, stoppable

ASKING = (signal.SIGINT, *ENDING)


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """A background job ignores Ctrl-C, and hands that on to the processes that it starts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", ASKING)
def test_a_signal_asks_for_a_clean_end_and_the_handlers_are_restored(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in ASKING]
    asked: list[int] = []
    with stoppable(lambda: asked.append(1)):
        signal.raise_signal(number)
    assert asked == [1]
    assert [signal.getsignal(each) for each in ASKING] == before


def test_a_second_ctrl_c_is_immediate() -> None:
    before = signal.getsignal(signal.SIGINT)
    asked: list[int] = []

    def press_twice() -> None:
        with stoppable(lambda: asked.append(1)):
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        press_twice()
    assert asked == [1]
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("number", ASKING)
def test_a_signal_that_the_process_ignores_stays_ignored(number: signal.Signals) -> None:
    asked: list[int] = []
    before = signal.signal(number, signal.SIG_IGN)
    try:
        with postponing_termination() as terminated, stoppable(lambda: asked.append(1)):
            signal.raise_signal(number)
        assert signal.getsignal(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)
    assert asked == []
    assert not terminated()


def test_another_thread_leaves_the_handlers_alone() -> None:
    before = [signal.getsignal(each) for each in ASKING]
    seen: list[object] = []

    def within() -> None:
        with postponing_termination(), stoppable(lambda: None):
            seen.extend(signal.getsignal(each) for each in ASKING)

    thread = threading.Thread(target=within)
    thread.start()
    thread.join()
    assert seen == before


@pytest.mark.parametrize("number", ASKING)
def test_a_handler_that_python_did_not_set_stays(number: signal.Signals, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such a handler belongs to a program that Python is a part of, and Python could not restore it."""
    known = signal.getsignal
    monkeypatch.setattr(signal, "getsignal", lambda asked: None if asked == number else known(asked))
    before = signal.signal(number, signal.SIG_IGN)  # stands for that handler
    try:
        with postponing_termination(), stoppable(lambda: None):
            signal.raise_signal(number)
        end_as_by_ctrl_c()
        assert known(number) == signal.SIG_IGN
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", ENDING)
def test_a_command_ends_as_by_ctrl_c(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_DFL)
    try:
        end_as_by_ctrl_c()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    finally:
        signal.signal(number, before)


class LateError(TimeoutError):
    """What a user's alarm raises: asc itself catches OSError, TimeoutError and Exception in many places."""


@pytest.fixture
def alarm() -> Iterator[Callable[[], None]]:
    """Return a call that rings the alarm."""

    def ring(*_: object) -> None:
        raise LateError("the user's")

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda: signal.raise_signal(signal.SIGALRM)
    assert signal.getsignal(signal.SIGALRM) is ring
    signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize("caught", [LateError, TimeoutError, OSError, Exception])
def test_what_an_alarm_raises_is_the_user_s_whoever_catches_it_within(
    caught: type[Exception], alarm: Callable[[], None]
) -> None:
    with pytest.raises(LateError, match="the user's"), stoppable(lambda: None), raising(), contextlib.suppress(caught):
        alarm()


def test_what_python_drops_of_an_alarm_is_raised_in_the_end(alarm: Callable[[], None]) -> None:
    class Lost:
        def __del__(self) -> None:
            with contextlib.suppress(BaseException):
                alarm()

    with pytest.raises(LateError), raising():
        Lost()


def test_a_handler_that_raises_nothing_is_called(alarm: Callable[[], None]) -> None:
    heard: list[int] = []
    ring = signal.signal(signal.SIGALRM, lambda number, _: heard.append(number))
    with raising():
        alarm()
    signal.signal(signal.SIGALRM, ring)
    assert heard == [signal.SIGALRM]
