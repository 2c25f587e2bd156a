"""What speculation over Python programs gains and costs, in paired runs: `make bench-toy`.

    python benchmarks/toy.py [--pairs 5] [--only collatz ...] [--simulate]

For each program, speculative and plain runs take turns (A B A B). Everything is on the clock, from the construction of
the run to its end, the start of worker processes included. Where speculation should withdraw, and so cost a few percent
at most, the two take turns in a hundred slices each: whole runs on a shared machine differ by more than that. Between
the pairs, two figures are measured with the same program: the machine's parallel capacity C (the time of two plain runs
one after the other, over that of both at once) and the tracking cost f (a tracked superstep over a plain one). They
give 1 + (C - 1)/f, the bound for one worker beside the main thread.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import Any, NamedTuple

from loky import ProcessPoolExecutor
from measure import RESULTS, capacity, seconds, spread, with_origin, write_result
from rich.console import Console
from rich.table import Table
from simulate import Costs, sweep

from asc.computation import Computation
from asc.plugins import Plugins, load
from asc.run.replay.profile import time_both_ways
from asc.run.run import Run
from asc.speculators.executed.scheduler import ExecutedScheduler
from asc_toy.backend import ToyBackend, ToyConfig
from asc_toy.program import Program
from asc_toy.programs import PROGRAMS, build
from asc_toy.state import copied, plain_state
from asc_toy.workers.executors import round_trip_s

sys.path.insert(0, str(Path(__file__).parent.parent / "examples" / "third_party_plugin"))
import asc_gf2


class Case(NamedTuple):
    """One row: a program, its settings, and the goal."""

    label: str
    program: str
    goal: str
    settings: Mapping[str, Any] = MappingProxyType({})


SLICES = 100
SUPERSTEPS, SUPERSTEPS_A_CORE = 100_000, 1000  # of a simulated run, at least
PARTS = 2  # leaps by the result of one task
CAPACITY_S = 2  # of plain work on each core; over shorter times, a shared machine's speed varies more
ONE_CORE = {"executor": "none", "workers": 0}
CASES = [
    Case("collatz", "collatz", "bound"),
    Case("collatz-count", "collatz-count", "bound"),
    Case("lcg-pi", "lcg-pi", "bound"),
    Case("matrix-rows", "matrix-rows", "bound"),
    Case("list-ordered", "list-ordered", "bound"),
    Case("list-shuffled, one core", "list-shuffled", ">= 1.3", ONE_CORE),
    Case("collatz-memo, one core", "collatz-memo", ">= 1.8", ONE_CORE),
    Case("logistic r=2.8", "logistic", "> 1", {"r": 2.8}),
    Case("logistic r=3.5", "logistic", "> 1", {"r": 3.5}),
    Case("logistic r=4.0", "logistic", "refused", {"r": 4.0}),
    Case("cellular rule 90, gf2-affine", "cellular", "> 1", {"rule": 90, "predictors": ["gf2-affine"]}),
    Case("cellular rule 30, gf2-affine", "cellular", "refused", {"rule": 30, "predictors": ["gf2-affine"]}),
    Case("lexer", "lexer", "none"),
    Case("sha256-chain", "sha256-chain", "refused"),
    Case("collatz-single", "collatz-single", "refused"),
]


def count_steps(program: str, options: dict[str, Any], limit_s: float) -> int:
    """Run a program plainly for `limit_s` seconds, in a worker; return the steps."""
    made = build(program, None, 0, options)
    state, steps, began = plain_state(copied(made.state)), 0, time.perf_counter()
    while time.perf_counter() - began < limit_s and steps < made.steps:
        made.step(state)
        steps += 1
    return steps


def run_steps(program: str, options: dict[str, Any], steps: int) -> float:
    """Run so many steps plainly, in a worker; return the seconds."""
    made = build(program, None, 0, options)
    state, step, began = plain_state(copied(made.state)), made.step, time.perf_counter()
    for _ in range(steps):
        step(state)
    return time.perf_counter() - began


def tracking(computation: Computation, superstep: int) -> float:
    """Return the seconds of a tracked superstep over those of the same superstep plain."""
    plain, tracked, _ = time_both_ways(computation, superstep)
    return tracked / plain


def one_after_the_other(backend: ToyBackend, plugins: Plugins) -> tuple[float, float, dict[str, Any], str]:
    """Run to the end with speculation, then plainly. Return both times, the summary, and the plain run's digest."""
    began = time.perf_counter()
    summary = Run(backend, "toy", plugins).execute()
    fast = time.perf_counter() - began
    began = time.perf_counter()
    plain = Run(backend, "toy", plugins, speculate=False).execute()
    return fast, time.perf_counter() - began, summary, plain["final_digest"]


def in_slices(backend: ToyBackend, plugins: Plugins) -> tuple[float, float, dict[str, Any], str]:
    """The same in slices that take turns, so that a machine's drift affects both alike.

    Fair only where no worker is busy during the plain slices: where speculation withdraws.
    """
    began = time.perf_counter()
    run, plain = Run(backend, "toy", plugins), backend.computation(plain=True)
    fast, slow, total = time.perf_counter() - began, 0.0, plain.total()
    for number in range(1, SLICES + 1):
        end = total * number // SLICES
        first = number % 2  # the order alternates as well
        for speculative in (first, not first):
            if speculative:
                fast += seconds(partial(run.engine.run, end))
            else:
                slow += seconds(partial(plain.advance, end - plain.position()))
    fast += seconds(run.engine.speculator.close)
    return fast, slow, run.summary("finished"), plain.digest()


def measure(case: Case, pairs: int, size: float, console: Console) -> dict[str, Any]:
    """Run one case in pairs."""
    info = PROGRAMS[case.program]
    n = max(1, int(info.n * size))
    config = ToyConfig.model_validate({"program": case.program, "n": n, **case.settings})
    options = {name: config.model_dump()[name] for name in info.options}
    plugins = load()
    if "gf2-affine" in str(case.settings):
        plugins.observe(asc_gf2, "gf2")
    backend = ToyBackend(config)
    row: dict[str, Any] = {"label": case.label, "goal": case.goal, "config": config.model_dump(mode="json")}
    row["pairs"] = []
    with ProcessPoolExecutor(max_workers=2) as pair:
        steps = pair.submit(count_steps, case.program, options, CAPACITY_S).result()
        list(pair.map(partial(run_steps, case.program, options), [1, 1, 1, 1]))  # both workers have started
        for number in range(pairs):
            take_turns = in_slices if case.goal == "refused" else one_after_the_other
            fast, slow, summary, plain_digest = take_turns(backend, plugins)
            c = capacity(pair, partial(run_steps, case.program, options, steps))
            computation = backend.computation(plain=False)
            computation.advance(min(2, computation.total()))
            superstep = max(1, min(steps // (50 * CAPACITY_S), computation.total() // 40))
            f = median(tracking(computation, superstep) for _ in range(15))
            row["pairs"].append(
                {
                    "speculative_s": fast,
                    "plain_s": slow,
                    "net_speedup": slow / fast,
                    "capacity": c,
                    "tracking": f,
                    "bound": 1 + (c - 1) / f,
                    "identical": summary["final_digest"] == plain_digest,
                    "hit_rate": summary["hit_rate"],
                    "accepted": summary["accepted"],
                    "rejected": summary["rejected"],
                    "skipped": summary["skipped"] / summary["position"],
                }
            )
            console.print(f"  {case.label}, pair {number + 1}: {slow / fast:.2f}×  (C {c:.2f}, f {f:.2f})", style="dim")
    row["reason"], row["ledger"] = summary["reason"], summary["ledger"]
    for key in ("net_speedup", "capacity", "tracking", "bound", "plain_s", "speculative_s"):
        row[key] = spread([entry[key] for entry in row["pairs"]])
    row["of_bound"] = median(entry["net_speedup"] / entry["bound"] for entry in row["pairs"])
    row["identical"] = all(entry["identical"] for entry in row["pairs"])
    row["hand_written_s"] = seconds(lambda: info.reference(n, 0, **options))
    row["numpy_s"] = seconds(lambda: info.numpy_line(n, 0, **options)) if info.numpy_line else None
    row["met"] = met(case, row)
    return row


def met(case: Case, row: dict[str, Any]) -> bool | None:
    """Whether the goal was reached; None where there is no goal."""
    gain = row["net_speedup"]["median"]
    if case.goal == "bound":
        return bool(row["identical"] and row["of_bound"] >= 0.9 and row["tracking"]["median"] <= 1.2)
    if case.goal == "refused":
        withdrawn = all(entry["rejected"] and not entry["accepted"] for entry in row["pairs"])
        return bool(row["identical"] and gain >= 0.97 and withdrawn)
    if case.goal == "none":
        return None
    return bool(row["identical"] and gain >= float(case.goal.split()[-1]))


def idle_boundary(plugins: Plugins, count: int = 50_000) -> float:
    """Return the microseconds of a boundary with nothing to do: no workers, nothing recorded."""
    config = ToyConfig.model_validate({"scheduler": {"memoise": False}, **ONE_CORE})
    engine = Run(ToyBackend(config, Program("idle", _idle_step, {"n": 0, "a": 1.0}, count)), "toy", plugins).engine
    return 1e6 * seconds(lambda: [engine.boundary() for _ in range(count)]) / count


def _idle_step(state: Any) -> None:
    state.n += 1


def simulated(row: dict[str, Any]) -> list[dict[str, Any]]:
    """Scaling to 1,024 cores from this row's measured costs, for a run so long that its end does not matter."""
    ledger, last = row["ledger"], row["pairs"][-1]

    def cost(kind: str, per: str) -> float:
        return ledger[kind]["seconds"] / ledger[per]["count"] if kind in ledger and per in ledger else 0.0

    settled = last["accepted"] + last["rejected"]
    costs = Costs(
        superstep_s=cost("plain", "plain"),
        supersteps=SUPERSTEPS,
        tracking=row["tracking"]["median"],
        predict_s=cost("predict", "dispatch"),
        dispatch_s=cost("dispatch", "dispatch") + cost("hand-over", "dispatch") + cost("plan", "plan"),
        hit_s=cost("collect", "dispatch") + sum(PARTS * cost(kind, kind) for kind in ("lookup", "apply", "observe")),
        round_trip_s=round_trip_s("processes"),
        hit_probability=last["accepted"] / settled if settled else 0.0,
        task_length=ExecutedScheduler.Config().task_length,
    )
    return sweep(costs, a_core=SUPERSTEPS_A_CORE)


def main() -> None:
    """Measure, print a table, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--size", type=float, default=1.0, help="share of each program's default size")
    parser.add_argument("--only", nargs="*", default=None, help="programs or rows to measure")
    parser.add_argument("--name", default="toy", help="name of the result file")
    parser.add_argument("--update", action="store_true", help="replace only the measured rows of an existing file")
    parser.add_argument("--simulate", action="store_true", help="measure nothing: simulate by the costs in the file")
    chosen = parser.parse_args()
    console = Console(width=max(Console().width, 130))
    if chosen.simulate:
        result = json.loads((RESULTS / f"{chosen.name}.json").read_text(encoding="utf-8"))
        rows = [row if row["goal"] != "bound" else {**row, "simulated": simulated(row)} for row in result["rows"]]
        write_result(chosen.name, {"idle_boundary_us": result["idle_boundary_us"], "rows": rows})
        return
    rows = []
    for case in CASES:
        if chosen.only is None or {case.program, case.label} & set(chosen.only):
            console.print(case.label)
            rows.append(measure(case, chosen.pairs, chosen.size, console))
            if case.goal == "bound":
                rows[-1]["simulated"] = simulated(rows[-1])
    idle = idle_boundary(load())
    console.print(_table(rows))
    console.print(f"An idle boundary costs {idle:.1f} µs.")
    command = " ".join(["python", "benchmarks/toy.py", *sys.argv[1:]])
    rows = with_origin(rows, command)
    if chosen.update:
        fresh = {row["label"]: row for row in rows}
        known = json.loads((RESULTS / f"{chosen.name}.json").read_text(encoding="utf-8"))["rows"]
        rows = [fresh.get(row["label"], row) for row in known]
    path = write_result(chosen.name, {"idle_boundary_us": idle, "rows": rows})
    console.print(f"Written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("case", no_wrap=True)
    for heading in ("plain", "hand", "numpy", "net", "range", "C", "f", "bound", "of it", "goal", "met"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in rows:
        net = row["net_speedup"]
        table.add_row(
            row["label"],
            f"{row['plain_s']['median']:.2f}",
            f"{row['hand_written_s']:.2f}",
            "" if row["numpy_s"] is None else f"{row['numpy_s']:.2f}",
            f"{net['median']:.2f}",
            f"{net['low']:.2f}-{net['high']:.2f}",
            f"{row['capacity']['median']:.2f}",
            f"{row['tracking']['median']:.2f}",
            f"{row['bound']['median']:.2f}",
            f"{row['of_bound']:.0%}",
            row["goal"],
            {True: "yes", False: "NO", None: ""}[row["met"]],
        )
    return table


if __name__ == "__main__":
    main()
