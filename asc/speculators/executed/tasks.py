"""Tasks in workers: sent, waited for, taken in, and settled when the main thread reaches their position."""

from __future__ import annotations

import os
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from statistics import median
from typing import NamedTuple

from asc.cache import Cache
from asc.computation import Executable
from asc.errors import describe_error
from asc.ledger import Ledger
from asc.speculators.executed.workforce import Workforce
from asc.types import Candidate, Decision, Outcome, Plan, Span, Transition

_PATIENCE = 20  # a task may take this many times as long as earlier tasks of its length
_LEAST_LIMIT = 2.0  # seconds that every task may take
_WRONG = "it read a state word that was predicted wrong"


class Delivery(NamedTuple):
    """What a worker hands back."""

    transition: Transition | None
    error: str
    worker: str
    began: float
    ended: float


class Flight(NamedTuple):
    """A task under way."""

    plan: Plan
    candidate: Candidate
    start: int
    future: Future[Delivery]
    sent: float


class _Arrival(NamedTuple):
    plan: Plan
    transition: Transition | None
    error: str


def deliver(task: Callable[[], Transition | None]) -> Delivery:
    """Run a task in a worker. A task that raises is bad speculation, never an error of the program."""
    began, transition, error = time.time(), None, ""
    try:
        transition = task()
    except Exception as caught:  # noqa: BLE001 -- a garbage state may raise anything
        error = f"{type(caught).__name__}: {caught}"
    return Delivery(transition, error, f"{os.getpid()}:{threading.get_ident() % 10**6}", began, time.time())


class Tasks:
    """The tasks under way and the results that have arrived, by the position at which each result is wanted."""

    def __init__(self, workforce: Workforce, ledger: Ledger) -> None:
        self._workforce, self._ledger = workforce, ledger
        self._flights: dict[int, Flight] = {}
        self._arrived: dict[int, _Arrival] = {}
        self._refuted: set[int] = set()  # where a candidate is known to be wrong while its worker still runs
        self._spans: list[Span] = []
        self._names: dict[str, str] = {}
        self._rates: deque[float] = deque(maxlen=9)  # seconds a step on a worker

    def __len__(self) -> int:
        """How many tasks are under way."""
        return len(self._flights)

    @property
    def settled(self) -> bool:
        """Whether nothing is under way, and no result waits for its position."""
        return not self._flights and not self._arrived

    def covered(self) -> Mapping[int, int]:
        """Return the positions from which a task is under way or has been delivered, each with its steps."""
        under_way: dict[int, Flight | _Arrival] = {**self._flights, **self._arrived}
        return {start: one.plan.steps for start, one in under_way.items()}

    def slowdown(self) -> float | None:
        """How many times longer a worker's tracked step takes than the plain price; None where that is unknown."""
        return median(self._rates) / self._ledger.unit if self._rates and self._ledger.unit else None

    def limit(self, steps: int) -> float | None:
        """Return the seconds after which a worker gives up a task of so many steps; None where that is unknown."""
        expected = self._expected(steps)
        return None if expected is None else max(_LEAST_LIMIT, _PATIENCE * expected)

    def send(self, plan: Plan, candidate: Candidate, task: Callable[[], Transition | None]) -> bool:
        """Hand a task to a worker; False where the pool broke down, and everything under way in it is lost."""
        start = candidate.start + candidate.horizon
        future = self._workforce.submit(deliver, task)
        if future is None:
            self.forget()
            return False
        self._flights[start] = Flight(plan, candidate, start, future, self._ledger.clock())
        return True

    def take_arrived(self, cache: Cache) -> None:
        """Store the results that have arrived; give up a worker that is stuck."""
        for flight in list(self._flights.values()):
            if flight.future.done():
                self._take(flight, cache)
            elif self._stuck(flight):
                self._break(TimeoutError(f"a worker did not come back from {flight.plan.steps} steps"))
            if not self._flights:  # taken, all of them, or lost with a pool that broke down
                break

    def awaited_at(self, position: int, computation: Executable, decisions: list[Decision]) -> Flight | None:
        """Return the task whose result is wanted here, if it is worth waiting for.

        A task that has not begun is taken back. Where its candidate is known to be wrong, `decisions` gets that.
        """
        flight = None if position in self._refuted else self._flights.get(position)
        if flight is None:
            return None
        if flight.future.cancel():
            del self._flights[position]
        elif not computation.resembles(flight.candidate):
            self._refuted.add(position)
            decisions.append(Decision(flight.plan, Outcome.REJECTED, reason=_WRONG))
        elif self._worth_waiting(flight):
            return flight
        return None

    def settle_reached(self, computation: Executable, position: int) -> Sequence[Decision]:
        """Return what became of the candidates whose position has been reached or passed."""
        decisions: list[Decision] = []
        for start in sorted(start for start in self._arrived if start <= position):
            arrival = self._arrived.pop(start)
            if arrival.transition is None:
                reason = arrival.error or "the worker could not run on from the predicted state"
                decisions.append(Decision(arrival.plan, Outcome.REJECTED, reason=reason))
            elif start < position:
                decisions.append(Decision(arrival.plan, Outcome.LATE))
            elif computation.agrees(arrival.transition):
                decisions.append(Decision(arrival.plan, Outcome.ACCEPTED, arrival.transition.steps))
            else:
                decisions.append(Decision(arrival.plan, Outcome.REJECTED, reason=_WRONG))
        return decisions

    def wait(self, flight: Flight, cache: Cache) -> None:
        """Wait for at most as long as the main thread would take for the same superstep itself."""
        try:
            flight.future.exception(timeout=max(0.001, flight.plan.steps * self._ledger.unit))
        except (TimeoutError, CancelledError):
            return
        self._take(flight, cache)

    def spans(self) -> Sequence[Span]:
        """Hand over the workers' time since the last call."""
        spans, self._spans = self._spans, []
        return spans

    def cancel(self) -> None:
        """Cancel what has not begun, and forget what has."""
        for flight in self._flights.values():
            flight.future.cancel()
        self.forget()

    def forget(self) -> None:
        """Forget what is under way."""
        self._flights.clear()
        self._refuted.clear()

    def _take(self, flight: Flight, cache: Cache) -> None:
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
                self._arrived[flight.start] = _Arrival(flight.plan, None, describe_error(error))
            return
        self._workforce.answered()
        name = self._names.setdefault(delivery.worker, f"worker {len(self._names) + 1}")
        self._spans.append(Span(name, delivery.began, delivery.ended, flight.start, flight.plan.steps))
        self._rates.append((delivery.ended - delivery.began) / max(1, flight.plan.steps))
        if not refuted:
            self._arrived[flight.start] = _Arrival(flight.plan, delivery.transition, delivery.error)
        if delivery.transition is not None:
            cache.insert(delivery.transition._replace(source=f"{name}, {flight.plan.predictor}"))

    def _expected(self, steps: int) -> float | None:
        """Seconds that a worker will take: as earlier tasks did, or before any, as the main thread would."""
        rate = median(self._rates) if self._rates else self._ledger.unit
        return rate * steps or None

    def _stuck(self, flight: Flight) -> bool:
        """Whether a task has passed even the limit that its worker should have kept."""
        limit = self.limit(flight.plan.steps)
        return limit is not None and self._ledger.clock() - flight.sent > 2 * limit + _LEAST_LIMIT

    def _remaining(self, flight: Flight) -> float | None:
        expected = self._expected(flight.plan.steps)
        return None if expected is None else expected - (self._ledger.clock() - flight.sent)

    def _worth_waiting(self, flight: Flight) -> bool:
        """Whether the worker will likely be done sooner than the main thread would be."""
        remaining = self._remaining(flight)
        own = flight.plan.steps * self._ledger.unit
        return remaining is not None and -0.5 * own < remaining < own

    def _break(self, error: BaseException) -> None:
        """Forget what was under way; the next need opens a new pool."""
        self.forget()
        self._workforce.replace(error)
