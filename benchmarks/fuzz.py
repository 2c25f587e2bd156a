"""Random programs against the user's own loop, counted by what became of them: `python benchmarks/fuzz.py`.

    python benchmarks/fuzz.py [--programs 10000] [--jobs 2] [--seed 0]

Each program is a step function over words, arrays and containers, drawn from a seed; a share of them reads or changes
ambient state. `accelerate` must end as the user's own loop on a plain object: in types, bits, order and sharing, with
the same output and the same globals. Where it refuses, the program must have what the sentence names. A batch of
programs runs in an interpreter of its own; one that never answers, or ends the interpreter, counts as crashed.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from measure import origin, write_result
from rich.console import Console
from rich.table import Table

_TESTS = Path(__file__).parent.parent / "backends" / "toy" / "tests"
_BATCH = 100
_LONGEST_S = 300  # seconds without an answer, after which a batch is given up
_KEPT = 20  # wrong programs whose sources are kept in the result
_SENTENCE = 170  # characters of a refusal by which it is counted


def batch(first: int, last: int) -> None:
    """Judge the programs of some seeds in this interpreter; print a line for each, and one before it."""
    sys.path.insert(0, str(_TESTS))
    from fuzzing.case import case  # noqa: PLC0415 -- the tests' folder is known from here on
    from fuzzing.judge import WRONG, judge  # noqa: PLC0415
    from fuzzing.shrink import describe, shrink  # noqa: PLC0415

    for seed in range(first, last):
        print(json.dumps({"seed": seed}), flush=True)
        drawn, began = case(seed), time.perf_counter()
        verdict = judge(drawn)
        row = {
            "seed": seed,
            "executor": drawn.settings["executor"],
            "kind": drawn.subject.kind,
            "outcome": verdict.outcome,
            "leaps": verdict.skipped > 0,
            "skipped": verdict.skipped,
            "seconds": time.perf_counter() - began,
        }
        if verdict.outcome not in ("exact", "raised alike"):
            row["text"] = verdict.text
        if verdict.outcome in WRONG:
            row["smallest"] = describe(*shrink(drawn, verdict))
        print(json.dumps(row), flush=True)


def judged(first: int, last: int) -> Iterator[dict[str, Any]]:
    """Judge the programs of some seeds in other interpreters; begin a new one after a program that ended one."""
    while first < last:
        command = [sys.executable, __file__, "--batch", str(first), str(last)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
            try:
                text, errors = child.communicate(timeout=_LONGEST_S)
            except subprocess.TimeoutExpired:
                child.kill()
                text, errors = child.communicate()
                errors = f"no answer for {_LONGEST_S} s\n{errors}"
        rows = [json.loads(line) for line in text.splitlines() if line.startswith('{"seed"')]
        yield from (row for row in rows if "outcome" in row)
        if rows and "outcome" not in rows[-1]:
            seed = rows[-1]["seed"]
            yield {
                "seed": seed,
                "executor": "?",
                "kind": "?",
                "outcome": "crashed",
                "leaps": False,
                "text": errors[-800:],
            }
            first = seed + 1
        elif rows and rows[-1]["seed"] == last - 1:
            return
        else:
            raise RuntimeError(f"the batch from {first} gave nothing:\n{errors[-2000:]}")


def counted(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Count programs by executor, and refusals by their sentence."""
    table = []
    for executor in sorted({row["executor"] for row in rows}):
        mine = [row for row in rows if row["executor"] == executor]
        outcomes = collections.Counter(row["outcome"] for row in mine)
        exact = [row for row in mine if row["outcome"] == "exact"]
        table.append(
            {
                "executor": executor,
                "programs": len(mine),
                "exact with leaps": sum(row["leaps"] for row in exact),
                "exact without": sum(not row["leaps"] for row in exact),
                **{name: outcomes[name] for name in _OUTCOMES},
                "seconds": round(sum(row.get("seconds", 0.0) for row in mine), 1),
            }
        )
    refusals = collections.Counter(_kind(row["text"]) for row in rows if row["outcome"] == "refused")
    return {"by executor": table, "refusals": dict(refusals.most_common(60))}


_OUTCOMES = (
    "raised alike",
    "refused",
    "refused though harmless",
    "refused without a name",
    "different",
    "crashed",
)
_WRONG = frozenset(_OUTCOMES[2:])


def _kind(sentence: str) -> str:
    """A refusal without the numbers that differ from program to program."""
    return "".join("#" if character.isdigit() else character for character in sentence)[:_SENTENCE]


def show(result: dict[str, Any]) -> Table:
    """The counts as a table: a column for each executor."""
    rows = result["by executor"]
    table = Table("outcome", title="random programs against the user's own loop")
    for row in rows:
        table.add_column(row["executor"], justify="right")
    for name in [name for name in rows[0] if name != "executor"]:
        table.add_row(name, *(str(row[name]) for row in rows))
    return table


def main() -> None:
    """Judge the programs, write the counts, and show them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=max(1, (os.cpu_count() or 2) // 2))
    parser.add_argument("--seed", type=int, default=0, help="the first seed; the others follow it")
    parser.add_argument("--batch", type=int, nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--no-result", action="store_true", help="write no result file")
    chosen = parser.parse_args()
    if chosen.batch:
        batch(chosen.batch[0], chosen.batch[1])
        return
    console, end = Console(), chosen.seed + chosen.programs
    spans = [(first, min(first + _BATCH, end)) for first in range(chosen.seed, end, _BATCH)]
    rows: list[dict[str, Any]] = []
    shown = 0
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for found in pool.map(lambda span: list(judged(span[0], span[1])), spans):
            rows += found
            for row in [row for row in found if row["outcome"] in _WRONG][: _KEPT - shown]:
                console.print(row.get("smallest", row.get("text", "")), markup=False, highlight=False, soft_wrap=True)
                shown += 1
            console.print(
                f"  {len(rows):,} programs, {sum(row['outcome'] in _WRONG for row in rows)} wrong", style="dim"
            )
    exact = [row for row in rows if row["outcome"] == "exact"]
    result = {
        "origin": origin(f"python benchmarks/fuzz.py --programs {chosen.programs} --seed {chosen.seed}"),
        "programs": len(rows),
        "first seed": chosen.seed,
        "differences": sum(row["outcome"] in ("different", "crashed") for row in rows),
        "share with leaps": round(sum(row["leaps"] for row in exact) / max(1, len(exact)), 3),
        **counted(rows),
        "wrong": [
            {"seed": row["seed"], "outcome": row["outcome"], "text": row.get("smallest", row.get("text", ""))}
            for row in rows
            if row["outcome"] in _WRONG
        ][:_KEPT],
    }
    console.print(show(result))
    if not chosen.no_result:
        console.print(str(write_result("fuzz", result)))
    sys.exit(1 if any(row["outcome"] in _WRONG for row in rows) else 0)


if __name__ == "__main__":
    main()
