"""Signals that ask for a clean end."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

import pytest

from asc.interrupts import postponing_termination, stoppable

ASKING = (signal.SIGINT, signal.SIGTERM)


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
