"""Training recipes with speculation, beside controls that might do as well: `python benchmarks/recipes.py`.

Three rows go to results/recipes.json. `paper`: Leap+Verify's recipe, learning rate 5e-5 and cosine. `tuned`: WSD, at
the best of a sweep of learning rates. `constant`: a constant rate, whose read-out is evaluated. Beside each are WSD to
zero, cosine to a tenth and linear to zero, at the same peak rate. An arm that has been measured on the same commit
with the same settings is not measured again, so that an interrupted benchmark continues (`--fresh` measures
everything).

Every arm is a process with one thread, two of them at a time. Its seconds are processor time from the first step on,
without the evaluations on the test set for its curve. Making model and data and the final figures are excluded for all
arms. The settings of the speculating arms were chosen on seed 0, which is not measured here.

Other devices than the CPU have rows of their own, in recipes-gpu.json. There the arms take turns in one process, after
a short training has loaded all kernels, and seconds are wall time. The device is idle whenever the clock is read, which
is before and after every evaluation, so that no work is counted for the wrong side. If such a machine is available for
minutes only, a few calls of the same command measure GPT-2 124M:

    python benchmarks/recipes.py paper tuned --device cuda --model gpt2 --steps 600 --rates 2e-4 6e-4 1e-3 \\
        --any-commit --minutes 9

Only arms of the same card count as measured, and only complete rows are written. A copy without git takes its commit
from `ASC_COMMIT`. The exit code is 0 if all chosen rows are complete, and 3 if arms are left or have failed: the same
command then continues with them.

FLOPs are 6 for each weight and token of a step, and those of speculation follow from its price in plain steps.
Evaluations are excluded, as from the seconds. Peak memory is the device's, and on a CPU the process's.
"""

from __future__ import annotations

import argparse
import math
import shlex
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from arms import Arm, Arms, Figures, Settings
from measure import RESULTS, read_rows, with_origin, write_result
from paired import beside_plain, crossing, interval
from rich.console import Console

from asc.errors import AscError
from asc_nn_training.training.device import choose

INCOMPLETE = 3  # exit code
HORIZON, EVERY = 50, 50

OUTER = {
    "predictors": [{"name": "nesterov-outer", "momentum": 0.7}],
    "recognizer": {"name": "activation-cosine", "every": 25},
}
CONTROLS: Mapping[str, Settings] = {
    "speculation": {},
    "speculation, nesterov-outer": OUTER,
    "leap unverified": {"validator": {"name": "unverified"}, "scheduler": {"horizons": [HORIZON]}},
    "random direction": {"predictors": [{"name": "random-direction"}]},
}
"""Arms that speculate; the others are plain."""
SCHEDULES = ("wsd", "cosine", "linear")
_BESIDE_PLAIN = len(CONTROLS) + 3 + len(SCHEDULES) - 1  # arms of a seed


class Incomplete(Exception):  # noqa: N818 -- not an error
    """A row that cannot be written yet: the number of arms that are left, and the needed arms that have failed."""

    def __init__(self, left: int, failed: Mapping[str, str]) -> None:
        super().__init__(left, failed)
        self.left, self.failed = left, failed


class Bench:
    """Makes one row of arms, and keeps their failures and commits."""

    def __init__(self, options: argparse.Namespace, arms: Arms) -> None:
        self._options, self._arms = options, arms
        self.failed: dict[str, str] = {}
        self.commits: set[str] = set()

    def settings(self, **changes: Any) -> Settings:
        """Return the settings of an arm: those of all arms, and its own."""
        options = self._options
        usual = {
            "model": options.model,
            "steps": options.steps,
            "batch": 4,
            "length": 256,
            "device": str(options.device),
            "evaluate_every": 40,
            "test_sequences": 64,
            "average_every": 0,
        }
        gate = {} if options.gate_batch is None else {"gate_batch": options.gate_batch}
        return {**usual, **gate, **changes}

    def all(self, arms: Mapping[str, Arm], needed: Collection[str] | None = None, later: int = 0) -> dict[str, Figures]:
        """Measure arms by name. Raises Incomplete if some are left, or if needed ones (by default all) have failed.

        `later` is the number of arms that follow once these are known.
        """
        found, failed = self._arms.measure(arms)
        vital = {name: why for name, why in failed.items() if needed is None or name in needed}
        left = len(arms) - len(found) - len(failed)
        if left or vital:
            raise Incomplete(left + later, vital)
        self.failed |= failed
        self.commits |= self._arms.commits(list(arms.values()))
        return found

    def recipe(self, seeds: Sequence[int], schedule: str, to_the_end: bool, **recipe: Any) -> dict[str, Any]:
        """Measure every arm of a recipe, by seed; those that race to the plain run's test loss stop there.

        `schedule` is the plain run's own, by its preset.
        """
        lr, steps = recipe["lr"], self._options.steps
        plain = self.all(
            {f"plain {s}": Arm(self.settings(seed=s, **recipe)) for s in seeds}, later=_BESIDE_PLAIN * len(seeds)
        )
        if diverged := [name for name, run in plain.items() if run["test_loss"] is None]:
            raise Incomplete(0, dict.fromkeys(diverged, "it diverged"))
        arms: dict[str, Arm] = {}
        for seed in seeds:
            goal = plain[f"plain {seed}"]["test_loss"]
            race = {} if to_the_end else {"until_loss": goal}
            others = {
                "schedule shortened": {"steps": steps // 2},
                f"lr x {1 + HORIZON / EVERY:g}": {"lr": lr * (1 + HORIZON / EVERY), **race},
                f"lr x {1 + 4 * HORIZON / EVERY:g}": {"lr": lr * (1 + 4 * HORIZON / EVERY), **race},
                **{shape: {"schedule": shape, **race} for shape in SCHEDULES if shape != schedule},
            }
            for name, changes in {**CONTROLS, **others}.items():
                stop = race if name not in ("speculation", "schedule shortened") else {}
                given = self.settings(**{"seed": seed, **recipe, **stop, **changes})
                arms[f"{name} {seed}"] = Arm(given, name in CONTROLS)
        found = self.all(arms, needed=[f"speculation {s}" for s in seeds])
        names = dict.fromkeys(name.rpartition(" ")[0] for name in arms)
        base = [plain[f"plain {s}"] for s in seeds]
        runs = {name: [found[f"{name} {s}"] for s in seeds if f"{name} {s}" in found] for name in names}
        return {
            "seeds": list(seeds),
            "schedule": schedule,
            "plain": beside_plain(base, base),
            "arms": {name: beside_plain(of, base) for name, of in runs.items() if len(of) == len(base)},
        }


def paper(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Leap+Verify's recipe: how much sooner each arm has the plain run's final test loss."""
    found = bench.recipe(options.seeds, "cosine", to_the_end=False, lr=5e-5)
    net = found["arms"]["speculation"]["net_speedup"]
    return {"lr": 5e-5, **found, "goal": ">= 2", "met": bool(net) and net["median"] >= 2}


def tuned(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """The best rate of a sweep, chosen on the dev set: whether speculation is no worse than plain training there."""
    arms = {f"lr {lr:g}": Arm(bench.settings(seed=100, preset="tuned", lr=lr), on_dev=True) for lr in options.rates}
    sweep = bench.all(arms, later=(1 + _BESIDE_PLAIN) * len(options.seeds))
    losses = {lr: sweep[f"lr {lr:g}"]["dev_loss"] for lr in options.rates}
    best = min(losses, key=lambda lr: math.inf if losses[lr] is None else losses[lr])
    found = bench.recipe(options.seeds, "wsd", to_the_end=True, preset="tuned", lr=best)
    arm = found["arms"]["speculation"]
    loss, seconds = arm["loss_difference"], arm["seconds_ratio"]
    met = None if loss["high"] is None else loss["high"] <= 0.01 and seconds["high"] <= 1.03
    told = {"lr": best, "sweep_dev_loss": {f"{lr:g}": loss for lr, loss in losses.items()}}
    return {**told, **found, "goal": "test loss +0.01 nats, seconds +3 %, upper 95 % end", "met": met}


def constant(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """A constant rate, whose read-out at several steps is compared with runs that were planned for so many steps.

    The schedules of runs of full length are beside it. `steps_to_live_end` is where the read-out first had the loss
    that the live weights end with. `over_live` compares that with the whole run, and `over_live_first` with the step
    where the live weights themselves first had that loss.
    """
    lr, steps = tuned_rate(options), options.steps
    anytime = {"schedule": "constant", "anytime": True, "average_every": 10, "evaluate_every": steps // 8}
    horizons = {steps // 2: "wsd half", 3 * steps // 4: "wsd three quarters", steps: "wsd"}
    kinds = {
        "constant": anytime,
        **{shape: {} if shape == "wsd" else {"schedule": shape} for shape in SCHEDULES},  # the preset's is wsd
        **{name: {"steps": planned} for planned, name in horizons.items() if planned < steps},
    }
    arms = {
        f"{name} {seed}": Arm(bench.settings(seed=seed, preset="tuned", lr=lr, **changes))
        for name, changes in kinds.items()
        for seed in options.seeds
    }
    found = bench.all(arms)
    runs = {name: [found[f"{name} {seed}"] for seed in options.seeds] for name in kinds}
    live, picked, names = (
        [run[key] for run in runs["constant"]] for key in ("test_loss", "read_out_test_loss", "read_out")
    )
    others = {shape: [run["test_loss"] for run in runs[shape]] for shape in SCHEDULES}
    planned = {step: _planned(step, runs["constant"], runs[name]) for step, name in horizons.items()}
    spent = zip(runs["constant"], *(runs[name] for name in horizons.values()), strict=True)
    seconds = [one["seconds"] / sum(run["seconds"] for run in each) for one, *each in spent]
    curves = [[(at, at, loss) for at, loss in run["read_out_curve"]] for run in runs["constant"]]
    reached = [crossing(curve, end) for curve, end in zip(curves, live, strict=True)]
    sooner = [steps / at[0] for at in reached if at is not None]
    first = [crossing(run["curve"], end) for run, end in zip(runs["constant"], live, strict=True)]
    fairly = [own[0] / at[0] for own, at in zip(first, reached, strict=True) if own is not None and at is not None]
    shares = {"steps": steps / sum(horizons), "seconds": interval(seconds)}
    far = max(found["difference"]["mean"] for found in planned.values())
    return {
        "lr": lr,
        "seeds": list(options.seeds),
        "live": live,
        "read_out": picked,
        "picked": names,
        "schedules": others,
        "read_out_less": {
            name: interval([a - b for a, b in zip(picked, losses, strict=True)])
            for name, losses in {"live": live, **others}.items()
        },
        "planned": planned,
        "share_of_planned": shares,
        "steps_to_live_end": [None if at is None else round(at[0]) for at in reached],
        "over_live": interval(sooner) if len(sooner) == len(reached) else None,
        "over_live_first": interval(fairly) if len(fairly) == len(reached) else None,
        "goal": "each read-out within 0.015 nats of the run planned for it, at <= 0.6 of their steps and seconds",
        "met": far <= 0.015 and max(shares["steps"], shares["seconds"]["mean"]) <= 0.6,
    }


def _planned(step: int, constant: Sequence[Figures], planned: Sequence[Figures]) -> dict[str, Any]:
    """Compare the read-outs at a step with the ends of runs that were planned for so many steps."""
    read = [dict(map(tuple, run["read_out_curve"]))[step] for run in constant]
    ends = [run["test_loss"] for run in planned]
    return {"read_out": read, "wsd": ends, "difference": interval([a - b for a, b in zip(read, ends, strict=True)])}


def tuned_rate(options: argparse.Namespace) -> float:
    """Return the rate of the tuned row, or the middle one of the sweep. Raises Incomplete if that row is still due."""
    rows = read_rows(result_name(options.device), options.results)
    if "tuned" in options.rows and "tuned" not in rows:
        raise Incomplete(3 * len(options.seeds), {})  # the other runs beside them are those of the tuned row
    return float(rows["tuned"]["lr"]) if "tuned" in rows else sorted(options.rates)[len(options.rates) // 2]


def result_name(device: torch.device) -> str:
    """Return the name of the result file: a CPU's results stay beside those of other devices."""
    return "recipes" if device.type == "cpu" else "recipes-gpu"


ROWS = {each.__name__: each for each in (paper, tuned, constant)}


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help="by default all")
    parser.add_argument("--model", default="gpt2-micro")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--rates", type=float, nargs="+", default=[1e-3, 2e-3, 4e-3, 8e-3])
    parser.add_argument("--gate-batch", type=int, help="held-out sequences judged at a time")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")
    parser.add_argument("--workers", type=int, help="arms at a time: 2 by default, and always 1 off the CPU")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder that results and arms are kept in")
    parser.add_argument("--minutes", type=float, default=math.inf, help="start no arm that would end later than this")
    parser.add_argument("--fresh", action="store_true", help="measure again what has been measured")
    parser.add_argument("--any-commit", action="store_true", help="let arms measured on other commits count")
    options = parser.parse_args(arguments)
    try:
        options.device = choose(options.device)
    except AscError as error:
        parser.error(str(error))
    on_cpu = options.device.type == "cpu"
    if not on_cpu and options.workers not in (None, 1):
        parser.error("Arms that share a device slow each other down: on a device leave out --workers, or give 1.")
    if options.workers is None:
        options.workers = 2 if on_cpu else 1
    options.rows = options.rows or list(ROWS)
    return options


def main() -> int:
    """Measure the rows that are named; return the exit code."""
    options, console = parsed(sys.argv[1:]), Console(stderr=True, markup=False)
    name = result_name(options.device)
    known = read_rows(name, options.results)
    command = shlex.join(["python", "benchmarks/recipes.py", *sys.argv[1:]])
    arms = Arms(
        options.results / f"{name}-arms.jsonl",
        options.device,
        console.print,
        workers=options.workers,
        minutes=options.minutes,
        any_commit=options.any_commit,
        fresh=options.fresh,
    )
    left, failed = 0, False
    for row in options.rows:
        bench = Bench(options, arms)
        try:
            found = ROWS[row](bench, options)
        except Incomplete as why:
            left, failed = left + why.left, failed or bool(why.failed)
            for arm, reason in why.failed.items():
                console.print(f"The row {row} is not written, because it needs {arm}, which failed: {reason}.")
            continue
        failed = failed or bool(bench.failed)
        (known[row],) = with_origin([{**_circumstances(row, options, arms), **found, **_also(bench, options)}], command)
        body = {"rows": [known[each] for each in ROWS if each in known], "torch": torch.__version__}
        write_result(name, body, options.results)
    if left:
        console.print(f"{left} {'arm is' if left == 1 else 'arms are'} left; the same command continues with them.")
    return INCOMPLETE if left or failed else 0


def _circumstances(row: str, options: argparse.Namespace, arms: Arms) -> dict[str, Any]:
    """Return the fields that all rows of a call share."""
    on_cpu = options.device.type == "cpu"
    return {
        "row": row,
        "model": options.model,
        "steps": options.steps,
        "batch": 4,
        "length": 256,
        "threads": 1 if on_cpu else torch.get_num_threads(),
        "device": arms.device_name,
        **({} if options.gate_batch is None else {"gate_batch": options.gate_batch}),
    }


def _also(bench: Bench, options: argparse.Namespace) -> dict[str, Any]:
    """Return which arms have failed, and the commits of the others if there may be several."""
    failed = {"failed": bench.failed} if bench.failed else {}
    return {**failed, **({"commits": sorted(bench.commits)} if options.any_commit else {})}


if __name__ == "__main__":
    sys.exit(main())
