"""The pool of workers: opened beside the main thread, and closed at any time."""

from __future__ import annotations

import threading
from concurrent.futures import BrokenExecutor, Executor

import pytest

from asc.errors import AscError
from asc.ledger import Ledger
from asc.speculators.executed.workforce import Workforce
from asc.speculators.pool import Pool
from asc.testing.clock import Clock
from asc.testing.executors import Deferred, Inline


def ledger() -> Ledger:
    return Ledger(lambda _: 0.0, timed=True, clock=Clock())


def wait_for_opening() -> None:
    for thread in threading.enumerate():
        if thread.name == "asc-workforce":
            thread.join()


def untouched(workforce: Workforce) -> bool:
    return workforce.untouched


def ready(workforce: Workforce) -> bool:
    return workforce.ready(lambda: int)


class Gate:
    """Makes an executor once it is open."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.made: list[Deferred] = []

    def make(self) -> Executor:
        self.open.wait()
        self.made.append(Deferred())
        return self.made[-1]


def test_the_main_thread_continues_while_workers_start() -> None:
    gate, book = Gate(), ledger()
    workforce = Workforce(Pool(gate.make, 1), book)
    assert untouched(workforce)
    assert not ready(workforce)
    assert not untouched(workforce)
    assert not ready(workforce)
    assert workforce.submit(int) is None
    gate.open.set()
    wait_for_opening()
    assert ready(workforce)
    assert len(gate.made) == 1
    future = workforce.submit(int, "7")
    assert future is not None
    gate.made[0].finish()
    assert future.result() == 7
    assert book.accounts()["start"]["count"] == 1
    assert book.started == book.accounts()["start"]["seconds"] >= 0.0
    assert book.spent == 0.0
    workforce.close()
    assert gate.made[0].closed


def test_a_pool_that_opens_too_late_is_closed_at_once() -> None:
    gate = Gate()
    workforce = Workforce(Pool(gate.make, 1), ledger())
    ready(workforce)
    workforce.close()
    gate.open.set()
    wait_for_opening()
    assert gate.made[0].closed
    assert untouched(workforce)
    assert workforce.submit(int) is None


def test_a_mistake_of_the_user_is_raised_where_workers_are_needed() -> None:
    def make() -> Executor:
        raise AscError("There is no Dask here. Type: pip install dask distributed")

    workforce = Workforce(Pool(make, 1), ledger())
    assert not ready(workforce)
    wait_for_opening()
    with pytest.raises(AscError, match="pip install dask"):
        ready(workforce)
    assert workforce.fault == ""


def test_anything_else_that_goes_wrong_at_the_start_leaves_a_run_without_workers() -> None:
    made = []

    def make() -> Executor:
        made.append(1)
        raise OSError("no more processes")

    workforce = Workforce(Pool(make, 1, background=False), ledger())
    assert not ready(workforce)
    assert workforce.fault == "the workers did not start (OSError: no more processes)"
    assert not ready(workforce)
    assert not untouched(workforce)
    assert len(made) == 1


def test_a_fault_of_a_pool_that_was_closed_meanwhile_does_not_count() -> None:
    gate = threading.Event()

    def make() -> Executor:
        gate.wait()
        raise OSError("no more processes")

    workforce = Workforce(Pool(make, 1), ledger())
    ready(workforce)
    workforce.close()
    gate.set()
    wait_for_opening()
    assert workforce.fault == ""


def test_breakdowns_in_a_row_are_forgiven_by_an_answer() -> None:
    workforce = Workforce(Pool(Inline, 1, background=False), ledger())
    for _ in range(3):
        ready(workforce)
        workforce.replace(BrokenExecutor("gone"))
    workforce.answered()
    for _ in range(3):
        assert ready(workforce)
        workforce.replace(BrokenExecutor("gone"))
    assert workforce.fault == ""
    workforce.replace(BrokenExecutor("gone"))
    assert workforce.fault == "the workers broke down 4 times in a row (BrokenExecutor: gone)"
    assert not ready(workforce)
