"""Measures how long `asc --help` and `asc plugins` take: `python benchmarks/startup.py [--pairs N]`.

Each command takes turns with the import of the libraries that make its output, so that other load on the machine
affects both alike. Bytecode is cached in a temporary folder, as it is after the first call of an installed program,
even where the environment turns the cache off. The result goes to `benchmarks/results/startup.json`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points, version
from pathlib import Path
from statistics import median
from typing import Any

from measure import seconds, spread, with_origin, write_result

GOAL = 1.5
REFERENCE = "import pydantic, rich, rich_click"
COMMANDS = (("--help",), ("plugins",))
LIBRARIES = ("click", "rich-click", "rich", "pydantic", "pluggy")
ASC = str(Path(sys.executable).with_name("asc"))


def measure(arguments: Sequence[str], pairs: int, environment: Mapping[str, str]) -> dict[str, Any]:
    """Time a command and the reference in turns, after one untimed call of each."""
    command, reference = [ASC, *arguments], [sys.executable, "-c", REFERENCE]

    def call(words: Sequence[str]) -> float:
        return seconds(lambda: subprocess.run(words, env=environment, stdout=subprocess.DEVNULL, check=True))

    call(reference)
    call(command)
    took, beside = [], []
    for _ in range(pairs):
        beside.append(call(reference))
        took.append(call(command))
    ratios = [one / other for one, other in zip(took, beside, strict=True)]
    return {
        "command": " ".join(["asc", *arguments]),
        "reference": f'python -c "{REFERENCE}"',
        "pairs": pairs,
        "seconds": spread(took),
        "reference_seconds": spread(beside),
        "ratio": spread(ratios),
        "goal": f"<= {GOAL}",
        "met": median(ratios) <= GOAL,
    }


def main() -> None:
    """Measure, write the result, and show it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=25, help="pairs for each command; at least 15 say something")
    pairs = parser.parse_args().pairs
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        rows = [measure(arguments, pairs, environment) for arguments in COMMANDS]
    body = {
        "libraries": {name: version(name) for name in LIBRARIES},
        "plugins": sorted(point.name for point in entry_points(group="asc")),
        "seconds": time.perf_counter() - began,
        "rows": with_origin(rows, f"python benchmarks/startup.py --pairs {pairs}"),
    }
    path = write_result("startup", body)
    for row in rows:
        ratio, took = row["ratio"], row["seconds"]["median"]
        print(
            f"{row['command']}: {1000 * took:.0f} ms, {ratio['median']:.2f} ({ratio['low']:.2f}-{ratio['high']:.2f}) "
            f"times the reference; goal {row['goal']}, {'met' if row['met'] else 'not met'}"
        )
    print(path)


if __name__ == "__main__":
    main()
