"""A model of executed speculation on N cores: what the measured costs of a run would give on more cores.

One core runs the main thread, each of the other N - 1 cores a worker. The main thread stands at a boundary between two
supersteps, and repeats:
1. It takes every result that has arrived and starts from its state, up to the chain cap.
2. It gives each free worker the next useful superstep within the look-ahead: the first that no worker has and that the
   main thread would not reach before the worker is done. It leaves out one more where executing it beats waiting.
3. It waits for the result that it needs now where that takes less time than executing the superstep itself. Otherwise
   it executes the superstep.

Whether a prediction is right is drawn independently for each task. On arrival the main thread sees that a prediction
was wrong, so it never waits for such a result; its worker runs to the end for nothing. All supersteps have one length,
and results arrive in the order in which tasks were sent. Bandwidth and memory are not modelled. The rule is greedy, so
a small change of a cost can shift the schedule in either direction; over a sweep these shifts average out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from random import Random

from asc.errors import AscError

WORKERS = (2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)

Probability = float | Sequence[float] | Callable[[int], float]


@dataclass(frozen=True)
class Costs:
    """What a run costs. Times are in seconds; `supersteps` is the length of the run."""

    superstep_s: float  # a superstep executed plainly
    supersteps: int = 10_000
    tracking: float = 1.0  # how many times longer a worker takes for a superstep, since it tracks reads and writes
    dispatch_s: float = 0.0  # the main thread's time to send one task
    predict_s: float = 0.0  # the main thread's time to predict the state that one task starts from
    hit_s: float = 0.0  # the main thread's time to find one result and apply it
    round_trip_s: float = 0.0  # the time that a task and its result travel
    hit_probability: Probability = 1.0
    """Probability that a prediction j supersteps ahead is right: one number for every j; a list for j = 1, 2, …, whose
    last value holds from there on; or f(j)."""
    chain_cap: int = 64  # results taken before free workers get tasks again
    look_ahead: int | None = None  # supersteps; None: two for each worker, and what the main thread executes meanwhile

    def __post_init__(self) -> None:
        times = (self.tracking, self.dispatch_s, self.predict_s, self.hit_s, self.round_trip_s)
        if not (0 < self.superstep_s < math.inf and self.tracking > 0 and all(0 <= t < math.inf for t in times)):
            raise AscError(f"Costs must be finite and not negative, superstep_s and tracking above 0; got {self}.")
        if min(self.supersteps, self.chain_cap, 1 if self.look_ahead is None else self.look_ahead) < 1:
            raise AscError(f"supersteps, chain_cap and look_ahead must be at least 1; got {self}.")

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
    limit: float  # 1 + (cores - 1) / tracking, which no schedule exceeds
    seconds: float
    hits: int  # supersteps leapt over
    executed: int  # supersteps that the main thread ran itself
    launched: int  # tasks
    waste: int  # tasks whose result was never taken
    utilisation: float  # share of the workers' time in which they ran a superstep, useful or not


class _Run:
    """The main thread and its workers, at a moment of simulated time."""

    def __init__(self, costs: Costs, cores: int, seed: int) -> None:
        self.costs, self.workers = costs, cores - 1
        self.draw = Random(seed).random
        self.running = costs.tracking * costs.superstep_s
        self.duration = self.running + costs.round_trip_s
        usual = 2 * self.workers + math.ceil(self.duration / costs.superstep_s)
        self.reach = min(usual if costs.look_ahead is None else costs.look_ahead, costs.supersteps)
        self.chance = [0.0] + [costs.probability(ahead) for ahead in range(1, self.reach + 1)]
        self.now = 0.0
        self.position = 0
        self.results: dict[int, float] = {}  # by the superstep that a result skips: when it arrives; infinite if wrong
        self.busy: deque[float] = deque()  # when the results of busy workers arrive, soonest first
        self.frontier = 0  # no worker has this superstep or a later one
        self.there = 0.0  # when the main thread reaches the frontier if all results under way are right
        self.hits = self.executed = self.launched = 0

    def take(self) -> None:
        """Apply the results that have arrived, one after the other."""
        costs = self.costs
        if costs.hit_s >= costs.superstep_s:
            return
        for _ in range(costs.chain_cap):
            if self.results.get(self.position, math.inf) > self.now:
                return
            del self.results[self.position]
            self.now += costs.hit_s
            self.position += 1
            self.hits += 1

    def launch(self) -> None:
        """Give tasks to the free workers."""
        costs, busy, results = self.costs, self.busy, self.results
        while busy and busy[0] <= self.now:
            busy.popleft()
        self.frontier = max(self.frontier, self.position + 1)
        wrong = results.get(self.position) == math.inf
        alone = self.frontier - self.position - len(results) + wrong  # supersteps that only the main thread executes
        self.there = max(self.there, self.now + alone * costs.superstep_s + len(results) * costs.hit_s)
        while len(busy) < self.workers:
            done = self.now + costs.predict_s + costs.dispatch_s + self.duration
            target = self.useful(done)
            ahead = target - self.position
            if ahead > self.reach or target >= costs.supersteps:
                return
            self.now += costs.predict_s + costs.dispatch_s
            self.launched += 1
            results[target] = done if self.draw() < self.chance[ahead] else math.inf
            busy.append(done)
            self.there = max(self.there + (target - self.frontier) * costs.superstep_s, done) + costs.hit_s
            self.frontier = target + 1

    def useful(self, done: float) -> int:
        """Return the next superstep for a worker that would be done with it at time `done`."""
        if done <= self.there:
            return self.frontier
        plain = self.costs.superstep_s
        whole, wait = divmod(done - self.there, plain)
        target = self.frontier + int(whole)
        gained = target - self.position + self.workers - len(self.busy)  # until then, with the shares of free workers
        # Executing one more delays the rest by plain - wait. That pays where a superstep takes longer by then.
        return target + ((plain - wait) * gained < done - self.now)

    def proceed(self) -> None:
        """Wait for the result that is needed now, or execute the superstep."""
        costs = self.costs
        ready = max(self.now, self.results.get(self.position, math.inf))
        if ready - self.now + costs.hit_s < costs.superstep_s:
            self.now = ready
        else:
            self.results.pop(self.position, None)
            self.now += costs.superstep_s
            self.position += 1
            self.executed += 1


def simulate(costs: Costs, cores: int, seed: int = 0) -> Simulated:
    """Simulate one run on so many cores, including that of the main thread. The same seed gives the same run."""
    if cores < 1:
        raise AscError(f"The number of cores was given as {cores}; expected at least 1.")
    run = _Run(costs, cores, seed)
    while run.position < costs.supersteps:
        run.take()
        if run.position < costs.supersteps:
            run.launch()
            run.proceed()
    unfinished = sum(min(run.running, max(0.0, done - run.now)) for done in run.busy)
    worked = run.launched * run.running - unfinished
    return Simulated(
        cores=cores,
        speedup=costs.supersteps * costs.superstep_s / run.now,
        limit=1 + (cores - 1) / costs.tracking,
        seconds=run.now,
        hits=run.hits,
        executed=run.executed,
        launched=run.launched,
        waste=run.launched - run.hits,
        utilisation=worked / (run.workers * run.now) if run.workers else 0.0,
    )


def sweep(costs: Costs, workers: Sequence[int] = WORKERS, seed: int = 0) -> list[dict[str, float]]:
    """Simulate the run on each number of cores. A row has the fields of `Simulated`."""
    return [asdict(simulate(costs, cores, seed)) for cores in workers]
