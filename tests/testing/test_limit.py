"""The time limit of laws: it ends what hangs, and nothing else."""

from __future__ import annotations

import math
import signal
import threading
import time
from contextlib import suppress
from functools import partial

import pytest

from asc.testing.limit import limited

LONG = 1000.0


def test_what_ends_in_time_is_returned() -> None:
    assert limited(LONG, partial(divmod, 7, 2)) == (3, 1)
    assert limited(math.inf, partial(divmod, 7, 2)) == (3, 1)


def test_an_exception_is_passed_on() -> None:
    with pytest.raises(ZeroDivisionError):
        limited(LONG, partial(divmod, 7, 0))


def loops() -> None:
    while True:
        pass


def waits() -> None:
    threading.Event().wait(LONG)


def catches() -> None:
    while True:
        with suppress(Exception):
            waits()


@pytest.mark.parametrize("call", [loops, waits, catches])
def test_what_hangs_is_ended_and_named(call: object) -> None:
    with pytest.raises(AssertionError) as ended:
        limited(0.05, call)  # type: ignore[arg-type]
    name = getattr(call, "__name__", "")
    assert str(ended.value).startswith(f"{name} did not return within 0.05 s (test_limit.py, line ")


def test_an_alarm_that_was_set_before_is_set_again() -> None:
    rung: list[int] = []
    handler = signal.signal(signal.SIGALRM, lambda number, _: rung.append(number))
    timer = signal.setitimer(signal.ITIMER_REAL, LONG)
    try:
        limited(LONG / 2, lambda: None)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] <= LONG
        signal.raise_signal(signal.SIGALRM)
        assert rung == [signal.SIGALRM]
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def test_an_alarm_that_comes_sooner_stays() -> None:
    class OwnError(Exception):
        """What another tool raises."""

    def ring(number: int, _: object) -> None:
        raise OwnError

    handler = signal.signal(signal.SIGALRM, ring)
    timer = signal.setitimer(signal.ITIMER_REAL, 0.05)
    try:
        with pytest.raises(OwnError):
            limited(LONG, loops)
    finally:
        signal.setitimer(signal.ITIMER_REAL, *timer)
        signal.signal(signal.SIGALRM, handler)


def test_outside_the_main_thread_there_is_no_limit() -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(limited(1e-9, lambda: time.sleep(0.01) or "slept")))
    thread.start()
    thread.join()
    assert found == ["slept"]
