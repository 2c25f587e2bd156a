"""Compiled programs with up to 1,024 workers, simulated: `python benchmarks/riscv_scale.py [PROGRAM...]`.

The engine, its speculator and the programs are real, and so is each prediction, right or wrong. Only time is simulated.
The clock is the main thread's own processor time, so that all it does for its workers costs what it costs here. Where
an instruction of the program runs, its price passes instead: results/riscv.json has the time of one, and how many times
longer a worker takes that tracks it. A worker has a core of its own, copies the memory of each task, and does the rest
of its work in Python while the main thread does not: only one thread at a time holds Python's lock.

A program runs for seconds. With many workers it would be over before each has had a task. So its instructions also
take 100 times as long or more (`stretch`): as if each turn of its loop did so many times the work on as many words.
There are no terms for the bandwidth of memory, for a network, for the start of workers, or for the time until a waiting
thread gets Python's lock.

`check` compares it with real runs. In one, two cores run the programs as they are (results/riscv-runs.json). In the
other, each of 64 threads waits as long as its instructions would take, and everything else is on the wall clock.
Rows go to results/riscv-scale.json.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple, ParamSpec, TypeVar
from unittest.mock import patch

from measure import RESULTS, read_rows, with_origin, write_result

import asc_riscv.worker
from asc.cache import TrajectoryCache
from asc.engine import Engine
from asc.ledger import Ledger
from asc.recognizers.recurring import Recurring
from asc.speculators.executed.prices import LOAD
from asc.testing.assembly import assemble
from asc.testing.clock import Clock, Priced
from asc.testing.executors import Timed
from asc.types import Advanced, Candidate, Transition
from asc_riscv import Process, compiled
from asc_riscv.backend import ROUND_TRIP_S
from asc_riscv.computation import RiscvComputation
from asc_riscv.deref import Deref
from asc_riscv.loops import PROFILE
from asc_riscv.machine import Machine
from asc_riscv.stop import Stop

P = ParamSpec("P")
T = TypeVar("T")


class Point(NamedTuple):
    """A run: the program's argument, how many times as long its instructions take, workers, instructions profiled."""

    size: int
    stretch: float
    workers: int
    profile: int = PROFILE


ROWS = 32_000_000  # instructions of a profile in which a row of the matrix product is a turn
POINTS: Mapping[str, Sequence[Point]] = {
    "collatz": (Point(1_000_000, 1000, 64), *(Point(2_000_000, times, 1024) for times in (1000, 10_000, 30_000))),
    "list_shuffled": (Point(5_000, 1000, 64), Point(10_000, 1000, 1024), Point(60_000, 1000, 1024)),
    "matrix": (Point(512, 100, 64), Point(512, 1000, 64, ROWS), Point(512, 1000, 1024, ROWS)),
}
GOAL = 256.0  # with 1,024 workers
TWO_CORES = ("collatz", "list_ordered", "list_shuffled", "matrix")
WAITING = {
    "collatz": Point(1_000_000, 1000, 64),
    "list_shuffled": Point(5_000, 300, 64),
    "matrix": Point(400, 300, 64, ROWS),
}
WITHIN = 0.15  # of the measured speed-up
CACHE_BYTES = 4 << 30  # the results of 1,024 workers that wait for their turn; by default 256 MiB
CHECK = "check"


@dataclass(frozen=True)
class Prices:
    """What a program's instructions cost, and its workers beside them, in seconds."""

    instruction_s: float
    tracking: float  # how many times as long an instruction takes that is tracked
    submit_s: float  # the main thread's time to hand a task to a thread
    copied_byte_s: float


def prices(program: str) -> Prices:
    """Return what results/riscv.json has of a program, and what is measured now."""
    measured = json.loads((RESULTS / "riscv.json").read_text(encoding="utf-8"))
    row = next(row for row in measured["rows"] if row["row"] == program)
    return Prices(row["plain_s"]["median"] / row["instructions"], row["f"]["median"], submit_s(), copied_byte_s())


@cache
def submit_s(calls: int = 2000) -> float:
    """Return the processor time in which a thread hands a call to another one."""
    with ThreadPoolExecutor(1) as pool:
        began = time.thread_time()
        for _ in range(calls):
            pool.submit(int)
        return (time.thread_time() - began) / calls


@cache
def copied_byte_s(nbytes: int = 16 << 20, times: int = 10) -> float:
    """Return the processor time in which a thread copies a byte of a large memory."""
    source, copy = bytearray(nbytes), memoryview(bytearray(nbytes))
    copy[:] = source
    began = time.thread_time()
    for _ in range(times):
        copy[:] = source
    return (time.thread_time() - began) / (nbytes * times)


class OwnTime(Clock):
    """The main thread's processor time, to which a simulation adds, and of which it takes away what it does itself."""

    def __init__(self) -> None:
        super().__init__(-time.thread_time())
        self._stands_at: float | None = None

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.seconds + (time.thread_time() if self._stands_at is None else self._stands_at)

    @contextmanager
    def standing(self) -> Iterator[None]:
        """Stand still meanwhile, but where it is moved."""
        self._stands_at = began = time.thread_time()
        yield
        self.seconds += began - time.thread_time()
        self._stands_at = None


class Counted(Machine):
    """A machine of a worker that counts what this thread runs tracked: instructions, and processor time."""

    own = threading.local()

    def __init__(self, *given: Any, **others: Any) -> None:
        """Make it, which a worker does before its first task: that counts as running."""
        began = time.thread_time()
        super().__init__(*given, **others)
        taken, seconds = counted()
        self.own.count = (taken, seconds + time.thread_time() - began)

    def run_tracked(self, *limits: int) -> Stop:
        """Run, and count."""
        before, began = self.instructions, time.thread_time()
        stop = super().run_tracked(*limits)
        taken, seconds = counted()
        self.own.count = (taken + self.instructions - before, seconds + time.thread_time() - began)
        return stop


def counted() -> tuple[int, float]:
    """Return the instructions that this thread's worker has run tracked, and the processor time that this took."""
    found: tuple[int, float] = getattr(Counted.own, "count", (0, 0.0))
    return found


class Stretched(Priced):
    """A program whose instructions take so many times as long; `pass_time` is called with their seconds."""

    def __init__(self, program: str, point: Point, price: Prices) -> None:
        process = Process(compiled(program), [str(point.size)])
        self.inner = RiscvComputation(process, profile=point.profile)
        super().__init__(self.inner, Clock(), {})
        self.machine, self.instruction_s = process.machine, point.stretch * price.instruction_s
        self.tracking = price.tracking
        self._step_s = 0.0

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Advance, and let the time of the instructions pass."""
        before = self.machine.instructions
        done = self.run_plainly(max_steps, record)
        taken = (self.machine.instructions - before) * self.instruction_s
        self.pass_time(taken * (1 if done.recorded is None else self.tracking))
        if done.steps and done.recorded is None:
            step_s = taken / done.steps
            self._step_s = 0.9 * self._step_s + 0.1 * step_s if self._step_s else step_s
        return done

    def run_plainly(self, max_steps: int, record: bool) -> Advanced:
        """Advance in no time."""
        return self.inner.advance(max_steps, record)

    def pass_time(self, seconds: float) -> None:
        """Let time pass on the main thread."""
        time.sleep(seconds)

    def begin(self) -> None:
        """Choose the loop. A profile has as many instructions as it is told to have, so it takes no longer."""
        self.inner.begin()

    def price(self, work: str) -> float:
        """Return the price of a task, in steps of this length."""
        return ROUND_TRIP_S["threads"] / self._step_s if work == "dispatch" and self._step_s else 0.0

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        """Make a task that takes as long as its instructions do."""
        return partial(self._waiting, self.inner.task(candidate, lengths, None))

    def _waiting(self, run: Callable[[], Iterable[Transition]]) -> Iterator[Transition]:
        before, began = counted()[0], time.perf_counter()
        yield from run()
        taken = (counted()[0] - before) * self.instruction_s * self.tracking
        time.sleep(max(0.0, taken - (time.perf_counter() - began)))


class Simulated(Stretched):
    """The same on a virtual clock."""

    def __init__(self, program: str, point: Point, price: Prices) -> None:
        self.clock = OwnTime()
        super().__init__(program, point, price)

    def run_plainly(self, max_steps: int, record: bool) -> Advanced:
        """Advance in no time."""
        with self.clock.standing():
            return self.inner.advance(max_steps, record)

    def pass_time(self, seconds: float) -> None:
        """Let time pass on the main thread."""
        self.clock.move(seconds)

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        """Make a task; the workers take its time into account."""
        return self.inner.task(candidate, lengths, None)

    def copied(self) -> int:
        """Return the bytes that a worker copies for a task."""
        return sum(end - start for start, end in self.inner.used())


class Workers(Timed):
    """Workers on a virtual clock, each on a core of its own."""

    def __init__(self, computation: Simulated, price: Prices, workers: int) -> None:
        super().__init__(computation.clock, workers, 0.0)
        self._computation, self._price, self._own_time = computation, price, computation.clock
        self._taken_s = 0.0
        self.python_s = 0.0
        """Seconds in which workers held Python's lock."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the call at once, and return a future that is done when its time has passed."""
        if threading.current_thread() is self._opener:
            return super().submit(fn, *args, **kwargs)
        with self._own_time.standing():
            price, (before, ran_before), began = self._price, counted(), time.thread_time()
            result = fn(*args, **kwargs)
            taken, (after, ran_after) = time.thread_time() - began, counted()
            copy_s = self._computation.copied() * price.copied_byte_s
            python_s = max(0.0, taken - (ran_after - ran_before) - copy_s)
            self._taken_s = copy_s + python_s + (after - before) * self._computation.instruction_s * price.tracking
            later = super().submit(lambda: result)
            self.python_s += python_s
        self._own_time.move(price.submit_s + python_s)
        return later

    def seconds(self, steps: int) -> float:
        """Return what the task has taken."""
        return self._taken_s


def engine_of(
    computation: Stretched, executor: Callable[[], Executor], workers: int, clock: Callable[[], float]
) -> Engine:
    """Return the engine of `asc run riscv`, on this clock, by which all of the program computes."""
    engine = assemble(
        computation,
        {"deref": Deref()},
        recognizer=Recurring(),
        executor=executor,
        workers=workers,
        queues=True,
        cache=TrajectoryCache.Config(max_bytes=CACHE_BYTES),
        clock=clock,
    )
    engine.ledger.processor = clock
    return engine


def simulate(program: str, point: Point, price: Prices) -> dict[str, Any]:
    """Simulate a run; return its figures."""
    computation, workers = Simulated(program, point, price), point.workers
    clock, pools = computation.clock, list[Workers]()

    def pool() -> Workers:
        pools.append(Workers(computation, price, workers))
        return pools[-1]

    with patch.object(asc_riscv.worker, "Machine", Counted):
        engine = engine_of(computation, pool, workers, clock)
        engine.run()
        seconds = clock()
    found = figures(engine, computation, seconds)
    busy, python = (sum(getattr(each, name) for each in pools) for name in ("busy_s", "python_s"))
    return found | {
        "busy": busy / (workers * seconds),
        "worker_python_ms_a_task": 1000 * python / max(1, found["tasks"]),
        "copied_bytes_a_task": computation.copied(),
    }


def figures(engine: Engine, computation: Stretched, seconds: float) -> dict[str, Any]:
    """Return what a run of so many seconds has given."""
    ledger, position = engine.ledger, computation.position()
    plain_s = computation.machine.instructions * computation.instruction_s
    tasks = ledger.count("dispatch")
    outcomes = engine.speculator.outcomes.counts
    return {
        "speedup": plain_s / seconds,
        "plain_s": plain_s,
        "seconds": seconds,
        "tasks": tasks,
        "steps": position,
        "skipped": ledger.skipped / position,
        "accepted": outcomes["accepted"],
        "rejected": outcomes["rejected"],
        "main_thread_ms_by_kind": {
            kind: 1000 * ledger.cost(kind) / max(1, tasks) for kind in (*LOAD, "recognise") if ledger.count(kind)
        },
        "shares": shares(ledger, seconds),
        "digest": computation.digest(),
        "reason": engine.explain(position=position, over=True),
    }


def shares(ledger: Ledger, seconds: float) -> dict[str, float]:
    """Return the main thread's time by what it does, as shares of the run."""
    kinds = {
        "plain": ("plain",),
        "tasks": LOAD,
        "waiting": ("wait",),
        "checks": ("spot-check",),
        "tracking": ("track",),
    }
    return {name: ledger.cost(*each) / seconds for name, each in kinds.items()}


def alone(program: str, size: int) -> str:
    """Return the digest of the state in which a plain run ends."""
    computation = RiscvComputation(Process(compiled(program), [str(size)]), profile=0)
    while not computation.finished():
        computation.advance(1 << 40)
    return computation.digest()


def row(program: str) -> dict[str, Any]:
    """Simulate the runs of a program."""
    price, points = prices(program), []
    for point in POINTS[program]:
        found = simulate(program, point, price)
        exact = found["digest"] == alone(program, point.size)
        points.append({**point._asdict(), **found, "exact": exact})
        print(f"{program} {tuple(point)}: {found['speedup']:.1f}x; {found['reason']}", flush=True)
    best = max(point["speedup"] for point in points)
    met = best >= GOAL and all(point["exact"] for point in points)
    return {"prices": vars(price), "points": points, "goal": GOAL, "met": met}


def wait(program: str, point: Point, price: Prices) -> dict[str, Any]:
    """Run a program by the wall clock, in which each thread waits as long as its instructions would take."""
    computation, workers = Stretched(program, point, price), point.workers
    with patch.object(asc_riscv.worker, "Machine", Counted):
        engine = engine_of(computation, partial(ThreadPoolExecutor, workers), workers, time.perf_counter)
        began = time.perf_counter()
        engine.run()
        seconds = time.perf_counter() - began
    engine.speculator.close()
    return figures(engine, computation, seconds)


def check() -> dict[str, Any]:
    """Compare simulated runs with real ones: two cores, and threads that wait."""
    known, points = read_rows("riscv-runs"), list[dict[str, Any]]()
    for program in TWO_CORES:
        measured, point = known[program]["speedup"], Point(known[program]["size"], 1, 1)
        found = simulate(program, point, prices(program))
        compared = {"measured": measured["median"], "low": measured["low"], "high": measured["high"]}
        points.append({"program": program, **point._asdict(), **compared, "simulated": found["speedup"]})
    for program, point in WAITING.items():
        price = prices(program)
        real, found = wait(program, point, price), simulate(program, point, price)
        compared = {
            "measured": real["speedup"],
            "simulated": found["speedup"],
            "exact": real["digest"] == found["digest"],
        }
        points.append({"program": program, **point._asdict(), **compared, "real_run": real, "simulated_run": found})
    for point in points:
        point["ratio"] = point["simulated"] / point["measured"]
        print(f"{point['program']}, {point['workers']} workers: {point['measured']:.2f}x measured, ", end="")
        print(f"{point['simulated']:.2f}x simulated", flush=True)
    return {"points": points, "goal": WITHIN, "met": all(abs(point["ratio"] - 1) <= WITHIN for point in points)}


def keep(known: Mapping[str, Any], folder: Path) -> None:
    """Write the rows that are known."""
    write_result("riscv-scale", {"rows": [known[name] for name in (*POINTS, CHECK) if name in known]}, folder)


def main() -> None:
    """Simulate the programs that are named, check, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*POINTS, CHECK, []], metavar="ROW", help="by default all")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    options = parser.parse_args()
    command = shlex.join(["python", "benchmarks/riscv_scale.py", *sys.argv[1:]])
    known = read_rows("riscv-scale", options.results)
    for name in options.rows or (*POINTS, CHECK):
        found = check() if name == CHECK else row(name)
        (known[name],) = with_origin([{"row": name, **found}], command)
        keep(known, options.results)
        print(f"{name}: {'met' if found['met'] else 'not met'}")


if __name__ == "__main__":
    main()
