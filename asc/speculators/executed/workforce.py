"""The pool of workers behind executed speculation: opened beside the main thread, replaced when it breaks down."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import ParamSpec, TypeVar

from asc.errors import AscError
from asc.ledger import Ledger
from asc.speculators.pool import NoWorkersError, Polled, Pool

_RESTARTS = 3  # breakdowns in a row, without a result between them, before giving up

P = ParamSpec("P")
T = TypeVar("T")


class Workforce:
    """A pool's executor, opened at first need and beside the main thread, since workers may take seconds to start.

    Each worker runs one call to warm up before it counts as started. The executor is opened again after it has broken
    down, or when a worker is stuck.
    """

    def __init__(self, pool: Pool, ledger: Ledger) -> None:
        self._pool, self._ledger = pool, ledger
        self._executor: Executor | None = None  # once its workers have started
        self._starting: Executor | None = None  # before that
        self._warming: list[Future[object]] = []  # the calls to warm up on, where the main thread made the executor
        self._opening: threading.Thread | None = None
        self._mistake: AscError | None = None
        self._lock = threading.Lock()
        self._generation = 0  # counts closings, so that a pool that opens too late is closed at once
        self._breakdowns = 0
        self.fault = ""  # why there are no workers any more

    @property
    def workers(self) -> int:
        """How many workers there are, once they have started."""
        return self._pool.workers

    @property
    def untouched(self) -> bool:
        """Whether nothing has been opened yet."""
        return self._executor is None and self._starting is None and self._opening is None and not self.fault

    @property
    def started(self) -> bool:
        """Whether the workers have started."""
        return self._executor is not None

    def ready(self, warm_up: Callable[[], Callable[[], object]] = lambda: os.getpid) -> bool:
        """Whether the workers have started; opens the pool at the first call.

        `warm_up` makes the call to warm up on; it is asked only where the pool is opened. Raises AscError where opening
        it did for the first time, such as for a library that is not installed. Anything else that goes wrong there
        becomes the `fault`, and the run continues without workers.
        """
        if self._mistake is not None:
            mistake, self._mistake = self._mistake, None
            raise mistake
        if self.untouched:
            self._start(warm_up())
        elif self._warming and all(call.done() for call in self._warming):
            self._warmed_up()
        return self.started

    def submit(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T] | None:
        """Hand a call to a worker; None if there is no pool, or no longer."""
        if self._executor is None:
            return None
        try:
            return self._executor.submit(call, *args, **kwargs)
        except (BrokenExecutor, RuntimeError) as error:  # RuntimeError: the executor was shut down from outside
            self.replace(error)
            return None

    def wait(self, arrival: threading.Event, seconds: float) -> None:
        """Wait until any call has ended, at most so many seconds; `arrival` is set whenever one has."""
        if isinstance(self._executor, Polled):
            self._executor.poll(seconds)
        elif seconds:
            arrival.wait(seconds)

    def answered(self) -> None:
        """Note that a worker has delivered, so that breakdowns before it no longer count."""
        self._breakdowns = 0

    def replace(self, error: BaseException) -> None:
        """Drop a pool that has broken down; the next need opens a new one, unless that keeps happening."""
        self._breakdowns += 1
        self.close()
        if self._breakdowns > _RESTARTS:
            self.fault = f"the workers broke down {self._breakdowns} times in a row ({_said(error)})"

    def give_up(self, error: NoWorkersError) -> None:
        """Close the pool for good."""
        self.close()
        self.fault = str(error)

    def close(self) -> None:
        """Close the pool, without waiting for what its workers are doing."""
        with self._lock:
            self._generation += 1
            executors = self._executor, self._starting
            self._executor = self._starting = self._opening = None
            self._warming = []
        for executor in executors:
            _end(executor)

    @property
    def _warm_ups(self) -> int:
        return self._pool.workers if self._pool.warm_ups is None else self._pool.warm_ups

    def _start(self, warm_up: Callable[[], object]) -> None:
        if self._pool.inline:
            self._start_inline(warm_up)
            return
        self._opening = threading.Thread(
            target=self._open,
            args=(self._generation, warm_up),
            name="asc-workforce",
            daemon=True,  # a worker that never starts must not keep the process from its end
        )
        try:
            self._opening.start()
        except RuntimeError as error:  # the system has no further thread
            self._fail(error)
            return
        if not self._pool.background:
            self._opening.join()

    def _start_inline(self, warm_up: Callable[[], object]) -> None:
        """Make the executor at once. No thread waits for its workers: steps in numpy keep one waiting for seconds."""
        since, executor = self._ledger.clock(), None
        try:
            self._starting = executor = self._pool.make()
            self._warming = [executor.submit(warm_up) for _ in range(self._warm_ups)]
        except Exception as error:  # noqa: BLE001 -- whatever it is, the run can do without workers
            self._starting = None
            self._fail(error)
            _end(executor)
            return
        self._ledger.start("start", self._ledger.clock() - since)
        if not self._pool.background:
            self._warmed_up()

    def _warmed_up(self) -> None:
        executor, calls = self._starting, self._warming
        self._starting, self._warming = None, []
        try:
            for call in calls:
                call.result()
        except Exception as error:  # noqa: BLE001 -- as above
            self._fail(error)
            _end(executor)
            return
        self._executor = executor

    def _open(self, generation: int, warm_up: Callable[[], object]) -> None:
        since, executor = time.thread_time(), None
        try:
            executor = self._pool.make()
            if not self._keep(generation, executor):
                _end(executor)
                return
            for answer in [executor.submit(warm_up) for _ in range(self._warm_ups)]:
                answer.result()
        except Exception as error:  # noqa: BLE001 -- whatever it is, the run can do without workers
            with self._lock:
                if generation != self._generation:  # closing it is what raised
                    return
                self._starting = None
                self._fail(error)
            _end(executor)
            return
        with self._lock:
            if generation == self._generation:
                self._executor, self._starting = executor, None
                self._ledger.start("start", time.thread_time() - since)

    def _keep(self, generation: int, executor: Executor) -> bool:
        """Let `close` know of an executor that is starting; False where the pool has been closed meanwhile."""
        with self._lock:
            if generation == self._generation:
                self._starting = executor
            return generation == self._generation

    def _fail(self, error: Exception) -> None:
        if isinstance(error, AscError) and not self._breakdowns:
            self._mistake = error
        elif isinstance(error, NoWorkersError):
            self.fault = str(error)
        else:
            self.fault = f"the workers did not start ({_said(error)})"


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split()).rstrip('.')}"


def _end(executor: Executor | None) -> None:
    if executor is not None:
        executor.shutdown(wait=False, cancel_futures=True)
