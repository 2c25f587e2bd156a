"""Compares this checkout with another one in turns: `python benchmarks/against.py OTHER [--pairs N]`.

OTHER is the folder of another checkout, such as a git worktree, with an environment of its own in `.venv`. Each row
runs the same small program in both, A B B A …, so that a drift of the machine affects both alike. The result goes to
`benchmarks/results/against.json`.
"""

from __future__ import annotations

import argparse
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

from measure import read_rows, spread, with_origin, write_result

HERE = Path(__file__).parent.parent

_BOUNDARY = """
import sys
sys.path.insert(0, "benchmarks")
import toy
from asc.plugins import load
plugins = load()
print(min(toy.idle_boundary(plugins, 20_000) for _ in range(3)))
"""
_REJECT_ALL = """
import time
from asc.plugins import load
from asc.run.run import Run
from asc_toy.backend import ToyBackend, ToyConfig
config = ToyConfig(program="sha256-chain", n=60_000)
run = Run(ToyBackend(config), "toy", load())
began = time.perf_counter()
run.execute()
print(time.perf_counter() - began)
"""
_PLAIN = """
import sys
sys.path.insert(0, "benchmarks")
import network
class options: model, steps, slices = "gpt2-nano", 0, 30
print(network.overhead(options)["ratio"]["median"])
"""

ROWS = {
    "idle boundary": ("microseconds of a boundary with nothing to do", _BOUNDARY),
    "reject all": ("seconds of a run whose candidates are all rejected (sha256-chain)", _REJECT_ALL),
    "plain over bare": ("our training loop without speculation, over a bare PyTorch loop", _PLAIN),
}


def value(checkout: Path, program: str) -> float:
    """Run a program in a checkout, with its own environment, and return the number that it prints."""
    python = checkout / ".venv" / "bin" / "python"
    if (checkout / "asc" / "run.py").exists():  # where `Run` was before it had a folder
        program = program.replace("asc.run.run", "asc.run")
    found = subprocess.run([python, "-c", program], cwd=checkout, capture_output=True, text=True, check=True)
    return float(found.stdout.split()[-1])


def compare(name: str, other: Path, pairs: int) -> dict[str, Any]:
    """Return one row: both values, and the ratio of this checkout's to the other's, pair by pair."""
    what, program = ROWS[name]
    here: list[float] = []
    there: list[float] = []
    for number in range(pairs):
        for checkout, values in ((HERE, here), (other, there)) if number % 2 else ((other, there), (HERE, here)):
            values.append(value(checkout, program))
    ratios = [one / two for one, two in zip(here, there, strict=True)]
    return {
        "row": name,
        "what": what,
        "pairs": pairs,
        "here": spread(here),
        "there": spread(there),
        "ratio": spread(ratios),
        "goal": "<= 1.03 at the median",
        "met": median(ratios) <= 1.03,
    }


def main() -> None:
    """Measure, write the result, and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument(
        "--only", nargs="*", choices=list(ROWS), default=list(ROWS), help="rows to measure; others stay"
    )
    chosen = parser.parse_args()
    other = chosen.other.resolve()
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=other, capture_output=True, text=True, check=True)
    rows = with_origin(
        [compare(name, other, chosen.pairs) for name in chosen.only],
        f"python benchmarks/against.py OTHER --pairs {chosen.pairs}",
    )
    for row in rows:
        ratio = row["ratio"]
        print(f"{row['row']}: {ratio['median']:.3f} ({ratio['low']:.3f}-{ratio['high']:.3f})")
    kept = read_rows("against") | {row["row"]: row for row in rows}
    path = write_result("against", {"other_commit": commit.stdout.strip(), "rows": list(kept.values())})
    print(path)


if __name__ == "__main__":
    main()
