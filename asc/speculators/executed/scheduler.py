"""Decides where tasks start, how long they are, and whether the main thread records its own supersteps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from pydantic import Field

from asc.computation import Computation
from asc.ledger import Ledger
from asc.speculators.outcomes import Outcomes
from asc.speculators.rationing import Rationing
from asc.types import Decision, Outcome, Plan

_WINDOW = 128  # supersteps recorded before it is asked whether any came back
_PROBE = 64  # supersteps that are recorded in a row before it is asked what they cost
_CHEAP = 0.005  # share of the work up to which recording needs no proof that it pays
_PLAIN_EVERY = 64  # one superstep in so many stays untracked, so that the price of a plain step stays known
_PLAIN_FIRST = 8  # and more of them at first
_SLACK = 1.125  # the pace of workers varies, and a result that waits costs less than a main thread that waits
_WORK = ("predict", "dispatch", "hand-over", "collect", "wait")  # kinds of work that a candidate costs the main thread


class ExecutedScheduler:
    """Plans tasks so that neither workers nor the main thread wait."""

    class Config(Rationing.Config):
        """How executed speculation is rationed."""

        lookahead: int = Field(1024, ge=1, description="supersteps to look ahead at most")
        task_length: int = Field(16, ge=1, description="supersteps in one worker task at most")
        memoise: bool = Field(True, description="record the main thread's own supersteps where that pays")

    def __init__(self, config: Config, predictors: Sequence[str], ledger: Ledger, outcomes: Outcomes) -> None:
        self._config, self._ledger, self._outcomes = config, ledger, outcomes
        self._rationing = Rationing(predictors, ledger)
        self._length = 1  # supersteps in a task: doubled where a candidate was right, one again where it was wrong
        self._recorded = self._window = 0
        self._window_ends, self._window_resumes = _WINDOW, 0
        self._probe = 0  # supersteps that are still to be recorded, whatever they cost

    def plans(
        self, computation: Computation, superstep: int, capacity: int, covered: Mapping[int, int], slowdown: float
    ) -> list[Plan]:
        """Return at most `capacity` plans; none while paused or overdrawn.

        `covered` maps positions to the steps that are under way or delivered from there. A worker takes `slowdown`
        times as long for a step as the main thread.
        """
        if not self._rationing.open(capacity):
            return []

        def gain(plan: Plan) -> float:
            return self._outcomes.at(plan.predictor, _distance(plan)).probability * plan.steps

        def price(_: Plan) -> float:
            return self._ledger.price(_WORK, "dispatch")

        position = computation.position()
        predictors = self._rationing.predictors
        starts = self._starts(position, computation.total(), superstep, capacity, covered, slowdown)
        options = ([Plan(name, start - position, steps) for name in predictors] for start, steps in starts)
        return self._rationing.choose(options if predictors else (), capacity, gain, price)

    @property
    def fault(self) -> str:
        """Why nothing is predicted any more; empty while a predictor is left."""
        return self._rationing.fault

    def learn(self, decision: Decision) -> bool:
        """Take a decision into account; return whether it has just switched off its predictor."""
        self._outcomes.note(decision, _distance(decision.plan))
        if decision.outcome is Outcome.ACCEPTED:
            self._length = min(self._config.task_length, 2 * self._length)
        elif decision.outcome is Outcome.REJECTED:
            self._length = 1
        return self._rationing.learn(decision)

    def remembers(self, recalled: int) -> bool:
        """Whether to track the next superstep for the cache; `recalled` recorded ones have been used so far.

        Where tracking costs a noticeable share of the work and nothing comes back within a window, it pauses; windows
        and the pauses between them double.
        """
        self._recorded += 1
        if not self._config.memoise or not self._ledger.unit or self._recorded < self._window_resumes:
            return False
        if not self._probe:
            if self._ledger.allowance() <= 0:
                return False
            self._probe = _PROBE
        self._probe -= 1
        if recalled or self._ledger.share("track", "insert", "lookup") < _CHEAP:
            self._window_ends = self._recorded + _WINDOW
        elif self._recorded >= self._window_ends:
            self._window += 1
            self._window_resumes = self._recorded + 3 * _WINDOW * 2**self._window
            self._window_ends = self._window_resumes + _WINDOW * 2**self._window
        return self._recorded % (_PLAIN_EVERY if self._recorded > _PLAIN_EVERY else _PLAIN_FIRST) != 0

    def rest(self, superstep: int) -> int:
        """Return how many supersteps to take before the next boundary; one while supersteps are being recorded."""
        supersteps = self._ledger.rest(superstep)
        return 1 if self._probe else supersteps

    def _starts(
        self,
        position: int,
        total: int | None,
        superstep: int,
        capacity: int,
        covered: Mapping[int, int],
        slowdown: float,
    ) -> Iterator[tuple[int, int]]:
        """Yield where tasks start and how many steps they take.

        A task starts where the main thread will be when the task is done: the main thread takes `slowdown` times as
        many supersteps meanwhile as the task is long. Towards the end, tasks shrink so that all end at the same time.
        """
        length = self._length
        if total is not None:
            length = min(length, int((total - position) / superstep / (len(covered) + capacity + slowdown)))
        length = max(1, length)
        last = position + self._config.lookahead * superstep
        start, own, needed = position, 0, max(1, round(length * slowdown * _SLACK))
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


def _distance(plan: Plan) -> int:
    """Outcomes are kept by distance in tasks, to a power of two."""
    return (plan.horizon // plan.steps).bit_length() if plan.steps else 0
