"""Executed speculation: predict, let a worker run on from there, and match what it read on arrival.

With few workers the schedule decides everything: never more tasks than workers; a result that is about to arrive is
waited for rather than computed again; a task that has not begun is taken back and done here.
"""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future
from functools import partial
from statistics import median
from typing import NamedTuple

from asc.computation import Cache, Computation, Executable, Predictor
from asc.errors import AscError
from asc.ledger import Ledger
from asc.speculators.guess import guess
from asc.speculators.workforce import Workforce
from asc.types import Attempt, Candidate, Combination, Outcome, Plan, Snapshot, Span, Transition

_PATIENCE = 20  # a task may take this many times what its like have taken
_HAND_OVER_S = 0.0005  # the threads that send a task off need the interpreter, which a busy main thread gives up late
_WRONG = "it read a word that was guessed wrong"
_LEAST_LIMIT = 2.0  # seconds; so may any task


class _Delivery(NamedTuple):
    transition: Transition | None
    error: str
    worker: str
    began: float
    ended: float


class _Flight(NamedTuple):
    plan: Plan
    candidate: Candidate
    start: int
    future: Future[_Delivery]
    sent: float


class _Arrival(NamedTuple):
    plan: Plan
    transition: Transition | None
    error: str


def deliver(task: Callable[[], Transition | None]) -> _Delivery:
    """Run a task in a worker. A task that raises is bad speculation, never an error of the program."""
    began, transition, error = time.time(), None, ""
    try:
        transition = task()
    except Exception as caught:  # noqa: BLE001 -- a garbage state may raise anything
        error = f"{type(caught).__name__}: {caught}"
    return _Delivery(transition, error, f"{os.getpid()}:{threading.get_ident() % 10**6}", began, time.time())


class Executed:
    """Sends predicted states to the workers of any `concurrent.futures.Executor` and takes their transitions in.

    `executor` makes the pool; it is called at the first need that is worth it, and again when the pool has broken down
    or a worker is stuck. A run whose plain remainder is shorter than `start_s` seconds does without workers. Every time
    on the main thread is booked in the ledger. Without `background` the main thread waits until workers are there.
    """

    def __init__(
        self,
        predictors: Mapping[str, Predictor],
        executor: Callable[[], Executor],
        workers: int,
        ledger: Ledger,
        start_s: float = 0.0,
        *,
        background: bool = True,
    ) -> None:
        self._predictors, self.workers, self._ledger, self._start_s = predictors, workers, ledger, start_s
        self._workforce = Workforce(executor, ledger, background, workers)
        self.awaited = False
        """Whether workers were asked for and are not there yet."""
        self._flights: dict[int, _Flight] = {}  # by the position at which the result would be wanted
        self._arrived: dict[int, _Arrival] = {}
        self._refuted: set[int] = set()  # where a guess is known to be wrong while its worker still runs
        self._spans: list[Span] = []
        self._names: dict[str, str] = {}
        self._rates: deque[float] = deque(maxlen=9)  # seconds a step on a worker

    @property
    def fault(self) -> str:
        """Why there are no workers any more."""
        return self._workforce.fault

    def slowdown(self) -> float | None:
        """How many times a worker's tracked step takes the plain price on the main thread."""
        return median(self._rates) / self._ledger.unit if self._rates and self._ledger.unit else None

    def capacity(self) -> int:
        """Idle workers; none once the pool has been given up."""
        return 0 if self.fault else self.workers - len(self._flights)

    def covered(self) -> Mapping[int, int]:
        """Positions from which a transition is under way or has been delivered, each with its steps."""
        held: dict[int, _Flight | _Arrival] = {**self._flights, **self._arrived}
        return {start: one.plan.steps for start, one in held.items()}

    def speculate(
        self, computation: Computation, history: Sequence[Snapshot], plans: Sequence[Plan], cache: Cache
    ) -> Sequence[Attempt]:
        """Send each plan's candidate to a worker."""
        attempts: list[Attempt] = []
        if not plans or not self._ready(computation, history):
            return attempts
        for plan in plans:
            candidate = guess(computation, history, plan, self._predictors, self._ledger)
            if isinstance(candidate, Attempt):
                attempts.append(candidate)
                continue
            since = self._ledger.clock()
            start = candidate.start + candidate.horizon
            future = self._workforce.submit(deliver, self._task(computation, candidate, plan))
            if future is not None:
                self._flights[start] = _Flight(plan, candidate, start, future, self._ledger.clock())
                attempts.append(Attempt(plan, Outcome.LAUNCHED))
            self._ledger.charge("dispatch", since, computation.cost("dispatch"))
            if future is None:  # the pool broke down, and what was under way in it is lost
                self._flights.clear()
                self._refuted.clear()
                break
        if any(attempt.outcome is Outcome.LAUNCHED for attempt in attempts):
            since = self._ledger.clock()
            time.sleep(_HAND_OVER_S)
            self._ledger.charge("hand-over", since)
        return attempts

    def collect(self, computation: Computation, cache: Cache) -> Sequence[Attempt]:
        """Take what has arrived, wait for what is about to, take back what has not begun, settle what is reached."""
        since, position = self._ledger.clock(), computation.position()
        if not self._flights and not self._arrived:
            return ()
        for flight in list(self._flights.values()):
            if flight.future.done():
                self._take(flight, cache)
            elif self._stuck(flight):
                self._break(TimeoutError(f"a worker did not come back from {flight.plan.steps} steps"))
            if not self._flights:  # taken, all of them, or lost with a pool that broke down
                break
        since = self._ledger.charge("collect", since)
        attempts: list[Attempt] = []
        awaited = None if position in self._refuted else self._flights.get(position)
        if awaited is not None:
            if awaited.future.cancel():
                del self._flights[position]
            elif not self._right_so_far(awaited, computation):
                self._refuted.add(position)
                attempts.append(Attempt(awaited.plan, Outcome.REJECTED, reason=_WRONG))
            elif self._worth_waiting(awaited):
                self._wait(awaited, cache)
                since = self._ledger.charge("wait", since)
        attempts += self._settle(computation, position)
        self._ledger.charge("collect", since)
        return attempts

    def settle(self, leaps: Sequence[Transition]) -> None:
        """Nothing to say: what is executed elsewhere is settled on arrival."""

    def spans(self) -> Sequence[Span]:
        """Hand over the workers' time since the last call."""
        spans, self._spans = self._spans, []
        return spans

    def close(self) -> None:
        """Cancel what has not begun and let the workers go."""
        for flight in self._flights.values():
            flight.future.cancel()
        self._flights.clear()
        self._refuted.clear()
        self._workforce.close()

    def _ready(self, computation: Computation, history: Sequence[Snapshot]) -> bool:
        total = computation.total()
        if self._workforce.untouched and total is not None:
            short = (total - computation.position()) * self._ledger.unit < self._start_s
            if short:
                return False
        self.awaited = not self._workforce.ready(lambda: self._warm_up(computation, history))
        return not self.awaited

    def _warm_up(self, computation: Computation, history: Sequence[Snapshot]) -> Callable[[], object]:
        """Return a call of one step from here, so that a worker has unpacked the program before its first task."""
        since, here = self._ledger.clock(), Plan("warm-up", 0, 1)
        candidate = computation.materialise(Combination((1,)), history[-1:], here)
        call = partial(deliver, self._task(computation, candidate, here)) if candidate else os.getpid
        self._ledger.start("warm-up", self._ledger.clock() - since)
        return call

    def _task(self, computation: Computation, candidate: Candidate, plan: Plan) -> Callable[[], Transition | None]:
        if not isinstance(computation, Executable):
            raise AscError("This backend cannot run on from a predicted state, so its guesses cannot be executed.")
        return computation.task(candidate, plan.steps, self._limit(plan.steps))

    def _take(self, flight: _Flight, cache: Cache) -> None:
        del self._flights[flight.start]
        refuted = flight.start in self._refuted
        self._refuted.discard(flight.start)
        try:
            delivery = flight.future.result()
        except (BrokenExecutor, CancelledError) as error:
            self._break(error)
            return
        except Exception as error:  # noqa: BLE001 -- whatever the transport raises, say that it does not unpickle
            if not refuted:
                self._arrived[flight.start] = _Arrival(flight.plan, None, f"{type(error).__name__}: {error}")
            return
        self._workforce.answered()
        name = self._names.setdefault(delivery.worker, f"worker {len(self._names) + 1}")
        self._spans.append(Span(name, delivery.began, delivery.ended, flight.start, flight.plan.steps))
        self._rates.append((delivery.ended - delivery.began) / max(1, flight.plan.steps))
        if not refuted:
            self._arrived[flight.start] = _Arrival(flight.plan, delivery.transition, delivery.error)
        if delivery.transition is not None:
            cache.insert(delivery.transition._replace(source=f"{name}, {flight.plan.predictor}"))

    def _settle(self, computation: Computation, position: int) -> list[Attempt]:
        """Say what became of the guesses whose position has been reached or passed."""
        attempts = []
        for start in sorted(start for start in self._arrived if start <= position):
            arrival = self._arrived.pop(start)
            if arrival.transition is None:
                reason = arrival.error or "the worker could not run on from the guessed state"
                attempts.append(Attempt(arrival.plan, Outcome.REJECTED, reason=reason))
            elif start < position:
                attempts.append(Attempt(arrival.plan, Outcome.LATE))
            elif computation.agrees(arrival.transition):
                attempts.append(Attempt(arrival.plan, Outcome.ACCEPTED, arrival.transition.steps))
            else:
                attempts.append(Attempt(arrival.plan, Outcome.REJECTED, reason=_WRONG))
        return attempts

    def _expected(self, steps: int) -> float | None:
        """Seconds that a worker will take: what its like have taken, or at first what the main thread would take."""
        rate = median(self._rates) if self._rates else self._ledger.unit
        return rate * steps or None

    def _limit(self, steps: int) -> float | None:
        expected = self._expected(steps)
        return None if expected is None else max(_LEAST_LIMIT, _PATIENCE * expected)

    def _stuck(self, flight: _Flight) -> bool:
        """Whether a task is over even the limit that the worker was to keep by itself."""
        limit = self._limit(flight.plan.steps)
        return limit is not None and self._ledger.clock() - flight.sent > 2 * limit + _LEAST_LIMIT

    def _remaining(self, flight: _Flight) -> float | None:
        expected = self._expected(flight.plan.steps)
        return None if expected is None else expected - (self._ledger.clock() - flight.sent)

    @staticmethod
    def _right_so_far(flight: _Flight, computation: Computation) -> bool:
        """Whether the guess, whose place is reached, is right about all that is known to be read."""
        return not isinstance(computation, Executable) or computation.resembles(flight.candidate)

    def _worth_waiting(self, flight: _Flight) -> bool:
        """Whether the worker will likely be done sooner than the main thread would be."""
        remaining = self._remaining(flight)
        own = flight.plan.steps * self._ledger.unit
        return remaining is not None and -0.5 * own < remaining < own

    def _wait(self, flight: _Flight, cache: Cache) -> None:
        """Wait for at most as long as the main thread would take for the same superstep itself."""
        try:
            flight.future.exception(timeout=max(0.001, flight.plan.steps * self._ledger.unit))
        except (TimeoutError, CancelledError):
            return
        self._take(flight, cache)

    def _break(self, error: BaseException) -> None:
        """Forget what was under way; the next need opens a new pool."""
        self._flights.clear()
        self._refuted.clear()
        self._workforce.replace(error)
