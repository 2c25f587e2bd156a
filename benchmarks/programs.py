"""What `accelerate` does to realistic programs, beside the user's own loop: `python benchmarks/programs.py`.

    python benchmarks/programs.py [--only sieve ...] [--pairs 3] [--quick]

The programs are in `steps/`. The user's own loop is `for _ in range(n): step(state)` on a plain object (`own_loop.py`).
It runs before and after each run of `accelerate` with default settings (A B A), each pair with other values to begin
with. The mean of both counts, so that a slow drift of the machine's speed is neither gain nor loss. Everything that
`accelerate` does is on the clock: its own copies of the values, the start of workers, checks. Not counted are imports,
and the making of the first values. The final values of both must have the same types and bits.

For programs that should gain, two figures are measured between the pairs: the machine's parallel capacity C and the
tracking cost f, which give the bound 1 + (C - 1)/f for one worker beside the main thread. A last column has the time of
steps that run untracked between two boundaries, over that of the user's own loop, in slices that take turns.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from types import SimpleNamespace
from typing import Any

import own_loop
from loky import ProcessPoolExecutor
from measure import RESULTS, capacity, in_turns, seconds, spread, with_origin, write_result
from rich.console import Console
from rich.table import Table
from steps import BY_NAME, CASES, Case, load

from asc.errors import AscError, describe_error
from asc.run.replay.profile import time_both_ways
from asc_toy import accelerate
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.program import Program

LEAST = 0.97  # of the user's speed: what no program may fall below
OF_BOUND = 0.9
UNTRACKED = 1.05
SLICES = 24
SUPERSTEP_S = 0.02  # of the supersteps in which the tracking cost is measured
PROBES = 15
ATTRIBUTES = {"a": 1, "b": 2, "c": 3, "n": 0}


def attributes(state: Any) -> None:
    """Read and write attributes, and do little else."""
    state.a, state.b = state.b, state.c
    state.c = state.a ^ state.n
    state.n += 1


def work(name: str, n: int, steps: int) -> float:
    """Run steps of a program plainly, in a worker; return the seconds."""
    program = load(name)
    return own_loop.loop(program.step, own_loop.Plain(program.initial(n, 0)), steps)


def backend(name: str, step: Callable[[Any], None], values: dict[str, Any], steps: int) -> ToyBackend:
    """Return the backend that `accelerate` would use."""
    return ToyBackend(SpeculationConfig(), Program(name, step, values, steps))


def untracked(step: Callable[[Any], None], values: dict[str, Any], steps: int, own: Any) -> dict[str, float]:
    """Return the time of steps between boundaries over that of the user's own loop on the object `own`."""
    size = max(1, steps // (2 * SLICES))
    computation = backend("untracked", step, values, steps).computation(plain=False)
    return in_turns(lambda: computation.advance(size), lambda: own_loop.loop(step, own, size), SLICES)


def tracking(case: Case, n: int, step_s: float) -> float:
    """Return the seconds of a tracked superstep over those of the same superstep untracked."""
    program = load(case.name)
    computation = backend(case.name, program.step, program.initial(n, 0), n).computation(plain=False)
    superstep = max(1, min(round(SUPERSTEP_S / step_s), n // (2 * PROBES)))
    pairs = (time_both_ways(computation, superstep) for _ in range(PROBES))
    return median(tracked / plain for plain, tracked, _ in pairs)


def pair(case: Case, n: int, seed: int) -> dict[str, Any]:
    """Run the user's own loop, `accelerate`, and the loop again; compare the ends."""
    program = load(case.name)
    own, again = (own_loop.Plain(program.initial(n, seed)) for _ in range(2))
    values, results = program.initial(n, seed), []
    before_s = own_loop.loop(program.step, own, n)
    row: dict[str, Any] = {"own_s": before_s}
    try:
        row["accelerated_s"] = seconds(lambda: results.append(accelerate(program.step, values, n)))
    except AscError as error:
        return {**row, "refused": str(error)}
    except Exception as error:  # noqa: BLE001 -- the table shows what went wrong, and the other programs follow
        return {**row, "failed": describe_error(error)}
    row["own_s"] = (before_s + own_loop.loop(program.step, again, n)) / 2
    summary = results[0].summary
    difference = own_loop.difference(vars(own), results[0].state)
    return {
        **row,
        "net_speedup": row["own_s"] / row["accelerated_s"],
        "exact": not difference,
        "difference": difference,
        "report": results[0].report,
        "reason": summary["reason"],
        "hit_rate": summary["hit_rate"],
        "accepted": summary["accepted"],
        "rejected": summary["rejected"],
        "skipped": summary["skipped"] / n,
    }


def measure(case: Case, n: int, pairs: int, console: Console) -> dict[str, Any]:
    """Measure one program."""
    program = load(case.name)
    goal = f">= {OF_BOUND} of the bound" if case.gains else f">= {LEAST}"
    row: dict[str, Any] = {"label": case.name, "summary": program.summary, "kind": case.kind, "steps": n, "goal": goal}
    row["pairs"] = []
    for seed in range(pairs):
        found = pair(case, n, seed)
        row["pairs"].append(found)
        if "net_speedup" not in found:
            break
        if case.gains:
            with ProcessPoolExecutor(max_workers=2) as workers:  # it has threads, beside which no run forks
                found["capacity"] = capacity(workers, partial(work, case.name, n, -(-n // 2)))
            found["tracking"] = tracking(case, n, found["own_s"] / n)
            found["bound"] = 1 + (found["capacity"] - 1) / found["tracking"]
        console.print(f"  {case.name}, pair {seed + 1}: {found['net_speedup']:.2f}×", style="dim")
    last = row["pairs"][-1]
    row["sentence"] = last.get("reason") or last.get("refused") or last["failed"]
    row["exact"] = all(found.get("exact", False) for found in row["pairs"])
    row["difference"] = next((found["difference"] for found in row["pairs"] if found.get("difference")), "")
    if "net_speedup" not in last:
        return {**row, "outcome": "refused" if "refused" in last else "failed", "met": False}
    row["outcome"] = "exact" if row["exact"] else "different"
    for key in ("own_s", "accelerated_s", "net_speedup", *(("capacity", "tracking", "bound") if case.gains else ())):
        row[key] = spread([found[key] for found in row["pairs"]])
    row["of_bound"] = median(found["net_speedup"] / found["bound"] for found in row["pairs"]) if case.gains else None
    own = own_loop.Plain(program.initial(n, 0))
    row["untracked"] = untracked(program.step, program.initial(n, 0), n, own)
    row["met"] = row["exact"] and row["net_speedup"]["median"] >= LEAST
    if case.gains:
        row["met"] = row["met"] and row["of_bound"] >= OF_BOUND
    return row


def attribute_loop(steps: int) -> dict[str, dict[str, float]]:
    """Return the time of untracked steps that use attributes only, over that of two plain objects."""
    return {
        "SimpleNamespace": untracked(attributes, ATTRIBUTES, steps, SimpleNamespace(**ATTRIBUTES)),
        "an ordinary class": untracked(attributes, ATTRIBUTES, steps, own_loop.Plain(ATTRIBUTES)),
    }


def main() -> None:
    """Measure, print a table, write the result file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--only", nargs="*", choices=BY_NAME, help="programs to measure")
    parser.add_argument("--quick", action="store_true", help="short runs, written to another file: no result")
    parser.add_argument("--update", action="store_true", help="replace only the measured rows of an existing file")
    chosen = parser.parse_args()
    console = Console(width=max(Console().width, 130))
    accelerate(attributes, ATTRIBUTES, 10)  # imports what a first call imports
    rows = []
    for case in CASES:
        if chosen.only is None or case.name in chosen.only:
            rows.append(measure(case, case.quick if chosen.quick else case.steps, chosen.pairs, console))
    loop = attribute_loop(1_000_000 if chosen.quick else 10_000_000)
    console.print(_table(rows))
    for name, ratio in loop.items():
        console.print(f"Attributes: {ratio['median']:.3f} of {name} ({ratio['low']:.3f}-{ratio['high']:.3f})")
    rows = with_origin(rows, " ".join(["python", "benchmarks/programs.py", *sys.argv[1:]]))
    name = "scratch-programs" if chosen.quick else "programs"
    if chosen.update:
        fresh = {row["label"]: row for row in rows}
        known = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))["rows"]
        rows = [fresh.pop(row["label"], row) for row in known] + list(fresh.values())
    path = write_result(name, {"attributes": loop, "rows": rows})
    console.print(f"Written to {path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}")


def _table(rows: list[dict[str, Any]]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("program", no_wrap=True)
    table.add_column("kind", no_wrap=True)
    for heading in ("own loop", "net", "range", "C", "f", "of bound", "untracked", "end", "met"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("why")
    for row in rows:
        measured = "net_speedup" in row
        table.add_row(
            row["label"],
            row["kind"],
            f"{row['own_s']['median']:.2f}" if measured else "",
            f"{row['net_speedup']['median']:.2f}" if measured else "",
            f"{row['net_speedup']['low']:.2f}-{row['net_speedup']['high']:.2f}" if measured else "",
            f"{row['capacity']['median']:.2f}" if "capacity" in row else "",
            f"{row['tracking']['median']:.2f}" if "tracking" in row else "",
            f"{row['of_bound']:.0%}" if row.get("of_bound") else "",
            f"{row['untracked']['median']:.3f}" if measured else "",
            row["outcome"],
            "yes" if row["met"] else "NO",
            row["difference"] or row["sentence"],
        )
    return table


if __name__ == "__main__":
    main()
