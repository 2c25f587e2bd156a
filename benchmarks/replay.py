"""Measures what `asc bench-predictor` takes, and what keeping a trajectory does: `python benchmarks/replay.py`.

A network is trained for some steps in shadow and keeps its trajectory; then the replay is timed with nothing beside,
with what the run had, and with all that can run there. The same for a toy run, which keeps nothing. The result goes to
`benchmarks/results/replay.json`; a few minutes on two cores.
"""

from __future__ import annotations

import json
import os
import resource
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from measure import with_origin, write_result

ASC = str(Path(sys.executable).with_name("asc"))
STEPS, KEPT = 300, 12
TRAIN = f"run nn_training --model gpt2-nano --steps {STEPS} --shadow --keep-trajectory {KEPT} --quiet --json"
TOY = "run toy --program collatz --n 20000 --quiet --json"
REPLAYS = (
    ("a training, nothing beside", "training", "bench-predictor quadratic --beside none"),
    ("a training, what the run had beside", "training", "bench-predictor quadratic"),
    ("a training, all beside", "training", "bench-predictor quadratic --beside all"),
    ("a toy run, all beside", "toy", "bench-predictor linear"),
)


def call(words: str, folder: Path) -> tuple[dict[str, Any], dict[str, float]]:
    """Run a command that prints JSON; return that, and what it took, its workers included."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [ASC, *shlex.split(words)], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    taken = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(done.stdout), {"seconds": time.perf_counter() - began, "processor_seconds": taken}


def main() -> None:
    """Train, replay, write the result, and show it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        trained, took = call(TRAIN, folder)
        run = folder / trained["run_dir"]
        places = sorted((run / "trajectory").iterdir())
        kept = sum(path.stat().st_size for path in (run / "trajectory").rglob("*") if path.is_file())
        weights = 4 * trained["outcome"]["parameters"]
        rows: list[dict[str, Any]] = [
            {"what": f"training, {STEPS} steps in shadow", **took}
            | {"places": len(places), "bytes_a_place": kept / len(places)}
            | {
                "copies_of_the_weights_a_place": kept / len(places) / weights,
                "weights": trained["outcome"]["parameters"],
            }
            | {"ledger": trained["ledger"].get("checkpoint")}
        ]
        runs = {"training": run, "toy": folder / call(TOY, folder)[0]["run_dir"]}
        for what, which, words in REPLAYS:
            found, took = call(f"{words} --on {shlex.quote(str(runs[which]))} --json", folder)
            rows.append({"what": f"replay of {what}", **took, "predictors": len(found["predictors"])})
    path = write_result("replay", {"rows": with_origin(rows, "python benchmarks/replay.py")})
    for row in rows:
        print(f"{row['what']}: {row['processor_seconds']:.0f} processor seconds, {row['seconds']:.0f} on the clock")
    print(path)


if __name__ == "__main__":
    main()
