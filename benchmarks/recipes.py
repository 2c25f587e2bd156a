"""Training recipes with speculation and with what else might have done as much: `python benchmarks/recipes.py`.

Three rows go to results/recipes.json. `paper`: Leap+Verify's recipe, learning rate 5e-5. `tuned`: the best of a sweep
of learning rates. `constant`: a constant rate, whose average is read out. An arm that has been measured on the same
commit with the same settings is not measured again, so that an interrupted benchmark goes on where it was (`--fresh`
measures everything).

Every arm is a process with one thread, two of them at a time; its seconds are those of its processor, from the first
step on, everything included but the evaluations on the test set by which it is followed. Building model and data and
the final figures are left out on both sides. The settings of the speculating arms were chosen on seed 0, which is none
of those measured here.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import cached_property
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from measure import RESULTS, commit, spread, with_origin, write_result
from rich.console import Console

from asc.plugins import load
from asc.run import Run
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.data.prepare import Data
from asc_nn_training.training import NonFiniteError

Arm = dict[str, Any]
HORIZON, EVERY = 50, 50
T_975 = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776}  # Student's t, two-sided 95 %, by degrees of freedom

OUTER = {
    "predictors": [{"name": "nesterov-outer", "momentum": 0.7}],
    "recognizer": {"name": "activation-cosine", "every": 25},
}
CONTROLS: Mapping[str, Arm] = {
    "speculation": {},
    "speculation, nesterov-outer": OUTER,
    "leap unverified": {"validator": {"name": "unverified"}, "allocator": {"horizons": [HORIZON]}},
    "random direction": {"predictors": [{"name": "random-direction"}]},
}
"""Arms that speculate; the others are plain."""


class OnTest(NetworkBackend):
    """Follows a run on the test set, which decides nothing there: only the benchmark looks at the curve."""

    @cached_property
    def data(self) -> Data:
        """The corpus, with the test set in the place of the dev set."""
        found = super().data
        return found._replace(dev=found.test)


def measure(settings: Mapping[str, Any], speculate: bool, on_dev: bool) -> dict[str, Any]:
    """Train once, in a process of its own; return losses, cost and the curve of (step, seconds, loss)."""
    torch.set_num_threads(1)
    backend = (NetworkBackend if on_dev else OnTest)(NetworkConfig.model_validate(dict(settings)))
    run = Run(backend, "nn_training", load([Path(__file__).with_name("controls.py")]), speculate=speculate)
    watch = run.computation.watch
    watch.clock = time.process_time
    watch.restart_clock()
    try:
        summary = run.execute()
    except NonFiniteError:
        summary = run.summary("diverged")
    points = [(p.position, p.seconds - p.evaluating_s, p.dev_loss) for p in watch.curve]
    return {
        "curve": [[step, round(seconds, 3), round(loss, 6)] for step, seconds, loss in points],
        "test_loss": None if summary["state"] == "diverged" else summary["outcome"]["test_loss"],
        "dev_loss": None if not on_dev else summary["outcome"]["dev_loss"],
        "average_test_loss": summary["outcome"]["average_test_loss"],
        "steps": summary["position"],
        "seconds": points[-1][1],
        "wall_seconds": summary["seconds"],
        "speculation_in_steps": run.ledger.spent,
        "gained_steps": run.ledger.gained,
        "judged": len(summary["leaps"]) if speculate else 0,
        "accepted": summary["accepted"],
        "leaps": run.ledger.leaps,
        "reason": summary["reason"],
    }


def crossing(curve: Sequence[Sequence[float]], goal: float) -> tuple[float, float] | None:
    """The step and the second at which a curve first came down to the goal, on the line between two points."""
    for before, after in pairwise(curve):
        if after[2] <= goal:
            share = 1.0 if before[2] == after[2] else max(0.0, (before[2] - goal) / (before[2] - after[2]))
            return before[0] + share * (after[0] - before[0]), before[1] + share * (after[1] - before[1])
    return None


def interval(values: Sequence[float]) -> dict[str, Any]:
    """Mean, standard deviation and the 95 % interval of paired figures."""
    count = len(values)
    if count < 2:
        return {"mean": values[0], "sd": None, "low": None, "high": None, "n": count}
    mean, sd = statistics.mean(values), statistics.stdev(values)
    half = T_975.get(count - 1, 2.6) * sd / math.sqrt(count)
    return {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half, "n": count}


class Bench:
    """Measures arms, several at a time, and remembers those that have been measured."""

    def __init__(self, options: argparse.Namespace, console: Console) -> None:
        self._options, self._console = options, console
        self._file = RESULTS / "recipes-arms.jsonl"
        lines = self._file.read_text(encoding="utf-8").splitlines() if self._file.exists() else []
        self._commit = commit()
        whole = [json.loads(line) for line in lines if line.endswith("}")]  # the last may have been cut short
        self._known = {} if options.fresh else {(line["commit"], line["key"]): line["found"] for line in whole}

    def settings(self, **changes: Any) -> Arm:
        """The settings of an arm: those of all, and its own."""
        usual = {
            "model": self._options.model,
            "steps": self._options.steps,
            "batch": 4,
            "length": 256,
            "device": "cpu",
            "evaluate_every": 40,
            "test_sequences": 64,
            "average_every": 0,
        }
        return {**usual, **changes}

    def all(self, arms: Mapping[str, tuple[Arm, bool, bool]]) -> dict[str, dict[str, Any]]:
        """Measure arms by name: settings, whether it speculates, and whether it is followed on the dev set."""
        keys = {name: (self._commit, json.dumps(arm, sort_keys=True)) for name, arm in arms.items()}
        missing = [name for name in arms if keys[name] not in self._known]
        with ProcessPoolExecutor(self._options.workers, get_context("spawn"), max_tasks_per_child=1) as pool:
            waiting = {pool.submit(measure, *arms[name]): name for name in missing}
            for done in as_completed(waiting):
                name, found = waiting[done], done.result()
                self._known[keys[name]] = found
                with self._file.open("a", encoding="utf-8") as file:
                    line = {"commit": self._commit, "key": keys[name][1], "name": name, "found": found}
                    file.write(json.dumps(line) + "\n")
                self._console.print(f"{name}: test loss {found['test_loss']}, {found['seconds']:.0f} s")
        return {name: self._known[keys[name]] for name in arms}

    def recipe(self, seeds: Sequence[int], to_the_end: bool, **recipe: Any) -> dict[str, Any]:
        """Every arm of a recipe, seed by seed; those that only race to the plain run's test loss stop there."""
        plain = self.all({f"plain {s}": (self.settings(seed=s, **recipe), False, False) for s in seeds})
        arms: dict[str, tuple[Arm, bool, bool]] = {}
        lr, steps = recipe["lr"], self._options.steps
        for seed in seeds:
            goal = plain[f"plain {seed}"]["test_loss"]
            race = {} if to_the_end else {"until_loss": goal}
            others = {
                "schedule shortened": {"steps": steps // 2},
                f"lr x {1 + HORIZON / EVERY:g}": {"lr": lr * (1 + HORIZON / EVERY), **race},
                f"lr x {1 + 4 * HORIZON / EVERY:g}": {"lr": lr * (1 + 4 * HORIZON / EVERY), **race},
            }
            for name, changes in {**CONTROLS, **others}.items():
                stop = race if name not in ("speculation", "schedule shortened") else {}
                given = self.settings(**{"seed": seed, **recipe, **stop, **changes})
                arms[f"{name} {seed}"] = given, name in CONTROLS, False
        found = self.all(arms)
        names = list(dict.fromkeys(name.rpartition(" ")[0] for name in arms))
        return {
            "seeds": list(seeds),
            "plain": _told([plain[f"plain {s}"] for s in seeds], [plain[f"plain {s}"] for s in seeds]),
            "arms": {
                name: _told([found[f"{name} {s}"] for s in seeds], [plain[f"plain {s}"] for s in seeds])
                for name in names
            },
        }


def _told(runs: Sequence[dict[str, Any]], plain: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One arm beside the plain runs of the same seeds."""
    reached = [crossing(run["curve"], base["test_loss"]) for run, base in zip(runs, plain, strict=True)]
    faster = [base["seconds"] / at[1] for base, at in zip(plain, reached, strict=True) if at is not None]
    whole = all(run["steps"] == base["steps"] and run["test_loss"] for run, base in zip(runs, plain, strict=True))
    pairs = list(zip(runs, plain, strict=True))
    return {
        "reached": len(faster),
        "net_speedup": spread(faster) if len(faster) == len(runs) else None,
        "steps_to_target": [None if at is None else round(at[0]) for at in reached],
        "seconds_to_target": [None if at is None else round(at[1], 1) for at in reached],
        "seconds": [round(run["seconds"], 1) for run in runs],
        "wall_seconds": [round(run["wall_seconds"], 1) for run in runs],
        "steps": [run["steps"] for run in runs],
        "test_loss": [run["test_loss"] for run in runs],
        "loss_difference": interval([run["test_loss"] - base["test_loss"] for run, base in pairs]) if whole else None,
        "seconds_ratio": interval([run["seconds"] / base["seconds"] for run, base in pairs]) if whole else None,
        "speculation_in_steps": [round(run["speculation_in_steps"], 1) for run in runs],
        "judged": [run["judged"] for run in runs],
        "accepted": [run["accepted"] for run in runs],
    }


def paper(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Leap+Verify's recipe: how much sooner each arm has the plain run's final test loss."""
    found = bench.recipe(options.seeds, to_the_end=False, lr=5e-5)
    net = found["arms"]["speculation"]["net_speedup"]
    return {"lr": 5e-5, **found, "goal": ">= 2", "met": bool(net) and net["median"] >= 2}


def tuned(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """The best of a sweep, chosen on the dev set: whether speculation is not worse there."""
    rates = options.rates
    sweep = bench.all({f"lr {lr:g}": (bench.settings(seed=100, preset="tuned", lr=lr), False, True) for lr in rates})
    losses = {lr: sweep[f"lr {lr:g}"]["dev_loss"] for lr in rates}
    best = min(losses, key=losses.__getitem__)
    found = bench.recipe(options.seeds, to_the_end=True, preset="tuned", lr=best)
    arm = found["arms"]["speculation"]
    loss, seconds = arm["loss_difference"], arm["seconds_ratio"]
    met = None if loss["high"] is None else loss["high"] <= 0.01 and seconds["high"] <= 1.03
    told = {"lr": best, "sweep_dev_loss": {f"{lr:g}": loss for lr, loss in losses.items()}}
    return {**told, **found, "goal": "test loss +0.01 nats, seconds +3 %, upper 95 % end", "met": met}


def constant(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """A constant rate: its average's test loss beside that of its live weights, and of a cosine run as long."""
    lr = tuned_rate(options)
    given = {"preset": "tuned", "lr": lr}
    flat = {"schedule": "constant", "average_every": 5, "average_span": 60}
    arms = {
        f"{name} {seed}": (bench.settings(seed=seed, **given, **changes), False, False)
        for name, changes in (("constant", flat), ("plain", {}))
        for seed in options.seeds
    }
    found = bench.all(arms)
    runs = {name: [found[f"{name} {seed}"] for seed in options.seeds] for name in ("constant", "plain")}
    live, average = ([run[key] for run in runs["constant"]] for key in ("test_loss", "average_test_loss"))
    cosine = [run["test_loss"] for run in runs["plain"]]
    return {
        "lr": lr,
        "seeds": list(options.seeds),
        "live": live,
        "average": average,
        "cosine": cosine,
        "average_less_live": interval([a - b for a, b in zip(average, live, strict=True)]),
        "average_less_cosine": interval([a - b for a, b in zip(average, cosine, strict=True)]),
        "goal": "report",
        "met": None,
    }


def tuned_rate(options: argparse.Namespace) -> float:
    """The rate that the tuned row has chosen, or the middle one of the sweep."""
    path = RESULTS / "recipes.json"
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    return next((row["lr"] for row in rows if row["row"] == "tuned"), sorted(options.rates)[len(options.rates) // 2])


ROWS = {each.__name__: each for each in (paper, tuned, constant)}


def main() -> None:
    """Measure the rows that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help="by default all")
    parser.add_argument("--model", default="gpt2-micro")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 2e-3, 4e-3, 8e-3])
    parser.add_argument("--workers", type=int, default=2, help="arms at a time")
    parser.add_argument("--fresh", action="store_true", help="measure again what has been measured")
    options = parser.parse_args()
    path, console = RESULTS / "recipes.json", Console(stderr=True)
    known = {row["row"]: row for row in json.loads(path.read_text())["rows"]} if path.exists() else {}
    command = shlex.join(["python", "benchmarks/recipes.py", *sys.argv[1:]])
    bench = Bench(options, console)
    for name in options.rows or ROWS:
        told = {"row": name, "model": options.model, "steps": options.steps, "batch": 4, "length": 256, "threads": 1}
        (known[name],) = with_origin([{**told, **ROWS[name](bench, options)}], command)
        write_result("recipes", {"rows": [known[row] for row in ROWS if row in known], "torch": torch.__version__})


if __name__ == "__main__":
    main()
