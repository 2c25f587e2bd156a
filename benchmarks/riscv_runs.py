"""Compiled programs on two cores, and on one, beside plain runs: `python benchmarks/riscv_runs.py [ROW...]`.

Each program runs plainly and with speculation by one worker, in turns, as `asc run riscv` does. A row "…, one core" has
no worker: the main thread leaps where states come back within a step. Seconds are those of
the run by the clock, with the profile and the start of the worker, and without the loading of the program. The plain
run has neither breakpoints nor a profile. All runs of a program must end in the same state. Rows go to
results/riscv-runs.json.

The bound with a worker is 1 + 1/f, where f is how many times longer a tracked superstep takes, by results/riscv.json.
"""

from __future__ import annotations

import argparse
import gc
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from measure import RESULTS, read_rows, spread, with_interval, with_origin, write_result

from asc.plugins import load
from asc.run.run import Run
from asc_riscv.backend import RiscvBackend, RiscvConfig

ONE_CORE = ", one core"
SIZES = {
    "collatz": 6_000_000,
    "collatz_count": 6_000_000,
    "pi": 300_000_000,
    "matrix": 512,
    "list_ordered": 20_000,
    "list_shuffled": 20_000,
    "list_hash": 150,
    "sha256": 1_000_000,
    f"collatz{ONE_CORE}": 6_000_000,
    f"collatz_count{ONE_CORE}": 6_000_000,
}
GOALS = {
    **dict.fromkeys(("collatz", "collatz_count", "pi"), "0.9 of the bound"),
    **dict.fromkeys(("matrix", "list_shuffled", "list_hash"), "above 1"),
    "sha256": "0.98",
    **dict.fromkeys((f"collatz{ONE_CORE}", f"collatz_count{ONE_CORE}"), "1.8"),
}


def run(row: str, *, speculate: bool) -> dict[str, Any]:
    """Run a row's program once; return the summary."""
    given = {"program": row.removesuffix(ONE_CORE), "arguments": [str(SIZES[row])], "workers": int(ONE_CORE not in row)}
    config = RiscvConfig.model_validate(given)
    return dict(Run(RiscvBackend(config), "riscv", load(), speculate=speculate).execute())


def in_turns(run: Callable[[bool], dict[str, Any]], pairs: int) -> dict[bool, list[dict[str, Any]]]:
    """Return the summaries of pairs of runs, by whether they speculate: A B, B A, A B, and so on."""
    runs: dict[bool, list[dict[str, Any]]] = {True: [], False: []}
    for pair in range(pairs):
        for speculate in (True, False) if pair % 2 else (False, True):
            runs[speculate].append(run(speculate))
    return runs


def compared(runs: Mapping[bool, Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """Return what pairs of runs say about each other."""
    newest = runs[True][-1]
    ratios = [plain["seconds"] / found["seconds"] for plain, found in zip(runs[False], runs[True], strict=True)]
    return {
        "instructions": newest["outcome"]["instructions"],
        "speedup": with_interval(ratios),
        "plain_s": spread([found["seconds"] for found in runs[False]]),
        "equal": len({found["final_digest"] for side in runs.values() for found in side}) == 1,
        "skipped": [found["skipped"] / found["position"] for found in runs[True]],
        "accepted": [found["accepted"] for found in runs[True]],
        "rejected": [found["rejected"] for found in runs[True]],
        "reason": newest["reason"],
    }


def measured(name: str, pairs: int, factor: float | None) -> dict[str, Any]:
    """Return a row; without a factor, it has no bound."""
    runs = in_turns(lambda speculate: run(name, speculate=speculate), pairs)
    row = compared(runs)
    speedup = row["speedup"]
    bound, median, goal = None if factor is None else 1 + 1 / factor, speedup["median"], GOALS.get(name)
    least = {"0.9 of the bound": 0.9 * (bound or 1), "above 1": 1.0, "0.98": 0.98, "1.8": 1.8}.get(goal or "", 0.0)
    return {
        "row": name,
        "size": SIZES[name],
        **row,
        "bound": bound,
        "hits": [found["hits"] for found in runs[True]],
        "skipped_instructions": [
            found["cache"].get("skipped", 0) / found["outcome"]["instructions"] for found in runs[True]
        ],
        "goal": goal,
        "met": median > least if goal == "above 1" else median >= least,
    }


def main() -> None:
    """Measure the programs that are named, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("programs", nargs="*", choices=[*SIZES, []], metavar="ROW", help="by default all")
    parser.add_argument("--pairs", type=int, default=5, help="pairs of runs")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    options = parser.parse_args()
    command = shlex.join(["python", "benchmarks/riscv_runs.py", *sys.argv[1:]])
    machine = json.loads((RESULTS / "riscv.json").read_text(encoding="utf-8"))
    factors = {row["row"]: row["f"]["median"] for row in machine["rows"]}
    known = read_rows("riscv-runs", options.results)
    gc.freeze()  # as the command does: what was imported is not searched for garbage
    for name in options.programs or SIZES:
        (known[name],) = with_origin([measured(name, options.pairs, factors.get(name))], command)
        write_result("riscv-runs", {"rows": [known[each] for each in SIZES if each in known]}, options.results)
        row = known[name]
        of = "" if row["bound"] is None else f" of {row['bound']:.2f}"
        print(f"{name}: {row['speedup']['median']:.2f}{of}, {row['reason']}")


if __name__ == "__main__":
    main()
