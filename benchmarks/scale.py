"""Programs whose steps wait, with up to 1,024 workers: `python benchmarks/scale.py [ROW...]`.

Nothing is simulated but the work: a step waits by `time.sleep`, and everything else is the real engine, on the wall
clock, from the call to the result. A row is a process of its own. Its speed-up is that over the plain loop, whose
seconds are those of one step times the number of steps; one step is measured in the same process. The final state is
compared with that of a plain loop in which nothing waits.

`affine`: a linear congruential generator and a counter, by seconds a step and workers. `collatz`, `list`, `matrix`: a
sweep for the most iterations, a minimum over a linked list, a product by rows; their steps wait as well. `http`: a step
fetches a page from a server in another process, which answers after 20 ms, and no more steps begin a second than the
rate; the server tells the most requests of a second. Each row also has the main thread's processor time for a task, all
included, and the largest memory of all processes.
`simulation`: the simulator beside the wall clock. It gets the costs that each run has measured, and gives the speed-up
for as many workers.
Rows go to results/scale.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import shlex
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict
from http.client import HTTPConnection
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from measure import RESULTS, read_rows, with_origin, write_result
from simulate import Costs, simulate

import asc_toy
from asc.speculators.executed.prices import LOAD
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc_toy.programs import collatz
from asc_toy.workers.executors import round_trip_s

ALONE = ("plain", "spot-check", "start", "warm-up")  # kinds of work for which the workers wait
PLAIN_S, PLAIN_STEPS = 2.0, 3  # a plain step is measured for so long, and so often at least


class Row(NamedTuple):
    """A program: its steps, what each of them waits, its workers, and the goal for the speed-up."""

    kind: str
    wait_s: float
    steps: int
    workers: int
    goal: float
    rate: float | None = None  # steps that begin a second at most


SIZE = 25  # items of a page
_local = threading.local()


@asc_toy.query
def page(port: int, offset: int) -> Any:
    """Fetch a page; each thread keeps its connection."""
    if not hasattr(_local, "connection"):
        _local.connection = HTTPConnection("127.0.0.1", port, timeout=60)
    _local.connection.request("GET", f"/{offset}")
    return json.loads(_local.connection.getresponse().read())


def read(state: Any) -> None:
    """Read a page."""
    found = page(state.port, state.offset)
    state.add("total", sum(found["items"]))
    state.offset = found["next"]


async def serve(tell: Any, wait_s: float) -> None:
    """Answer requests for pages, each after a while; "/most" tells the most requests of a second so far."""
    recent, most = deque[float](), 0

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most
        while request := await reader.readline():
            while (await reader.readline()).strip():
                pass
            path = request.split()[1][1:].decode()
            if path == "most":
                found: Any = most
            else:
                recent.append(time.monotonic())
                while recent[0] <= recent[-1] - 1:
                    recent.popleft()
                most = max(most, len(recent))
                await asyncio.sleep(wait_s)
                first = int(path)
                found = {"items": [item * item % 1009 for item in range(first, first + SIZE)], "next": first + SIZE}
            body = json.dumps(found).encode()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=1024)
    tell.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def served(tell: Any, wait_s: float) -> None:
    """Serve until the end of this process."""
    asyncio.run(serve(tell, wait_s))


@contextmanager
def server(wait_s: float) -> Iterator[int]:
    """Run a server of pages in another process; yields its port."""
    context = get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=served, args=(there, wait_s), daemon=True)
    process.start()
    yield here.recv()
    process.terminate()
    process.join()


def generator(state: Any) -> None:
    """Draw the next number, and count."""
    time.sleep(state.wait_s)
    state.x = (state.x * 1103515245 + 12345) % 2**31
    state.n += 1


def longest(state: Any) -> None:
    """Try a start; `best` has the most iterations, and their start in the lower 64 bits."""
    time.sleep(state.wait_s)
    start = state.start
    state.maximum("best", collatz.iterations(start) << 64 | start)
    state.start = start + 1


def lowest(state: Any) -> None:
    """Visit a node of a linked list."""
    time.sleep(state.wait_s)
    p = state.p
    state.minimum("best", int(state.energies[p]) << 32 | p)
    state.p = int(state.following[p])


def product(state: Any) -> None:
    """Compute a row."""
    time.sleep(state.wait_s)
    row = state.row
    state.product[row] = state.left[row] @ state.right
    state.row = row + 1


def _generator(_: int) -> dict[str, Any]:
    return {"x": 1, "n": 0}


def _longest(_: int) -> dict[str, Any]:
    return {"start": 1, "best": 0}


def _lowest(steps: int) -> dict[str, Any]:
    energies = np.random.default_rng(1).integers(0, 1000, steps + 1)
    return {"p": 0, "best": 1 << 62, "energies": energies, "following": np.arange(1, steps + 2)}


def _product(steps: int) -> dict[str, Any]:
    random = np.random.default_rng(1)
    left, right = random.integers(-9, 9, (steps, 4)), random.integers(-9, 9, (4, 4))
    return {"row": 0, "left": left, "right": right, "product": np.zeros((steps, 4), np.int64)}


KINDS: Mapping[str, tuple[Callable[[Any], None], Callable[[int], dict[str, Any]]]] = {
    "affine": (generator, _generator),
    "collatz": (longest, _longest),
    "list": (lowest, _lowest),
    "matrix": (product, _product),
}
ROWS: Mapping[str, Row] = {
    "affine, 1 s, 64": Row("affine", 1.0, 30_000, 64, 60),
    "affine, 1 s, 256": Row("affine", 1.0, 60_000, 256, 230),
    "affine, 1 s, 1024": Row("affine", 1.0, 150_000, 1024, 800),
    "affine, 0.1 s, 64": Row("affine", 0.1, 50_000, 64, 55),
    "affine, 0.1 s, 256": Row("affine", 0.1, 150_000, 256, 180),
    "affine, 0.1 s, 1024": Row("affine", 0.1, 300_000, 1024, 400),
    "affine, 10 ms, 64": Row("affine", 0.01, 200_000, 64, 30),
    "affine, 10 ms, 256": Row("affine", 0.01, 400_000, 256, 80),
    "collatz, 1 s, 1024": Row("collatz", 1.0, 40_000, 1024, 256),
    "list, 1 s, 1024": Row("list", 1.0, 20_000, 1024, 256),
    "http, 20 ms, 64": Row("http", 0.02, 40_000, 64, 30, 2000.0),
    "matrix, 1 s, 1024": Row("matrix", 1.0, 20_000, 1024, 256),
}
SIMULATION = "simulation"
POINTS = [
    Row("affine", 0.1, steps, workers, 0)
    for workers, steps in {
        2: 400,
        4: 1000,
        8: 2000,
        16: 5000,
        64: 25_000,
        256: 100_000,
        1024: 300_000,
    }.items()
]
POINT_THREADS = 512  # of a worker process
WITHIN = 0.15  # of the measured speed-up


class Words:
    """The state of a plain loop: an object with the operations of a state in a run."""

    def __init__(self, words: Mapping[str, Any]) -> None:
        vars(self).update(words)

    def add(self, name: str, value: int) -> None:
        """Add a number."""
        setattr(self, name, getattr(self, name) + value)

    def maximum(self, name: str, value: int) -> None:
        """Keep the larger value."""
        setattr(self, name, max(getattr(self, name), value))

    def minimum(self, name: str, value: int) -> None:
        """Keep the smaller value."""
        setattr(self, name, min(getattr(self, name), value))


def measure(row: Row, executor: str, threads: int) -> dict[str, Any]:
    """Measure a row in this process."""
    config = {"executor": executor, "workers": row.workers, "rate": row.rate}
    config |= {"threads": threads} if threads > 1 else {}
    if row.kind != "http":
        step, make = KINDS[row.kind]
        end = Words(make(row.steps) | {"wait_s": 0.0})
        for _ in range(row.steps):
            step(end)
        return compared(row, step, make(row.steps) | {"wait_s": row.wait_s}, config, vars(end))
    items = sum(item * item % 1009 for item in range(SIZE * row.steps))
    with server(row.wait_s) as port:
        found = compared(row, read, {"port": port, "offset": 0, "total": 0}, config, {"total": items})
        return {**found, "most_requests_of_a_second": page(port, "most")}  # type: ignore[arg-type]


def compared(
    row: Row, step: Callable[[Any], None], words: Mapping[str, Any], config: Mapping[str, Any], end: Mapping[str, Any]
) -> dict[str, Any]:
    """Time one plain step, and run the program; compare its state with the words at the end."""
    plain, taken, began = Words(deepcopy(words)), 0, time.perf_counter()
    while taken < PLAIN_STEPS or time.perf_counter() - began < PLAIN_S:
        step(plain)
        taken += 1
    a_step = (time.perf_counter() - began) / taken
    wall, main, everyone = time.perf_counter(), time.thread_time(), processor_seconds()
    found = asc_toy.accelerate(step, words, row.steps, config)
    wall, main, everyone = time.perf_counter() - wall, time.thread_time() - main, processor_seconds() - everyone
    ledger = found.summary["ledger"]
    tasks = ledger["dispatch"]["count"]
    return {
        "speedup": row.steps * a_step / wall,
        "seconds": wall,
        "plain_step_s": a_step,
        "exact": all(np.array_equal(found.state[name], end[name]) for name in end if name != "wait_s"),
        "tasks": tasks,
        "main_thread_ms_a_task": 1000 * main / tasks,
        "main_thread_ms_by_kind": {kind: 1000 * ledger[kind]["seconds"] / tasks for kind in LOAD if kind in ledger},
        "start_s": wall - found.summary["seconds"] + sum(ledger[kind]["seconds"] for kind in ALONE if kind in ledger),
        "processor_seconds": everyone,
        "candidates": [found.summary["accepted"], found.summary["rejected"]],
        "peak_memory_mib": peak_memory_mib(),
        "reason": found.summary["reason"],
    }


def costs(row: Row, found: Mapping[str, Any], threads: int) -> Costs:
    """Return the costs that a run has measured, for the simulator.

    What the ledger has of the main thread is by the clock, so it includes waiting for a processor; a worker process is
    taken to wait as long for each second of its own. What the main thread did beyond these kinds of work belongs to the
    results: it received them. Until the law is known candidates are wrong, so each rejected one counts as a superstep
    at the start, and later ones are right.
    """
    kinds, main = found["main_thread_ms_by_kind"], found["main_thread_ms_a_task"]
    booked = sum(kinds.values())
    predict, dispatch = kinds["predict"] / 1000, (kinds["dispatch"] + kinds["plan"]) / 1000
    worker = found["processor_seconds"] / found["tasks"] - main / 1000
    step = found["plain_step_s"]
    return Costs(
        superstep_s=step,
        supersteps=row.steps,
        predict_s=predict,
        dispatch_s=dispatch,
        hit_s=max(main, booked) / 1000 - predict - dispatch,
        round_trip_s=round_trip_s("processes"),
        worker_s=max(0.0, worker) * max(1.0, booked / main),
        threads=threads,
        start_s=found["start_s"] + found["candidates"][1] * step,
        task_length=ExecutedScheduler.Config().task_length,
        delegates=True,
    )


def simulation() -> dict[str, Any]:
    """Measure one program with few and with many workers, and simulate each run from what it has measured."""
    points = []
    for row in POINTS:
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            found = process.submit(measure, row, "processes", POINT_THREADS).result()
        model = costs(row, found, POINT_THREADS)
        simulated = simulate(model, row.workers + 1).speedup
        points.append(
            {"workers": row.workers, "steps": row.steps, **found, "costs": asdict(model), "simulated": simulated}
            | {"ratio": simulated / found["speedup"]}
        )
        print(f"{row.workers} workers: measured {found['speedup']:.1f}x, simulated {simulated:.1f}x", flush=True)
    first = POINTS[0]
    return {
        "kind": first.kind,
        "wait_s": first.wait_s,
        "executor": "processes",
        "threads": POINT_THREADS,
        "points": points,
        "goal": WITHIN,
        "met": all(point["exact"] and abs(point["ratio"] - 1) <= WITHIN for point in points),
    }


def processor_seconds() -> float:
    """Return the processor time of this process, and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def peak_memory_mib() -> float:
    """Return the largest resident memory of this process, and of the largest child for each child that has ended."""
    own, children = (
        resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own + children


def keep(known: Mapping[str, Any], names: Sequence[str], folder: Path) -> None:
    """Write the rows that are known, in the order of their names."""
    write_result("scale", {"rows": [known[name] for name in names if name in known]}, folder)


def main() -> None:
    """Measure the rows that are named, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, SIMULATION, []], metavar="ROW", help="by default all")
    parser.add_argument("--executor", default="threads", help="threads or processes")
    parser.add_argument("--threads", type=int, default=1, help="threads in each worker process")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    options = parser.parse_args()
    command = shlex.join(["python", "benchmarks/scale.py", *sys.argv[1:]])
    known = read_rows("scale", options.results)
    names = [*ROWS, SIMULATION]
    for name in options.rows or names:
        if name == SIMULATION:
            (known[name],) = with_origin([{"row": name, **simulation()}], command)
            keep(known, names, options.results)
            print(f"{name}: {'met' if known[name]['met'] else 'not met'} (within {WITHIN:.0%} at each point)")
            continue
        row = ROWS[name]
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            found = process.submit(measure, row, options.executor, options.threads).result()
        how = {"executor": options.executor, "threads": options.threads}
        kept = row.rate is None or found["most_requests_of_a_second"] <= row.rate + 1
        met = found["exact"] and kept and found["speedup"] >= row.goal
        (known[name],) = with_origin([{"row": name, **row._asdict(), **how, **found, "met": met}], command)
        keep(known, names, options.results)
        print(f"{name}: {found['speedup']:.0f}x, {'met' if met else 'not met'} ({row.goal:g}x); {found['reason']}")


if __name__ == "__main__":
    main()
