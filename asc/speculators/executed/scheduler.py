"""Decides where tasks start and how long they are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from pydantic import Field

from asc.computation import Computation
from asc.ledger import Ledger
from asc.speculators.executed.prices import ALL, SENDING, Load, TaskPrice
from asc.speculators.outcomes import Outcomes
from asc.speculators.rationing import Rationing
from asc.types import Decision, Outcome, Plan

_SLACK = 1.125  # the pace of workers varies, and a result that waits costs less than a main thread that waits
_LOOKAHEAD = 1024  # supersteps
MAIN_SHARE = 0.5  # share of the main thread's time that tasks take at most, where workers take its supersteps as well
_WORTH = 16  # a task has so many times as many steps as it costs, where the setting allows that
_WORTH_QUEUED = 8  # the same at least, where a worker need not wait for its next task
_FIRST = 2  # supersteps in the first task: it is soon known, and its leap is checked step by step
_TRUST = 4  # boundaries after a right candidate at which one task may be sent, whatever is owed
_PATIENCE, _PAUSE = 8, 32  # of rationing, where steps wait: a wrong candidate costs little, a pause all workers' steps
_BYTES_A_SECOND = 1e9  # of what travels to a worker and back: it is packed, copied and unpacked


class Crew(NamedTuple):
    """The workers, as the scheduler needs to know them."""

    idle: int
    workers: int
    slowdown: float = 1.0  # how many times as long as the main thread they take for a step
    sent: float = 0.0  # bytes that are sent for a task
    nbytes: float = 0.0  # bytes that travel for a task, there and back
    queues: bool = False  # whether a task can be sent to a worker before it has ended the one before
    frontier: int | None = None  # where the last task ends, if workers take the main thread's supersteps as well


class ExecutedScheduler:
    """Plans tasks so that neither workers nor the main thread wait."""

    class Config(Rationing.Config):
        """How executed speculation is rationed."""

        overdraft: float = Field(0.02, ge=0, description="share of plain work that may be lost; later a quarter of it")
        lookahead: int | None = Field(
            None, ge=1, description="supersteps to look ahead at most; by default 1024, or as many as the workers need"
        )
        task_length: int = Field(32, ge=1, description="supersteps in one worker task at most")
        memoise: bool = Field(True, description="record the main thread's own supersteps where that pays")

    def __init__(self, config: Config, predictors: Sequence[str], ledger: Ledger, outcomes: Outcomes) -> None:
        self._config, self._ledger, self._outcomes = config, ledger, outcomes
        self._rationing = Rationing(predictors, ledger)
        self._least = min(2, config.task_length)  # so that the main thread can join a task at its second part
        self._length = min(_FIRST, config.task_length)  # of a task: doubled by a right one, halved where most are wrong
        self._streak = 0  # right candidates since the latest wrong one
        self._sending, self._price = (TaskPrice(ledger, kinds) for kinds in (SENDING, ALL))
        self._load = Load(ledger)
        self.proven = False
        """Whether the latest candidate that was settled was right."""
        self._superstep = 0  # steps in the superstep of the latest boundary
        self._position = -1  # of the latest boundary
        self._trust = 0  # boundaries at which one task may be planned in any case
        self.nbytes = 0.0
        """What travels for a task, when that was last looked at."""
        self.unprofitable = False
        """Whether no task would gain what it costs, or could be paid, when that was last looked at."""

    def plans(self, computation: Computation, superstep: int, crew: Crew, covered: Mapping[int, int]) -> list[Plan]:
        """Return a plan for each idle worker at most; none while paused or overdrawn.

        `covered` maps positions to the steps that are under way or delivered from there. There are no plans where the
        length of a superstep has just changed, since it may change again: the run would pass by the tasks' positions.
        """
        steady, self._superstep = superstep == self._superstep, superstep
        position, trusted = computation.position(), self.trusted
        again, self._position = crew.frontier is not None and position == self._position, position
        self._trust = max(0, self._trust - (not again))
        if not self._rationing.open(crew.idle, trusted=trusted, again=again) or not steady:
            return []

        def gain(plan: Plan) -> float:
            return self._outcomes.at(plan.predictor, _distance(plan)).probability * plan.steps

        self.nbytes = crew.nbytes
        price = max(self.price(), computation.price("dispatch"))
        predictors = self._rationing.predictors
        capacity = self._affordable(crew.idle, crew.sent, trusted=trusted)
        if not capacity:
            self.unprofitable = True
            return []
        if crew.frontier is not None and not self.proven:
            capacity = int(crew.workers - crew.idle < 2)  # many wrong ones at once would be costly
        starts = self._starts(position, computation.total(), superstep, capacity, crew, covered, price)
        options = ([Plan(name, start - position, steps) for name in predictors] for start, steps in starts)
        plans = self._rationing.choose(options if predictors else (), capacity, gain, lambda _: price)
        self.unprofitable = self._rationing.unprofitable
        return plans

    def price(self) -> float:
        """Return what a task costs in plain steps, by the recent ones and by what travels. 0 while unknown."""
        self._price.look()
        unit = self._ledger.unit
        return (self._price.seconds(self.nbytes / _BYTES_A_SECOND) or 0.0) / unit if unit else 0.0

    def wanted(self) -> float:
        """Return the seconds that it takes to send a task, by the recent ones; 0 while nothing is known or planned."""
        return 0.0 if self.pause() else self._sending.seconds(0.0) or 0.0

    def probed(self, seconds: float) -> None:
        """Note what it took to make a task that was not sent: the one that workers warm up on."""
        self._sending.probe(seconds)
        self._price.probe(seconds)

    @property
    def trusted(self) -> bool:
        """Whether the latest candidate that was settled was right, a few boundaries ago at most."""
        return self._trust > 0

    def pause(self) -> int:
        """Return at how many boundaries from the present one on there are no plans."""
        return self._rationing.pause()

    def passed(self, boundaries: int) -> None:
        """Count boundaries that are passed over."""
        self._rationing.passed(boundaries)

    @property
    def fault(self) -> str:
        """Why nothing is predicted any more; empty while a predictor is left."""
        return self._rationing.fault

    def learn(self, decision: Decision) -> bool:
        """Take a decision into account; return whether it has just switched off its predictor."""
        distance = _distance(decision.plan)
        self._outcomes.note(decision, distance)
        if decision.outcome in (Outcome.ACCEPTED, Outcome.REJECTED):
            self.proven = decision.outcome is Outcome.ACCEPTED
            self._trust = _TRUST if self.proven else 0
        if decision.outcome is Outcome.ACCEPTED:
            self._length = min(self._config.task_length, 2 * self._length)
            self._streak += 1
        elif decision.outcome is Outcome.REJECTED:
            self._streak = 0
            if self._outcomes.at(decision.plan.predictor, distance).probability < 0.5:
                self._length = max(self._least, self._length // 2)
        if self._ledger.serving:
            self._rationing.patience, self._rationing.longest_pause = _PATIENCE, _PAUSE
        return self._rationing.learn(decision)

    def _affordable(self, idle: int, nbytes: float, *, trusted: bool) -> int:
        """Return how many tasks may be sent at once: what the allowance covers.

        One may be sent where no price is known, or the predictors are trusted. So many bytes of a task are sent.
        """
        self._sending.look()
        seconds, allowance = self._sending.seconds(nbytes / _BYTES_A_SECOND), self._ledger.allowance()
        if seconds is None:
            return min(idle, 1)
        if idle * seconds <= allowance:
            return idle
        return max(int(allowance / seconds) if seconds else 0, int(trusted))

    def _starts(
        self,
        position: int,
        total: int | None,
        superstep: int,
        capacity: int,
        crew: Crew,
        covered: Mapping[int, int],
        price: float,
    ) -> Iterator[tuple[int, int]]:
        """Yield where tasks start and how many steps they take.

        A task starts where the main thread will be when the task is done: the main thread takes `slowdown` times as
        many supersteps meanwhile as the task is long. A task is so long that it is worth its price many times over.
        Where workers take the main thread's supersteps as well, tasks begin at once, and are no longer than they must
        be for the main thread to keep up. Towards the end, tasks shrink so that all end at the same time.
        """
        frontier = crew.frontier
        length = self._length_for(price / superstep, crew) if frontier is None else self._least_length(superstep, crew)
        if total is not None:
            alone = total - (position + _steps(covered, position) if frontier is None else frontier)
            length = min(length, int(alone / superstep / (crew.workers + crew.slowdown)))
        length = max(1, length)
        lookahead = self._config.lookahead or max(_LOOKAHEAD, 2 * crew.workers * length)
        last = position + lookahead * superstep
        start, own, needed = position, 0, max(1, round(length * crew.slowdown * _SLACK))
        if frontier is not None:
            start, needed, covered = frontier, 0, {}
        while capacity and start <= last and (total is None or start < total):
            if start in covered:
                start += covered[start]
            elif own < needed:
                start, own = start + superstep, own + 1
            else:
                end = min([start + length * superstep, *(other for other in covered if other > start)])
                end = end if total is None else min(end, total)
                yield start, end - start
                start, capacity = end, capacity - 1

    def _length_for(self, price: float, crew: Crew) -> int:
        """Return the supersteps of a task that costs so many of them.

        Where tasks are queued, each right candidate in a row makes them longer by the price of a task for each worker.
        So what is lost where a candidate is wrong, or where the run ends within a task, is about as much as the tasks
        before it have cost. Where they are not, a worker waits for the next boundary after each task.
        """
        worth, length = _WORTH, self._length
        if crew.queues:
            worth, price = _WORTH_QUEUED, crew.workers * price
            length = min(length, math.ceil(self._streak * price))
        return max(self._least, length, min(self._config.task_length, math.ceil(worth * price)))

    def _least_length(self, superstep: int, crew: Crew) -> int:
        """Return the fewest supersteps in a task with which the main thread keeps all workers busy."""
        seconds, each = self._load.seconds(), superstep * self._ledger.unit
        least = math.ceil(crew.workers * seconds / (MAIN_SHARE * each)) if each else 1
        return min(self._config.task_length, max(1, least))


def _steps(covered: Mapping[int, int], position: int) -> int:
    """Return how many steps from a position on are covered."""
    steps, reached = 0, position
    for start, length in sorted(covered.items()):
        end = start + length
        if end > reached:
            steps += end - max(start, reached)
            reached = end
    return steps


def _distance(plan: Plan) -> int:
    """Outcomes are kept by distance in tasks, to a power of two."""
    return (plan.horizon // plan.steps).bit_length() if plan.steps else 0
