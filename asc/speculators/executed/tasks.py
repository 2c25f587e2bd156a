"""Tasks in workers: sent, waited for, taken in, and settled when the main thread reaches their position."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from itertools import accumulate
from statistics import median
from typing import NamedTuple

from asc.cache import Cache
from asc.computation import Executable
from asc.errors import describe_error
from asc.ledger import Ledger
from asc.speculators.executed.arrival import WRONG, Arrival
from asc.speculators.executed.delivery import Delivery, deliver
from asc.speculators.executed.workforce import Workforce
from asc.speculators.pool import NoWorkersError
from asc.types import Candidate, Decision, Outcome, Plan, Span, Transition

PRESENT = "present state"
"""Stands for a predictor in the plan of a task that starts from the present state, which nothing has predicted."""

_PATIENCE = 20  # a task may take this many times as long as earlier tasks of its length
_LEAST_LIMIT = 2.0  # seconds that every task may take
_LOOK_S = 0.5  # between two looks for workers that are stuck
_FEW = 8  # workers; of so many, one that is stuck is given up alone, and of fewer, the pool is replaced


class Flight(NamedTuple):
    """A task under way."""

    plan: Plan
    candidate: Candidate
    starts: tuple[int, ...]  # positions at which its parts start
    future: Future[Delivery]
    sent: float  # by the ledger's clock
    handed_over: float  # by `time.perf_counter()`

    @property
    def start(self) -> int:
        """Where it starts."""
        return self.starts[0]

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + self.plan.steps


class Tasks:
    """The tasks under way and the results that have arrived, by the position at which each result is wanted."""

    def __init__(self, workforce: Workforce, ledger: Ledger) -> None:
        self._workforce, self._ledger = workforce, ledger
        self._flights: dict[int, Flight] = {}  # by start
        self._parts: dict[int, Flight] = {}  # the same, by the start of each part
        self._begins: dict[int, float] = {}  # when a worker begins each, as expected, by start
        self._strays: dict[int, Flight] = {}  # whose results nobody waits for any more, by `id`
        self._ended: deque[Flight] = deque()  # not yet taken in; other threads add to it
        self._arrival = threading.Event()  # set with each of them
        self._look_at = 0.0
        self._arrived: list[Arrival] = []  # by start
        self.frontier = 0
        """Where the task ends that reaches furthest."""
        self._doubted: set[int] = set()  # where a candidate is known to be wrong while its worker still runs
        self._failed: dict[int, Candidate | None] = {}  # where workers got no further; None: not at a task's start
        self._spans: list[Span] = []
        self._names: dict[str, str] = {}
        self._worked: deque[tuple[float, int]] = deque(maxlen=5)  # a worker's seconds for a task, and its steps
        self._rate: float | None = None  # a worker's recent seconds a step; a first task, which is short, counts little
        self._sizes: deque[int] = deque(maxlen=9)  # bytes that were sent and delivered for a task

    def __len__(self) -> int:
        """How many tasks are under way."""
        return len(self._flights) + len(self._strays)

    def ending(self, seconds: float) -> int:
        """Return how many workers will likely have no task within so many seconds, of those that have one now."""
        soon, waiting = self._ledger.clock() + seconds, max(0, len(self) - self._workforce.workers)
        return max(0, sum(self._end_of(flight) <= soon for flight in self._flights.values()) - waiting)

    @property
    def settled(self) -> bool:
        """Whether nothing is under way, and no result waits for its position."""
        return not self._flights and not self._arrived

    def covered(self) -> Mapping[int, int]:
        """Return the positions from which a task is under way or has been delivered, each with the steps to its end.

        They are the positions at which a part starts.
        """
        covered: dict[int, int] = {}
        for arrival in self._arrived:
            covered |= arrival.covered()
        for flight in self._flights.values():
            covered |= {start: flight.end - start for start in flight.starts}
        return covered

    def slowdown(self) -> float | None:
        """How many times longer a worker's tracked step takes than the plain price; None where that is unknown."""
        return self._rate / self._ledger.unit if self._rate is not None and self._ledger.unit else None

    def nbytes(self) -> float:
        """Return the bytes that travel for a task, in both directions."""
        return median(self._sizes) if self._sizes else 0.0

    def limit(self, steps: int) -> float | None:
        """Return the seconds after which a worker gives up a task of so many steps; None where that is unknown."""
        expected = self._expected(steps)
        return None if expected is None else max(_LEAST_LIMIT, _PATIENCE * expected)

    def send(
        self, plan: Plan, candidate: Candidate, lengths: Sequence[int], task: Callable[[], Iterable[Transition]]
    ) -> bool:
        """Hand a task to a worker; False where the pool broke down, and everything under way in it is lost."""
        start = candidate.start + candidate.horizon
        handed_over = time.perf_counter()
        future = self._workforce.submit(deliver, task)
        if future is None:
            self.forget()
            return False
        starts = tuple(accumulate(lengths[:-1], initial=start))
        now = self._ledger.clock()
        flight = Flight(plan, candidate, starts, future, now, handed_over)
        busy = len(self) >= self._workforce.workers
        first = min(map(self._end_of, self._flights.values()), default=now) if busy else now
        self._flights[start], self._begins[start] = flight, max(now, first)
        self._parts |= dict.fromkeys(starts, flight)
        self.frontier = max(self.frontier, flight.end)
        future.add_done_callback(lambda _: self._note(flight))
        return True

    def take_arrived(self, cache: Cache) -> None:
        """Store the results that have arrived; give up workers that are stuck."""
        self._workforce.wait(self._arrival, 0.0)
        self._arrival.clear()
        while self._ended:
            flight = self._ended.popleft()
            if self._flights.get(flight.start) is flight:
                self._take(flight, cache)
            elif self._strays.pop(id(flight), None) is not None:
                for part in self._parts_of(flight):
                    cache.insert(part._replace(source=flight.plan.predictor))
        now = self._ledger.clock()
        if now >= self._look_at:
            self._look_at = now + _LOOK_S
            self._give_up_stuck()

    def wait_for_any(self, seconds: float) -> None:
        """Wait until a task has ended, at most so many seconds."""
        if not self._ended:
            self._workforce.wait(self._arrival, seconds)

    def at(self, position: int) -> Flight | None:
        """Return the task under way with a part that starts here."""
        return self._parts.get(position)

    def part(self, flight: Flight, position: int) -> Transition | None:
        """Return the part of an ended task that starts here; None where there is none."""
        return next((part for part in self._parts_of(flight) if part.start == position), None)

    def failed_at(self, computation: Executable, position: int) -> bool:
        """Whether a worker has come to the present state, and something was raised there."""
        self._failed = {start: candidate for start, candidate in self._failed.items() if start >= position}
        if position not in self._failed:
            return False
        candidate = self._failed[position]
        return candidate is None or computation.resembles(candidate)

    def next_after(self, position: int) -> Flight | Arrival | None:
        """Return the first task after a position, under way or delivered, that starts from a prediction."""
        tasks: Iterable[Flight | Arrival] = (*self._flights.values(), *self._arrived)
        return min((task for task in tasks if task.start > position), key=_start, default=None)

    def is_late(self, flight: Flight, times: float) -> bool:
        """Whether a task takes so many times as long as expected."""
        expected = self._expected(flight.plan.steps)
        return expected is not None and self._ledger.clock() - flight.sent > times * expected

    def drop(self, flight: Flight, reason: str) -> Decision:
        """Want a result no longer; return what became of its candidate. The worker stays busy until its end."""
        self._remove(flight)
        self._strays[id(flight)] = flight
        return Decision(flight.plan, Outcome.REJECTED if reason else Outcome.LATE, reason=reason)

    def drop_all(self) -> list[Decision]:
        """Want no predicted result any longer, under way or arrived; return what became of the candidates."""
        predicted = [flight for flight in self._flights.values() if flight.plan.predictor != PRESENT]
        decisions = [self.drop(flight, "") for flight in predicted]
        decisions += [Decision(arrival.plan, Outcome.LATE) for arrival in self._arrived]
        self._arrived.clear()
        self.frontier = 0
        return decisions

    def awaited_at(self, position: int, computation: Executable) -> Flight | None:
        """Return the task whose result is wanted here, if it is worth waiting for.

        A task that has not begun is taken back. One whose candidate is seen to be wrong is not waited for.
        """
        flight = self.at(position)
        if flight is None:
            return None
        if flight.start == position:
            if flight.future.cancel():
                self._remove(flight)
                return None
            if not computation.resembles(flight.candidate):
                self._doubted.add(position)
        return flight if flight.start not in self._doubted and self._worth_waiting(flight, position) else None

    def settle_reached(self, computation: Executable, position: int) -> Sequence[Decision]:
        """Return what became of the candidates whose position has been reached or passed."""
        reached = bisect_right(self._arrived, position, key=_start)
        settled = [(arrival, arrival.settle(computation, position)) for arrival in self._arrived[:reached]]
        self._arrived[:reached] = [arrival for arrival, decision in settled if decision is None]
        return [decision for _, decision in settled if decision is not None]

    def wait(self, flight: Flight, position: int, cache: Cache) -> None:
        """Wait, but no longer than the main thread would take for the same steps, and than the allowance covers."""
        own, allowance = (flight.end - position) * self._ledger.unit, self._ledger.allowance()
        try:
            flight.future.exception(timeout=max(0.001, min(own, allowance)))
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
        self._begins.clear()
        self._parts.clear()
        self._strays.clear()
        self._doubted.clear()
        self._failed.clear()
        self.frontier = 0

    def _ended_at(self, moment: float) -> None:
        """Note when a worker has ended a task. If others wait, the first of them has begun then."""
        waiting = len(self) - self._workforce.workers + 1
        if 0 < waiting <= len(self._begins):
            self._begins[[*self._begins][-waiting]] = moment

    def _end_of(self, flight: Flight) -> float:
        """Return when a task ends, as expected, by the ledger's clock."""
        return self._begins[flight.start] + (self._expected(flight.plan.steps) or 0.0)

    def _note(self, flight: Flight) -> None:
        """Note, in any thread, that a task has ended."""
        self._ended.append(flight)
        self._arrival.set()

    def _remove(self, flight: Flight) -> None:
        del self._flights[flight.start], self._begins[flight.start]
        for start in flight.starts:
            if self._parts.get(start) is flight:
                del self._parts[start]

    def _parts_of(self, flight: Flight) -> Sequence[Transition]:
        """Return what an ended task has delivered."""
        future = flight.future
        if not future.done() or future.cancelled() or future.exception() is not None:
            return ()
        return future.result().parts

    def _take(self, flight: Flight, cache: Cache) -> None:
        self._remove(flight)
        wrong = WRONG if flight.start in self._doubted else ""
        self._doubted.discard(flight.start)
        try:
            delivery = flight.future.result()
        except (BrokenExecutor, CancelledError) as error:
            self._break(error)
            return
        except NoWorkersError as error:
            self.forget()
            self._workforce.give_up(error)
            return
        except Exception as error:  # noqa: BLE001 -- whatever the transport raises, say that it does not unpickle
            why = describe_error(error)
            self._wait_for_position(flight, Arrival(flight.plan, flight.candidate, error=why))
            return
        self._workforce.answered()
        name = self._names.setdefault(delivery.worker, f"worker {len(self._names) + 1}")
        now = time.perf_counter()
        began, ended = delivery.within(flight.handed_over, now)
        self._ended_at(self._ledger.clock() - (now - ended))
        self._spans.append(Span(name, began, ended, flight.start, flight.plan.steps))
        if delivery.parts:
            self._worked.append((delivery.ended - delivery.began, max(1, delivery.steps)))
            self._rate = sum(seconds for seconds, _ in self._worked) / sum(steps for _, steps in self._worked)
            self._sizes.append(flight.candidate.nbytes + delivery.nbytes)
        if delivery.error:
            self._failed[flight.start + delivery.steps] = None if delivery.parts else flight.candidate
        arrival = Arrival(flight.plan, flight.candidate, delivery.parts, delivery.error, wrong)
        self._wait_for_position(flight, arrival)
        for part in reversed(delivery.parts):  # the first part is wanted first, so it must be the last to be evicted
            cache.insert(part._replace(source=f"{name}, {flight.plan.predictor}"))

    def _wait_for_position(self, flight: Flight, arrival: Arrival) -> None:
        if flight.plan.predictor != PRESENT:  # nothing was predicted, so there is nothing to be settled
            insort(self._arrived, arrival, key=_start)

    def _expected(self, steps: int) -> float | None:
        """Seconds that a worker will take: as earlier tasks did, or before any, as the main thread would, tracked."""
        rate = self._ledger.unit * self._ledger.tracking if self._rate is None else self._rate
        return rate * steps or None

    def _give_up_stuck(self) -> None:
        """Give up workers that are stuck: where they are few of many, without the others."""
        stuck = [flight for flight in self._flights.values() if self._stuck(flight)]
        for flight in stuck:
            if _FEW * (len(self._strays) + len(stuck)) > len(self):
                self._break(TimeoutError(f"a worker did not come back from {flight.plan.steps} steps"))
                return
        for flight in stuck:
            error = f"TimeoutError: a worker did not come back from {flight.plan.steps} steps"
            self._wait_for_position(flight, Arrival(flight.plan, flight.candidate, error=error))
            self.drop(flight, error)

    def _stuck(self, flight: Flight) -> bool:
        """Whether a task has passed even the limit that its worker should have kept."""
        limit = self.limit(flight.plan.steps)
        return limit is not None and self._ledger.clock() - flight.sent > 2 * limit + _LEAST_LIMIT

    def _worth_waiting(self, flight: Flight, position: int) -> bool:
        """Whether the worker will likely be done sooner than the main thread would be."""
        expected = self._expected(flight.plan.steps)
        if expected is None:
            return False
        remaining = self._end_of(flight) - self._ledger.clock()
        own = (flight.end - position) * self._ledger.unit
        return -0.5 * own < remaining < own

    def _break(self, error: BaseException) -> None:
        """Forget what was under way; the next need opens a new pool."""
        self.forget()
        self._workforce.replace(error)


def _start(task: Flight | Arrival) -> int:
    return task.start
