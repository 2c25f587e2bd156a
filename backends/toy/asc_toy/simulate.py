"""A model of executed speculation with N cores: what the measured costs of a run would give on more of them.

One core runs the main thread, each of the other N - 1 a worker. The main thread stands at a boundary between two
supersteps and, over and over,
1. takes every result at hand that starts from its state, up to the chain cap;
2. gives each free worker the next superstep that nobody has been given, within the look-ahead; where nothing is under
   way it leaves out those that it would have passed before a worker was done;
3. waits for the result it needs now if that is about to arrive, and executes the superstep itself if not.

Whether a prediction is right is drawn independently for each task. The main thread sees on arrival that a prediction
was wrong and never waits for one; the worker goes on to the end for nothing. All supersteps are of one length, results
arrive in the order in which they were sent off, and bandwidth and memory are not modelled.
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
    """What a run costs. Times are in seconds; `supersteps` is how long the run is."""

    superstep_s: float  # a superstep executed plainly
    supersteps: int = 10_000
    tracking: float = 1.0  # how many times longer a worker takes for one, since it notes what it reads and writes
    dispatch_s: float = 0.0  # of the main thread's time, to send one task off
    predict_s: float = 0.0  # of the main thread's time, to predict the state one task starts from
    hit_s: float = 0.0  # of the main thread's time, to find one result and to apply it
    round_trip_s: float = 0.0  # that a task and its result are under way
    hit_probability: Probability = 1.0
    """That a prediction j supersteps ahead is right: for every j, for j = 1, 2, … (the last holds on), or as f(j)."""
    chain_cap: int = 64  # results taken before free workers are looked after again
    look_ahead: int | None = None  # supersteps; None: twice the number of workers

    def __post_init__(self) -> None:
        times = (self.tracking, self.dispatch_s, self.predict_s, self.hit_s, self.round_trip_s)
        if not (0 < self.superstep_s < math.inf and self.tracking > 0 and all(0 <= t < math.inf for t in times)):
            raise AscError(f"Costs are finite and not negative, superstep_s and tracking above 0; given was {self}.")
        if min(self.supersteps, self.chain_cap, 1 if self.look_ahead is None else self.look_ahead) < 1:
            raise AscError(f"supersteps, chain_cap and look_ahead are at least 1; given was {self}.")

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
            raise AscError(f"hit_probability gave {chance} for {ahead} supersteps ahead; a probability is 0 to 1.")
        return chance


@dataclass(frozen=True)
class Simulated:
    """What came out of a simulated run."""

    cores: int
    speedup: float  # over the plain run
    limit: float  # 1 + (cores - 1) / tracking, which no schedule exceeds
    seconds: float
    hits: int  # supersteps leapt over
    executed: int  # supersteps that the main thread ran itself
    launched: int  # tasks
    waste: int  # tasks whose result was never taken
    utilisation: float  # share of the workers' time in which they ran a superstep, useful or not


def simulate(costs: Costs, cores: int, seed: int = 0) -> Simulated:
    """Simulate one run on a number of cores, the main thread's included; the same seed gives the same run."""
    if cores < 1:
        raise AscError(f"A run was to be simulated on {cores} cores; it takes at least 1.")
    draw = Random(seed).random
    end, plain = costs.supersteps, costs.superstep_s
    running = costs.tracking * plain
    duration = running + costs.round_trip_s
    launch = costs.dispatch_s + costs.predict_s
    reach = 2 * (cores - 1) if costs.look_ahead is None else costs.look_ahead
    chance = [0.0] + [costs.probability(ahead) for ahead in range(1, min(reach, end) + 1)]
    arrival: dict[int, float] = {}  # of results not passed yet, by the superstep they skip; infinite if wrong
    busy: deque[float] = deque()  # when the workers' results arrive, soonest first
    now, position, chained, frontier = 0.0, 0, 0, 0  # frontier: no worker has been given it or any superstep after it
    passed = 0.0  # when the main thread will be there, if all that is under way is right
    hits = executed = launched = 0
    while position < end:
        due = arrival.get(position, math.inf)
        if due <= now and chained < costs.chain_cap and costs.hit_s < plain:
            now += costs.hit_s
            del arrival[position]
            position += 1
            hits += 1
            chained += 1
            continue
        chained = 0
        while busy and busy[0] <= now:
            busy.popleft()
        frontier = max(frontier, position + 1)
        alone = frontier - position - len(arrival) + (position in arrival and due == math.inf)
        passed = max(passed, now + alone * plain + len(arrival) * costs.hit_s)
        while len(busy) < cores - 1:
            done = now + launch + duration
            target = frontier
            if done > passed:
                whole, rest = divmod(done - passed, plain)
                target += int(whole)
                if (plain - rest) * (target - position + cores - 1 - len(busy)) < done - now:
                    target += 1
            if target - position > reach or target >= end:
                break
            now += launch
            launched += 1
            arrival[target] = done if draw() < chance[target - position] else math.inf
            busy.append(done)
            passed = max(passed + (target - frontier) * plain, done) + costs.hit_s
            frontier = target + 1
        if due - now + costs.hit_s < plain:
            now = max(now, due)
        else:
            now += plain
            arrival.pop(position, None)
            position += 1
            executed += 1
    return Simulated(
        cores=cores,
        speedup=end * plain / now,
        limit=1 + (cores - 1) / costs.tracking,
        seconds=now,
        hits=hits,
        executed=executed,
        launched=launched,
        waste=launched - hits,
        utilisation=launched * running / ((cores - 1) * now) if cores > 1 else 0.0,
    )


def sweep(costs: Costs, workers: Sequence[int] = WORKERS, seed: int = 0) -> list[dict[str, float]]:
    """Simulate the run on each number of cores; a row has the fields of `Simulated`."""
    return [asdict(simulate(costs, cores, seed)) for cores in workers]
