"""A model of executed speculation on N cores: what the measured costs of a run would give on more cores.

One core runs the main thread, each of the other N - 1 cores a worker. The main thread stands at a boundary between two
supersteps, and repeats:
1. It takes every result that has arrived and starts from its state, up to the chain cap.
2. It gives each free worker the next useful task within the look-ahead: from the first superstep that no worker has and
   that the main thread would not reach before the worker is done. It leaves out one more where executing it beats
   waiting. Until a first result was right, one task is under way at a time.
3. It waits for the result that it needs now where that takes less time than executing these supersteps itself.
   Otherwise it executes a superstep.

Where workers take the main thread's supersteps as well, since steps wait, it leaves none out and executes none. A task
is then as short as the main thread's share of the time allows, as in the engine. Where a prediction was wrong, a worker
takes the superstep from the present state, and the main thread serves the others meanwhile.

Towards the end tasks shrink, so that all end at the same time. Whether a prediction is right is drawn independently for
each task. On arrival the main thread sees that a prediction was wrong, so it never waits for such a result; its worker
runs to the end for nothing. All supersteps have one length. There are no terms for bandwidth, memory or the number of
real cores: a task and its result travel for a fixed time. The rule is greedy, so a small change of a cost can shift the
schedule in either direction; over a sweep these shifts average out.

`python benchmarks/scale.py simulation` compares the model with measured runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from heapq import heappop, heappush, heapreplace
from random import Random
from typing import NamedTuple

from asc.errors import AscError
from asc.speculators.executed.scheduler import MAIN_SHARE
from asc.speculators.executed.speculator import ExecutedSpeculator

WORKERS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

TOGETHER = 32  # tasks that are predicted together, before the first of them is sent

Probability = float | Sequence[float] | Callable[[int], float]


@dataclass(frozen=True)
class Costs:
    """What a run costs. Times are in seconds; `supersteps` is the length of the run."""

    superstep_s: float  # a superstep executed plainly
    supersteps: int = 10_000
    tracking: float = 1.0  # how many times longer a worker takes for a superstep, since it tracks reads and writes
    predict_s: float = 0.0  # the main thread's time to predict the state that one task starts from
    dispatch_s: float = 0.0  # the main thread's time to send one task
    hit_s: float = 0.0  # the main thread's time to take one result, to find it, and to apply it
    round_trip_s: float = 0.0  # the time that a task and its result travel
    worker_s: float = 0.0  # the time for which a task keeps its worker's interpreter busy, beside the supersteps
    threads: int = 1  # workers that share one interpreter
    start_s: float = 0.0  # the time before the first superstep, in which nothing else happens
    hit_probability: Probability = 1.0
    """Probability that a prediction j supersteps ahead is right: one number for every j; a list for j = 1, 2, …, whose
    last value holds from there on; or f(j)."""
    task_length: int = 1  # supersteps in a task at most
    delegates: bool = False  # whether workers take the main thread's supersteps as well, since steps wait
    chain_cap: int = ExecutedSpeculator.max_chain  # results taken before free workers get tasks again
    look_ahead: int | None = None  # supersteps; None: two tasks a worker, and what the main thread executes meanwhile

    def __post_init__(self) -> None:
        work = (self.predict_s, self.dispatch_s, self.hit_s, self.worker_s)
        times = (self.tracking, *work, self.round_trip_s, self.start_s)
        if not (0 < self.superstep_s < math.inf and self.tracking > 0 and all(0 <= t < math.inf for t in times)):
            raise AscError(f"Costs must be finite and not negative, superstep_s and tracking above 0; got {self}.")
        counts = (self.supersteps, self.task_length, self.threads, self.chain_cap)
        if min(counts) < 1 or (self.look_ahead is not None and self.look_ahead < 1):
            names = "supersteps, task_length, threads, chain_cap and look_ahead"
            raise AscError(f"{names} must be at least 1; got {self}.")

    def probability(self, ahead: int) -> float:
        """Return the probability that a prediction `ahead` supersteps ahead is right."""
        given = self.hit_probability
        if callable(given):
            chance = given(ahead)
        elif isinstance(given, Sequence):
            chance = given[min(ahead, len(given)) - 1] if given else 0.0
        else:
            chance = given
        if not 0.0 <= chance <= 1.0:
            raise AscError(
                f"hit_probability gave {chance} for {ahead} supersteps ahead; a probability must be from 0 to 1."
            )
        return chance


@dataclass(frozen=True)
class Simulated:
    """The result of a simulated run."""

    cores: int
    speedup: float  # over the plain run
    limit: float  # that no schedule exceeds: the workers at their pace, and the main thread where it takes supersteps
    seconds: float
    hits: int  # supersteps leapt over
    executed: int  # supersteps that the main thread ran itself
    launched: int  # tasks
    waste: int  # tasks whose result was never taken
    utilisation: float  # share of the workers' time in which they ran supersteps, useful or not


class _Task(NamedTuple):
    """A task whose result has not been taken."""

    ready: float  # when its result arrives; infinite if its prediction is wrong
    length: int


class _Run:
    """The main thread and its workers, at a moment of simulated time."""

    def __init__(self, costs: Costs, cores: int, seed: int) -> None:
        self.costs, self.workers = costs, cores - 1
        self.draw = Random(seed).random
        self.running = costs.tracking * costs.superstep_s
        self.length = self._longest()
        usual = 2 * self.workers * self.length
        if not costs.delegates:
            usual += math.ceil(self._duration(self.length) / costs.superstep_s)
        self.reach = min(costs.look_ahead or usual, costs.supersteps)
        self.chance = [1.0] + [costs.probability(ahead) for ahead in range(1, self.reach + 1)]
        self.now = costs.start_s
        self.position = 0
        self.tasks: dict[int, _Task] = {}  # by the superstep that they start from
        self.covered = 0  # supersteps of these
        self.busy: list[tuple[float, int]] = []  # a heap: when a worker's result arrives, and its supersteps
        self.interpreters = [0.0] * -(-self.workers // costs.threads)  # a heap: when each has done what was sent to it
        self.frontier = 0  # no worker has this superstep or a later one
        self.there = self.now  # when the main thread reaches the frontier if all results under way are right
        self.hits = self.executed = self.launched = self.taken = 0
        self.sent = 0  # supersteps of all tasks

    def take(self) -> None:
        """Apply the results that have arrived, one after the other."""
        costs = self.costs
        for _ in range(costs.chain_cap):
            task = self.tasks.get(self.position)
            if task is None or task.ready > self.now:
                return
            if not costs.delegates and costs.hit_s >= costs.superstep_s * task.length:
                return
            self._drop(self.position)
            self.now += costs.hit_s
            self.position += task.length
            self.hits += task.length
            self.taken += 1

    def launch(self) -> None:
        """Give tasks to the free workers."""
        costs, busy = self.costs, self.busy
        while busy and busy[0][0] <= self.now:
            heappop(busy)
        wrong = self.tasks.get(self.position, _Task(0.0, 0)).ready == math.inf
        if not costs.delegates:
            self.frontier = max(self.frontier, self.position + 1)
            alone = self.frontier - self.position - self.covered + (self.tasks[self.position].length if wrong else 0)
            self.there = max(self.there, self.now + alone * costs.superstep_s + len(self.tasks) * costs.hit_s)
        elif len(busy) < self.workers and (wrong or self.position not in self.tasks):
            if wrong:
                self._drop(self.position)
            self._send(self.position, 1)
        predicted = 0
        while len(busy) < self.workers:
            length = self._length()
            target = self.frontier if costs.delegates else self._useful(length)
            if target - self.position > self.reach or target >= costs.supersteps:
                return
            if not predicted:
                predicted = min(TOGETHER, self.workers - len(busy)) if costs.delegates else 1
                self.now += predicted * costs.predict_s
            predicted -= 1
            self._send(target, min(length, costs.supersteps - target))

    def proceed(self) -> None:
        """Wait for a result, or execute the superstep."""
        costs, task = self.costs, self.tasks.get(self.position, _Task(math.inf, 1))
        if costs.delegates:
            self.now = max(self.now, min(task.ready, self.busy[0][0] if self.busy else math.inf))
            return
        ready = max(self.now, task.ready)
        if ready - self.now + costs.hit_s < costs.superstep_s * task.length:
            self.now = ready
            return
        if self.position in self.tasks:
            self._drop(self.position)
        self.now += costs.superstep_s
        self.position += 1
        self.executed += 1

    def _longest(self) -> int:
        """Return the length of tasks before the end is near."""
        costs = self.costs
        if not costs.delegates:
            return costs.task_length
        load = self.workers * (costs.predict_s + costs.dispatch_s + costs.hit_s) / (MAIN_SHARE * costs.superstep_s)
        return min(costs.task_length, max(1, math.ceil(load)))

    def _length(self) -> int:
        """Return the length of the next task: towards the end, tasks shrink so that all end at the same time."""
        costs = self.costs
        reached = self.frontier if costs.delegates else self.position + self.covered
        return max(1, min(self.length, int((costs.supersteps - reached) / (self.workers + costs.tracking))))

    def _duration(self, length: int) -> float:
        """Return the seconds from a task to its result."""
        return self.running * length + self.costs.round_trip_s + self.costs.worker_s

    def _useful(self, length: int) -> int:
        """Return the next superstep that a worker can begin a task at, before the main thread is there."""
        done = self.now + self.costs.predict_s + self.costs.dispatch_s + self._duration(length)
        if done <= self.there:
            return self.frontier
        plain = self.costs.superstep_s
        whole, wait = divmod(done - self.there, plain)
        target = self.frontier + int(whole)
        free = self.workers - len(self.busy)
        gained = target - self.position + length * free  # until then, with the shares of free workers
        # Executing one more delays the rest by plain - wait. That pays where a superstep takes longer by then.
        return target + ((plain - wait) * gained < done - self.now)

    def _send(self, target: int, length: int) -> None:
        costs = self.costs
        self.now += costs.dispatch_s
        began = max(self.now, self.interpreters[0])
        heapreplace(self.interpreters, began + costs.worker_s)
        done = began + self._duration(length)
        right = self.draw() < self.chance[target - self.position]
        self.tasks[target] = _Task(done if right else math.inf, length)
        self.covered += length
        heappush(self.busy, (done, length))
        self.there = max(self.there + (target - self.frontier) * costs.superstep_s, done) + costs.hit_s
        self.frontier = max(self.frontier, target + length)
        self.launched += 1
        self.sent += length

    def _drop(self, position: int) -> None:
        self.covered -= self.tasks.pop(position).length


def simulate(costs: Costs, cores: int, seed: int = 0) -> Simulated:
    """Simulate one run on so many cores, including that of the main thread. The same seed gives the same run."""
    if cores < 1 + costs.delegates:
        raise AscError(f"The number of cores was given as {cores}; expected at least {1 + costs.delegates}.")
    run = _Run(costs, cores, seed)
    while run.position < costs.supersteps:
        run.take()
        if run.position < costs.supersteps:
            run.launch()
            run.proceed()
    unfinished = sum(min(run.running * length, max(0.0, done - run.now)) for done, length in run.busy)
    worked = run.sent * run.running - unfinished
    return Simulated(
        cores=cores,
        speedup=costs.supersteps * costs.superstep_s / run.now,
        limit=(not costs.delegates) + run.workers / costs.tracking,
        seconds=run.now,
        hits=run.hits,
        executed=run.executed,
        launched=run.launched,
        waste=run.launched - run.taken,
        utilisation=worked / (run.workers * run.now) if run.workers else 0.0,
    )


def sweep(costs: Costs, cores: Sequence[int] = WORKERS, seed: int = 0, a_core: int = 0) -> list[dict[str, float]]:
    """Simulate the run on each number of cores. A row has the fields of `Simulated`.

    A run has at least `a_core` supersteps for each core, so that its end does not matter.
    """
    lengths = {count: max(costs.supersteps, a_core * count) for count in cores}
    return [asdict(simulate(replace(costs, supersteps=length), count, seed)) for count, length in lengths.items()]
