"""Executed speculation: predict, let a worker run on from there, and match what it read on arrival.

With few workers the schedule decides everything: never more tasks than workers, but for those that wait for a worker
that is about to end; a result that is about to arrive is waited for rather than computed again; a task that has not
begun is taken back and done on the main thread.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import groupby, islice
from operator import attrgetter
from typing import Any, ClassVar, Self

from asc.cache import Cache
from asc.computation import Computation, Executable
from asc.errors import AscError
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.settings import CreateComponent
from asc.speculators.candidates import predict, predict_all
from asc.speculators.executed.arrival import WRONG, divide
from asc.speculators.executed.delivery import deliver
from asc.speculators.executed.explain import Costs, Opening, explain
from asc.speculators.executed.remembering import Remembering
from asc.speculators.executed.scheduler import Crew, ExecutedScheduler
from asc.speculators.executed.spotcheck import SpotChecks
from asc.speculators.executed.tasks import PRESENT, Flight, Tasks
from asc.speculators.executed.workforce import Workforce
from asc.speculators.explain import Facts, as_fault
from asc.speculators.outcomes import Outcomes
from asc.speculators.pool import Pool
from asc.speculators.speculator import Speculator
from asc.types import MAIN, Boundary, Candidate, Combination, Decision, Fault, Outcome, Plan, Snapshot, Span, Transition

_WAITS_S = 1e-3  # seconds of a superstep at least, to hand it to a worker: less than that is gone in the handing over
_LATE = 3  # times as long as expected, after which a task is begun anew by another worker
_SERVE_S = 0.05  # seconds between two looks at whether the run is to stop, while the main thread waits
_BUSY = 1.5  # workers for each step that is under way at the rate: some wait for their turn, so that none is missed
_MANY_IDLE = 0.25  # of the workers: with so many, a chain of leaps is interrupted to give them tasks
_SHARE = 64  # of the workers, one in so many must be idle before tasks are planned

_TOGETHER = 32  # candidates that a predictor is asked for at once

_REASONS = 32  # different reasons of rejections that are counted at most: an error's message may have a number in it


class ExecutedSpeculator(Speculator):
    """Sends predicted states to workers and stores the transitions that come back.

    Every leap is confirmed by execution, so the run ends bit-identical to the plain run. The first leap is checked
    against the steps that it skips, and later ones now and then. Every time on the main thread is booked in the ledger.
    """

    timed: ClassVar[bool] = True
    leaps_first: ClassVar[bool] = True
    max_chain: ClassVar[int] = 1024
    """Hits that may follow each other at one boundary."""

    def __init__(
        self,
        predictors: Mapping[str, Predictor],
        pool: Pool,
        ledger: Ledger,
        config: ExecutedScheduler.Config | None = None,
    ) -> None:
        self._predictors, self.workers, self._ledger = predictors, pool.workers, ledger
        self._rate, self._queues, ledger.workers = pool.rate, pool.queues, pool.workers
        self._start_s, self._opening_s, self._hand_over_s = pool.start_s, pool.opening_s, pool.hand_over_s
        self._ask_at = 0  # position before which the price of starting workers is not asked for again
        self._opening = Opening()
        self.outcomes = Outcomes()
        self._reasons: Counter[str] = Counter()  # of rejections
        config = config or ExecutedScheduler.Config()
        self._scheduler = ExecutedScheduler(config, list(predictors), ledger, self.outcomes)
        self._remembering = Remembering(ledger) if config.memoise else None
        self._depth = max((predictor.depth for predictor in predictors.values()), default=0)
        self._workforce = Workforce(pool, ledger)
        self._awaited = False
        self._hindrance = ""  # why no step can be skipped any more, as the end of a sentence
        self._tasks = Tasks(self._workforce, ledger)
        self._position = 0  # of the latest boundary
        self._delegated = 0  # leaps over what workers took from the present state
        self._unreported: list[Decision] = []  # since the latest boundary
        self._doubtful = False  # whether a candidate was wrong since it was last asked whether the others are
        self._no_further = False  # whether a worker came to the latest boundary's state, and something was raised there
        self._interrupted = False  # whether the latest chain of leaps ended early, so that idle workers get tasks
        self._sent = 0  # tasks when a chain was last interrupted
        self._checks = SpotChecks(ledger, pool.workers)

    @classmethod
    def assemble(
        cls,
        config: Any,
        predictors: Mapping[str, Predictor],
        ledger: Ledger,
        create: CreateComponent,
        pool: Pool | None,
    ) -> Self:
        """Make the speculator from an `asc.config.run.ExecutedConfig`; it opens the pool at first need."""
        if pool is None:
            raise AscError(
                "This backend's candidates are executed, and it has no pool of workers: let pool(computation) return "
                "an asc.Pool, or extend asc.JudgedConfig."
            )
        for name, predictor in predictors.items():
            if predictor.in_place:
                raise AscError(
                    f"The predictor {name} updates the present state rather than looking ahead, which skips no steps: "
                    "it serves backends whose candidates are judged. Choose another; `asc plugins` lists them."
                )
        return cls(predictors, pool, ledger, config.scheduler)

    @property
    def fault(self) -> str:
        """Why there are no workers any more."""
        return self._workforce.fault

    @property
    def awaited(self) -> bool:
        """Whether workers were asked for and have not started yet."""
        return self._awaited and not self._workforce.started

    def begin(self, computation: Computation) -> None:
        """Let the computation prepare, which may take the first step under observation."""
        machine, began = _executable(computation), self._ledger.clock()
        machine.begin()
        taken = self._ledger.clock() - began
        self._ledger.start("spot-check", taken)
        if self._remembering is not None:
            self._remembering.begun(taken, partial(machine.price, "track"), partial(_left, machine))

    def slowdown(self) -> float | None:
        """How many times longer a worker's tracked step takes than the plain price; None where that is unknown."""
        return self._tasks.slowdown()

    def busy(self) -> int:
        """Workers that have a task."""
        return 0 if self.fault else min(self.workers, len(self._tasks))

    def spans(self) -> Sequence[Span]:
        """Hand over the workers' time since the last call."""
        return self._tasks.spans()

    def covered(self) -> Mapping[int, int]:
        """Return the positions from which a task is under way or has been delivered, each with its steps."""
        return self._tasks.covered()

    def close(self) -> None:
        """Cancel what has not begun and let the workers go."""
        self._tasks.cancel()
        self._workforce.close()

    def ceiling(self, recalled: int) -> float:
        """What these workers could give at best; infinite where recorded states come back."""
        return float("inf") if recalled else 1 + self.workers / max(1.0, self.slowdown() or 1.0)

    def hit_rate(self, found: int, steps: int) -> float | None:
        """Share of `steps` for which the cache had a way on."""
        return min(1.0, found / max(1, steps))

    def remembers(self, steps: int, recalled: int) -> int:
        """Return how many of the next `steps`, a superstep, the main thread records."""
        return 0 if self._remembering is None or self._hindrance else self._remembering.steps(steps, recalled)

    def rest(self, superstep: int) -> int:
        """Return how many supersteps to take before the next boundary.

        It is several while a loss is made up for, and while nothing is planned or recorded: each boundary costs time.
        Where a result is under way, its position is a boundary.
        """
        idle = not self.fault and len(self._tasks) < self._useful()
        looks_only = idle and not self._hindrance and (self._remembering is None or self._remembering.pause() > 0)
        wanted = self._scheduler.wanted() if looks_only else 0.0
        supersteps = 1 if idle and self._scheduler.trusted else self._ledger.rest(superstep, wanted)
        if self._tasks.settled:
            supersteps = max(supersteps, self._pause())
        elif supersteps > 1:
            ahead = [start - self._position for start in self.covered() if start > self._position]
            supersteps = min([supersteps, *(-(-start // superstep) for start in ahead)])
        self._scheduler.passed(supersteps - 1)
        if self._remembering is not None and supersteps > 1:
            self._remembering.passed(supersteps)
        return supersteps

    def awaits(self, position: int, boundary: int) -> int:
        """Return where the first task starts in between, which is so where the distance of boundaries has changed."""
        starts = () if self._tasks.settled else self.covered()
        return min((start for start in starts if position < start < boundary), default=boundary)

    def _pause(self) -> int:
        """Return in how many supersteps neither a task can begin nor a recording, less those that predictors need."""
        without_workers = self._hindrance or self.fault or not self.workers
        tasks = sys.maxsize if without_workers else self._scheduler.pause() - self._depth
        return tasks if self._remembering is None or self._hindrance else min(tasks, self._remembering.pause())

    def chains(self, leaps: int) -> bool:
        """Whether another hit may follow. While the main thread serves workers, none does once many are idle."""
        self._interrupted = False
        sent = self._ledger.count("dispatch") if leaps and self._ledger.serving else 0
        if sent > self._sent:  # the latest interruption was of use
            workers = self._useful()
            self._interrupted = workers - len(self._tasks) >= _MANY_IDLE * workers
            self._sent = sent if self._interrupted else self._sent
        return leaps < self.max_chain and not self._interrupted

    def leap(self, computation: Computation, transition: Transition) -> bool:
        """Apply a transition, or check it; it stays on the trajectory."""
        self._delegated += transition.source.endswith(PRESENT)
        if transition.source == MAIN and self._remembering is not None:
            self._remembering.leapt(transition.steps)
        self._checks.leap(_executable(computation), transition)
        return True

    def settle(self, boundary: Boundary, applied: bool) -> Sequence[Fault]:
        """Learn from the boundary's decisions."""
        for decision in boundary.decisions:
            if decision.outcome is Outcome.REJECTED and (
                decision.reason in self._reasons or len(self._reasons) < _REASONS
            ):
                self._reasons[decision.reason] += 1
        wrong = any(decision.outcome is Outcome.REJECTED for decision in boundary.decisions)
        self._doubtful |= wrong and not self._no_further
        switched_off = [decision for decision in boundary.decisions if self._scheduler.learn(decision)]
        return [Fault("predictor", d.plan.predictor, d.reason, switched_off=True) for d in switched_off]

    def explain(self, facts: Facts) -> str:
        """Say in one sentence why there is a gain, or none."""
        fault = facts.fault or self._hindrance or self.fault or self._scheduler.fault
        facts = facts._replace(workers=self.workers, slowdown=self.slowdown(), fault=fault, awaited=self.awaited)
        costs = Costs.of(self._ledger, self._scheduler, self._opening)._replace(delegated=self._delegated)
        return explain(facts, self.outcomes, self._reasons, costs)

    def compare(self, speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
        """Compare seconds and digests: both runs must end in the same state."""
        seconds = speculative["seconds"]
        return {
            "net_speedup": plain["seconds"] / seconds if seconds else None,
            "identical": plain["final_digest"] == speculative["final_digest"],
        }

    def speculate(
        self,
        computation: Computation,
        history: Sequence[Snapshot],
        superstep: int,
        cache: Cache,
        furthest: int | None = None,
    ) -> Sequence[Decision]:
        """Plan candidates for the idle workers, and launch them; a horizon too far costs no more than its task."""
        serves, position = self._serves(superstep), computation.position()
        if serves and self._doubtful:
            self._unreported += self._doubt(computation, history, position, cache.words_read())
        self._doubtful = False
        with self._ledger.work("plan"):
            workers = self._useful()
            ending = 0 if serves else self._ending(superstep)
            idle = 0 if self.fault or self._hindrance else max(0, workers - len(self._tasks) + ending)
            sent = _executable(computation).nbytes("dispatch") if idle else 0
            nbytes = max(sent, self._tasks.nbytes())
            slowdown = self.slowdown() or self._ledger.tracking
            crew = Crew(idle, workers, slowdown, sent, nbytes, self._queues)
            present = serves and not self._interrupted and self._tasks.at(position) is None
            if serves:  # a worker is kept for the present state, which needs no prediction
                frontier = max(self._tasks.frontier, position + superstep)
                crew = crew._replace(idle=idle - present, frontier=frontier)
            few = serves and _SHARE * idle < workers and len(self._tasks) > 1
            plans = [] if few else self._scheduler.plans(computation, superstep, crew, {} if serves else self.covered())
        if plans and present and self._workforce.started:
            self._send_present(_executable(computation), history, superstep)
        if plans and self._workforce.untouched:  # the task that workers warm up on shows what a task costs
            self._ready(computation, history)
            return ()
        return self.launch(computation, history, plans, superstep)

    def launch(
        self, computation: Computation, history: Sequence[Snapshot], plans: Sequence[Plan], superstep: int
    ) -> Sequence[Decision]:
        """Send each plan's candidate to a worker; no plan is launched before the workers have started."""
        decisions: list[Decision] = []
        if not plans or not self._ready(computation, history):
            return decisions
        launched = False
        for plan, candidate in self._candidates(computation, history, plans):
            if isinstance(candidate, Decision):
                decisions.append(candidate)
                continue
            lengths = divide(plan.steps, superstep)
            with self._ledger.work("dispatch"):
                sent = self._tasks.send(plan, candidate, lengths, self._task(computation, candidate, lengths))
            if not sent:  # the pool broke down, and what was under way in it is lost
                break
            launched = True
            decisions.append(Decision(plan, Outcome.LAUNCHED))
        if launched and self._hand_over_s:
            with self._ledger.work("hand-over"):
                time.sleep(self._hand_over_s)
        return decisions

    def _candidates(
        self, computation: Computation, history: Sequence[Snapshot], plans: Sequence[Plan]
    ) -> Iterator[tuple[Plan, Candidate | Decision]]:
        """Yield what each plan becomes. Few are predicted together, so that the first workers soon have a task."""
        for _, of_one in groupby(plans, key=attrgetter("predictor")):
            for together in _batched(of_one, _TOGETHER):
                yield from zip(
                    together,
                    predict_all(computation, history, together, self._predictors, self._ledger),
                    strict=True,
                )

    def collect(self, computation: Computation, cache: Cache) -> Sequence[Decision]:
        """Take what has arrived, wait for what is about to arrive, take back what has not begun, settle the rest."""
        position, machine = computation.position(), _executable(computation)
        self._position, self._hindrance = position, as_fault(machine.hindrance)
        unreported, self._unreported = self._unreported, []
        if self._tasks.settled:
            return unreported
        delegates = self._ledger.serving
        with self._ledger.work("collect"):
            self._tasks.take_arrived(cache)
            awaited = None if delegates else self._tasks.awaited_at(position, machine)
        if awaited is not None:
            with self._ledger.work("wait"):
                self._tasks.wait(awaited, position, cache)
        with self._ledger.work("collect"):
            self._no_further = delegates and self._tasks.failed_at(machine, position)
            return [*unreported, *self._tasks.settle_reached(machine, position)]

    def delegate(
        self,
        computation: Computation,
        history: Sequence[Snapshot],
        superstep: int,
        cache: Cache,
        room: int | None,
        stopped: Callable[[], bool],
    ) -> bool:
        """Have a worker take the next superstep, and serve the other workers meanwhile: see `Ledger.serving`.

        A step that waits leaves the processor idle, so the main thread gains nothing from taking it by itself, and the
        workers would go without tasks meanwhile. Where workers are many, it gains little.
        """
        interrupted, self._interrupted = self._interrupted, False
        if interrupted or not self._delegates(superstep) or not len(self._tasks):
            return interrupted  # the rest of the chain is at the next boundary
        machine, position = _executable(computation), computation.position()
        flight = self._tasks.at(position)
        for _ in range(2):  # a task that is under way already, and one from the present state
            if self._tasks.failed_at(machine, position):  # as another one would
                return False
            if flight is None:
                flight = self._send_present(machine, history, superstep if room is None else min(superstep, room))
            if flight is None:
                return False
            part = self._served(flight, computation, history, superstep, cache, stopped)
            if part is not None and machine.agrees(part) and (room is None or part.steps <= room):
                return True
            if stopped() or flight.plan.predictor == PRESENT:
                return False
            flight = None
        return False

    def _delegates(self, superstep: int) -> bool:
        """Whether workers are to take the main thread's supersteps: it would only wait for them."""
        able = self._workforce.started and not self.fault and not self._hindrance
        return able and self._serves(superstep) and self._ledger.allowance() > 0

    def _ending(self, superstep: int) -> int:
        """Return how many workers will be idle before the next boundary, where a task can wait for them."""
        useful = self._queues and self._scheduler.proven
        return self._tasks.ending(superstep * self._ledger.unit) if useful else 0

    def _useful(self) -> int:
        """Return how many workers can be busy at once: where there is a rate, more of them would stand in a line."""
        busy = _BUSY * self._rate * self._ledger.unit
        return min(self.workers, max(2, math.ceil(busy))) if 0 < busy < self.workers else self.workers

    def _serves(self, superstep: int) -> bool:
        """Whether the main thread serves workers, which take its supersteps as well."""
        return self.workers > 1 and self._ledger.serving and superstep * self._ledger.unit >= _WAITS_S

    def _send_present(self, machine: Executable, history: Sequence[Snapshot], steps: int) -> Flight | None:
        """Send a task from the present state; None where no worker is idle, or none can take it."""
        plan, position = Plan(PRESENT, 0, steps), machine.position()
        if len(self._tasks) >= self.workers or self._tasks.failed_at(machine, position):
            return None
        with self._ledger.work("dispatch"):
            candidate = machine.materialise(Combination((1,)), history[-1:], plan)
            if candidate is None:
                return None
            self._tasks.send(plan, candidate, (steps,), self._task(machine, candidate, (steps,)))
        return self._tasks.at(position)

    def _served(
        self,
        flight: Flight,
        computation: Computation,
        history: Sequence[Snapshot],
        superstep: int,
        cache: Cache,
        stopped: Callable[[], bool],
    ) -> Transition | None:
        """Wait for a task with a part that starts here, and serve the other workers; return that part.

        None where the task is not worth waiting for any longer.
        """
        position, ledger = computation.position(), self._ledger
        while not flight.future.done():
            if stopped():
                return None
            wrong = flight.start == position and not _executable(computation).resembles(flight.candidate)
            if wrong or self._tasks.is_late(flight, _LATE):
                self._unreported.append(self._tasks.drop(flight, WRONG if wrong else ""))
                return None
            with ledger.work("delegate"):
                self._tasks.wait_for_any(_SERVE_S)
            with ledger.work("collect"):
                self._tasks.take_arrived(cache)
            if not flight.future.done():
                self._unreported += self.speculate(computation, history, superstep, cache)
            if self._tasks.at(position) is not flight:
                break
        with ledger.work("collect"):
            self._tasks.take_arrived(cache)
        return self._tasks.part(flight, position)

    def _doubt(
        self, computation: Computation, history: Sequence[Snapshot], position: int, read: Collection[str]
    ) -> Sequence[Decision]:
        """After a wrong candidate, ask whether the other tasks are predicted as before; if not, want none of them.

        Otherwise the run would come to each of them, and take one superstep at a time.
        """
        task = self._tasks.next_after(position)
        if task is None:
            return ()
        plan = task.plan._replace(horizon=task.start - position)
        candidate = predict(computation, history, plan, self._predictors, self._ledger)
        if isinstance(candidate, Candidate) and _equal(candidate.state, task.candidate.state, read):
            return ()
        return self._tasks.drop_all()

    def _ready(self, computation: Computation, history: Sequence[Snapshot]) -> bool:
        if self._workforce.untouched:
            left = _left(computation)
            if left * self._ledger.unit < self._start_s or not self._may_start(computation, left):
                return False
        self._awaited = not self._workforce.ready(lambda: self._warm_up(computation, history))
        return not self._awaited

    def _may_start(self, computation: Computation, left: int) -> bool:
        """Whether the start of workers costs no more than may be lost in the steps that are left.

        After a refusal, the price is asked for again at twice the position.
        """
        unit, position = self._ledger.unit, computation.position()
        if position < self._ask_at:
            return False
        steps = computation.price("start")
        if self._opening_s + steps * unit <= self._ledger.permitted(left * unit):
            self._opening = Opening()
            return True
        self._ask_at, self._opening = 2 * position, Opening(steps, _executable(computation).nbytes("start"))
        return False

    def _warm_up(self, computation: Computation, history: Sequence[Snapshot]) -> Callable[[], object]:
        """Return a call of one step from here, so that a worker has unpacked the program before its first task."""
        since, here = self._ledger.clock(), Plan("warm-up", 0, 1)
        candidate = computation.materialise(Combination((1,)), history[-1:], here)
        call = partial(deliver, self._task(computation, candidate, (1,))) if candidate else os.getpid
        taken = self._ledger.clock() - since
        self._ledger.start("warm-up", taken)
        self._scheduler.probed(taken)
        return call

    def _task(
        self, computation: Computation, candidate: Candidate, lengths: Sequence[int]
    ) -> Callable[[], Iterable[Transition]]:
        return _executable(computation).task(candidate, lengths, self._tasks.limit(sum(lengths)))


def _batched(plans: Iterable[Plan], count: int) -> Iterator[Sequence[Plan]]:
    plans = iter(plans)
    while batch := list(islice(plans, count)):
        yield batch


def _left(computation: Computation) -> int:
    """Return the steps that are left; where the end is unknown, as many as have been taken."""
    total, position = computation.total(), computation.position()
    return position if total is None else total - position


def _executable(computation: Computation) -> Executable:
    if not isinstance(computation, Executable):
        raise AscError(
            f"{type(computation).__name__} cannot run on from a predicted state: executed speculation needs a "
            "computation that extends asc.computation.Executable. A backend whose candidates are judged extends "
            "JudgedConfig of asc.config.run."
        )
    return computation


def _equal(one: object, other: object, read: Collection[str]) -> bool:
    """Whether two candidates are equal, where they have words, in those that steps have read."""
    try:
        if isinstance(one, Mapping) and isinstance(other, Mapping) and read:
            one, other = (
                {name: words[name] for name in words if name.startswith(tuple(read))} for words in (one, other)
            )
        return bool(one == other)
    except Exception:  # noqa: BLE001 -- whatever a backend's states are, they need not be comparable
        return False
