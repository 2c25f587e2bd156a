"""The pool of workers: opened beside the main thread, and closed at any time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future

import pytest

from asc.errors import AscError
from asc.ledger import Ledger
from asc.predictors.linear import Linear
from asc.reference.programs import PROGRAMS, machine
from asc.reference.registers import Registers
from asc.speculators.executed.workforce import Workforce
from asc.speculators.pool import NoWorkersError, Pool
from asc.testing.assembly import assemble
from asc.testing.checks import drive, walk
from asc.testing.clock import Clock, Priced
from asc.testing.executors import Deferred, Inline
from asc.types import Candidate, Transition


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


def test_what_the_workers_need_may_go_away_during_a_run() -> None:
    """Such as the scheduler of a cluster: the run continues without workers."""
    there = [True]

    def make() -> Executor:
        if there.pop():
            return Inline()
        raise AscError("No scheduler answers")

    workforce = Workforce(Pool(make, 1, background=False), ledger())
    ready(workforce)
    workforce.replace(BrokenExecutor("it is gone"))
    there.append(False)
    assert not ready(workforce)
    assert workforce.fault == "the workers did not start (AscError: No scheduler answers)"


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


def test_a_run_does_without_workers_where_the_system_has_no_further_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    workforce = Workforce(Pool(Inline, 1), ledger())
    assert not ready(workforce)
    assert workforce.fault == "the workers did not start (RuntimeError: can't start new thread)"
    assert not ready(workforce)


def test_what_goes_wrong_is_said_on_one_line() -> None:
    def make() -> Executor:
        raise OSError("no more processes,\n\nwhich has a cause.")

    workforce = Workforce(Pool(make, 1, background=False), ledger())
    ready(workforce)
    assert workforce.fault == "the workers did not start (OSError: no more processes, which has a cause)"


def test_a_worker_that_never_starts_does_not_keep_the_process_from_its_end() -> None:
    gate = Gate()
    workforce = Workforce(Pool(gate.make, 1), ledger())
    ready(workforce)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "asc-workforce"] == [True]
    gate.open.set()
    wait_for_opening()


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


def test_a_pool_that_must_be_made_inline_is_made_by_the_thread_that_asks() -> None:
    makers = []

    def make() -> Executor:
        makers.append(threading.current_thread())
        return Inline()

    book = ledger()
    workforce = Workforce(Pool(make, 1, inline=True), book)
    ready(workforce)
    assert makers == [threading.current_thread()]
    wait_for_opening()
    assert ready(workforce)
    assert len(makers) == 1
    assert book.accounts()["start"]["count"] == 1


@pytest.mark.parametrize("inline", [True, False])
def test_a_run_that_can_have_no_workers_says_why(inline: bool) -> None:
    def make() -> Executor:
        raise NoWorkersError("this process may have no children")

    workforce = Workforce(Pool(make, 1, background=False, inline=inline), ledger())
    assert not ready(workforce)
    assert workforce.fault == "this process may have no children"
    assert not untouched(workforce)


@pytest.mark.parametrize("inline", [True, False])
def test_a_worker_may_find_at_its_start_that_there_can_be_no_workers(inline: bool) -> None:
    def warm_up() -> None:
        raise NoWorkersError("the workers differ from this process")

    opened: list[Deferred] = []

    def make() -> Executor:
        opened.append(Deferred())
        return opened[-1]

    workforce = Workforce(Pool(make, 1, background=False, inline=inline), ledger())
    assert not workforce.ready(lambda: warm_up)
    assert workforce.fault == "the workers differ from this process"
    assert opened[0].closed


def test_a_pool_is_given_up_for_good() -> None:
    opened: list[Deferred] = []

    def make() -> Executor:
        opened.append(Deferred())
        return opened[-1]

    workforce = Workforce(Pool(make, 1, background=False), ledger())
    assert ready(workforce)
    workforce.give_up(NoWorkersError("a worker has changed `counter`"))
    assert opened[0].closed
    assert not ready(workforce)
    assert workforce.fault == "a worker has changed `counter`"
    assert len(opened) == 1


def test_a_pool_whose_workers_never_start_is_closed_with_the_run() -> None:
    class Stuck(Deferred):
        def submit(self, fn: object, /, *args: object, **kwargs: object) -> Future[object]:  # type: ignore[override]
            submitted.set()
            return pending

        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            super().shutdown(wait, cancel_futures=cancel_futures)
            pending.set_exception(RuntimeError("the workers were let go"))

    submitted, pending, stuck = threading.Event(), Future[object](), Stuck()
    workforce = Workforce(Pool(lambda: stuck, 1), ledger())
    ready(workforce)
    submitted.wait()
    workforce.close()
    assert stuck.closed
    wait_for_opening()
    assert workforce.fault == ""


class Different(Registers):
    """A machine whose workers find that they cannot do what the main thread does."""

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        def differ() -> Iterable[Transition]:
            raise NoWorkersError("the workers differ from this process in the decimal context")

        return super().task(candidate, lengths, seconds) if sum(lengths) == 1 else differ


def test_a_task_may_find_that_there_can_be_no_workers() -> None:
    program, clock = PROGRAMS["count"], Clock()
    registers = Different(program.step, program.words, 1000, program.sums)
    engine = assemble(Priced(registers, clock, {"step": 1e-3}), {"linear": Linear()}, workers=1, clock=clock)
    drive(engine)
    assert registers.digest() == walk(machine("count", 1000))
    assert engine.speculator.fault == "the workers differ from this process in the decimal context"
