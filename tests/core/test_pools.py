"""Exactness on real pools: threads, and processes that die or send back what cannot be read."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, ParamSpec, TypeVar

import pytest

from asc.computation import Computation
from asc.engine import Engine
from asc.predictors.linear import Linear
from asc.predictors.memory import Memory
from asc.reference.programs import PROGRAMS, machine
from asc.reference.registers import Registers
from asc.testing.assembly import assemble
from asc.testing.checks import check_same_end, drive, walk
from asc.testing.clock import Clock, Priced
from asc.types import Candidate, Transition

P = ParamSpec("P")
T = TypeVar("T")


class Patient(Executor):
    """A real pool that waits for each result at once, so that none comes too late."""

    def __init__(self, pool: Executor) -> None:
        self._pool = pool

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        future = self._pool.submit(fn, *args, **kwargs)
        wait([future])
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._pool.shutdown(wait=wait, cancel_futures=cancel_futures)


class Processes:
    """Opens process pools, and waits at the end until they are gone."""

    def __init__(self) -> None:
        self.opened: list[ProcessPoolExecutor] = []

    def __call__(self) -> Executor:
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        self.opened.append(pool)
        return Patient(pool)


@pytest.fixture
def processes() -> Iterator[Processes]:
    opener = Processes()
    yield opener
    for pool in opener.opened:
        pool.shutdown(wait=True)


@pytest.mark.parametrize("program", sorted(PROGRAMS))
def test_threads(program: str) -> None:
    """Whatever their timing."""

    def build(computation: Computation) -> Engine:
        return assemble(
            computation,
            {"linear": Linear(), "memory": Memory()},
            every=20,
            executor=lambda: ThreadPoolExecutor(2),
            workers=2,
        )

    check_same_end(lambda: machine(program, 3000), build)


def test_processes(processes: Processes) -> None:
    clock = Clock()
    computation = Priced(machine("count", 3000), clock, {"step": 1e-3})
    engine = assemble(computation, {"linear": Linear()}, executor=processes, workers=1, clock=clock)
    events = drive(engine)
    assert computation.digest() == walk(machine("count", 3000))
    sources = {leap.source for event in events for leap in event.leaps}
    assert "worker 1, linear" in sources
    (worker,) = {span.worker for event in events for span in event.spans}
    assert worker == "worker 1"


class Deadly(Registers):
    """A machine whose tasks kill the worker that runs them."""

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        return partial(os._exit, 3)


class DeadlyAfterWarmUp(Registers):
    """The same, but for the single step that workers warm up on."""

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        return super().task(candidate, lengths, seconds) if lengths == (1,) else partial(os._exit, 3)


class UnreadableAfterWarmUp(Registers):
    """A machine whose results raise where they are unpickled, but for the step that workers warm up on."""

    def task(self, candidate: Candidate, lengths: Sequence[int], seconds: float | None) -> Callable[[], Iterable[Any]]:
        nonsense = "[type('Result', (), {'steps': 1, '__reduce__': lambda self: (int, ('no number',))})()]"
        return super().task(candidate, lengths, seconds) if lengths == (1,) else partial(eval, nonsense)


@pytest.mark.parametrize(
    ("kind", "pools", "fault"),
    [
        (Deadly, 1, "the workers did not start (BrokenProcessPool: "),
        (DeadlyAfterWarmUp, 4, "the workers broke down 4 times in a row (BrokenProcessPool: "),
        (UnreadableAfterWarmUp, 4, "the workers broke down 4 times in a row (BrokenProcessPool: "),
    ],
)
def test_processes_that_break_down(processes: Processes, kind: type[Registers], pools: int, fault: str) -> None:
    program, clock = PROGRAMS["count"], Clock()
    registers = kind(program.step, program.words, 1000, program.sums)
    engine = assemble(
        Priced(registers, clock, {"step": 1e-3}), {"linear": Linear()}, executor=processes, workers=1, clock=clock
    )
    drive(engine)
    assert registers.digest() == walk(machine("count", 1000))
    assert len(processes.opened) == pools
    assert engine.speculator.fault.startswith(fault)
