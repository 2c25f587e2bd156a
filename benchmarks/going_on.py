"""EMA-Nesterov as a way of going on, beside tuned WSD: `python benchmarks/going_on.py [ROW...]`.

For each model, rates and coefficients are chosen by a sweep on the dev set (seed 100, which is not measured): plain WSD
by its rate, in three arms, and the way by the same rates and by β, in six. Then five seeds are trained by plain WSD,
and with the way in runs of the same length, and shorter ones. A run with a schedule has its loss only at its end, so
the steps to plain's final test loss follow from the ends of runs of several lengths. How much longer a step with the
way takes is measured by steps in turns, in several processes. Three seeds have the controls: a larger rate, another β1,
AdEMAMix, increments that are not averaged, and plain runs that are shorter.

`conditions` is a row of its own: 600 steps of gpt2-nano with batches of other sizes, and with other γ, three seeds. At
each size, plain runs and the way have rates of their own, by a sweep.

A row is complete without controls: `controls` says which there are. Arms are kept, so that the same command continues
(`--fresh` measures everything). Each arm is a process with one thread, two at a time. Their seconds are processor time
from the first step on, without evaluations: other work on the machine disturbs them, and no ratio is made of them.
"""

from __future__ import annotations

import argparse
import math
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch
from arms import Arm, Arms, Figures, Settings
from measure import RESULTS, in_turns, read_rows, with_interval, with_origin, write_result
from paired import interval
from rich.console import Console

from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.training.onward import Onward

STEPS: Mapping[str, int] = {"gpt2-nano": 2000, "gpt2-micro": 600}
RATES: Mapping[str, Sequence[float]] = {"gpt2-nano": (1e-3, 2e-3, 3e-3), "gpt2-micro": (1e-3, 2e-3, 3e-3)}
DECAY: Mapping[str, float] = {"gpt2-nano": 0.98, "gpt2-micro": 0.97}
"""γ by model: about 50 and 33 steps are averaged, 2.5 and 5.5 % of the run."""
BETAS = (0.3, 0.6)
SPEEDS = (1.0, 1.15, 1.3)
"""Runs with the way have 1 / speed of plain's steps."""
SWEPT, SEEDS, CONTROLLED = 100, (1, 2, 3, 4, 5), (1, 2, 3)
CONDITIONS = "conditions"  # the row's name
CONDITIONS_OF, CONDITIONS_STEPS = "gpt2-nano", 600
BATCHES: Mapping[int, Sequence[float]] = {1: (1e-3, 2e-3), 4: (2e-3, 3e-3), 8: (2e-3, 4e-3)}
"""Rates by sequences a batch."""
DECAYS = (0.9, 0.95, 0.97, 0.99)
A_TURN, TURNS, PROCESSES = 5, 10, 9  # steps a turn, turns of each side in a process, and processes
INCOMPLETE = 3  # exit code


class IncompleteError(Exception):
    """Arms that a row needs are left, or have failed."""


class Row:
    """The arms of one row."""

    def __init__(self, model: str, steps: int, arms: Arms) -> None:
        self._arms, self.model, self.steps = arms, model, steps

    def settings(self, lr: float, seed: int, speed: float = 1.0, **changes: Any) -> Settings:
        """Return the settings of an arm."""
        return {
            "model": self.model,
            "steps": round(self.steps / speed),
            "preset": "tuned",
            "lr": lr,
            "seed": seed,
            "batch": 4,
            "length": 256,
            "device": "cpu",
            "evaluate_every": self.steps // 5,
            "test_sequences": 64,
            "average_every": 0,
            **changes,
        }

    def way(self, beta: float, **changes: Any) -> Settings:
        """Return the settings of a way, judged by nobody and without leaps."""
        return {
            "way": "ema-nesterov",
            "way_beta": beta,
            "way_decay": DECAY[self.model],
            "predictors": [],
            "recognizer": {"name": "every", "steps": 10**6},
            **changes,
        }

    def measure(self, arms: Mapping[str, Arm]) -> dict[str, Figures]:
        """Measure arms. Raises IncompleteError if any is left or has failed."""
        found, failed = self._arms.measure(arms)
        if len(found) < len(arms):
            raise IncompleteError(f"{len(arms) - len(found)} arms are left" + f", {len(failed)} failed" * bool(failed))
        return found

    def sweep(self, rates: Sequence[float], betas: Sequence[float], **changes: Any) -> dict[str, Any]:
        """Choose the rate of plain runs, and rate and β of the way, by the dev loss."""
        arms = {f"plain, lr {lr:g}": Arm(self.settings(lr, SWEPT, **changes), on_dev=True) for lr in rates}
        for lr, beta in product(rates, betas):
            settings = self.settings(lr, SWEPT, **self.way(beta, **changes))
            arms[f"way, lr {lr:g}, beta {beta:g}"] = Arm(settings, speculate=True, on_dev=True)
        found = {name: run["dev_loss"] for name, run in self.measure(arms).items()}
        best = {
            kind: min((name for name in arms if name.startswith(kind)), key=lambda name: found[name] or math.inf)
            for kind in ("plain", "way")
        }
        return {"dev_loss": found, "chosen": best, "arms": {kind: arms[name] for kind, name in best.items()}}

    def main(self, chosen: Mapping[str, Arm]) -> dict[str, Any]:
        """Measure plain runs and the way at each speed, by seed."""
        arms: dict[str, Arm] = {}
        for seed in SEEDS:
            arms[f"plain {seed}"] = Arm({**chosen["plain"].settings, "seed": seed})
            for speed in SPEEDS:
                steps = {"seed": seed, "steps": round(self.steps / speed)}
                arms[f"way at {speed:g} {seed}"] = Arm({**chosen["way"].settings, **steps}, speculate=True)
        found = self.measure(arms)
        plain = [found[f"plain {seed}"] for seed in SEEDS]
        ways = [[found[f"way at {speed:g} {seed}"] for speed in SPEEDS] for seed in SEEDS]
        speedups = [speedup(run, others) for run, others in zip(plain, ways, strict=True)]
        known = [each for each in speedups if each is not None]
        as_long = [runs[0] for runs in ways]
        ratio = seconds_a_step(chosen["way"].settings)
        return {
            "seeds": list(SEEDS),
            "plain": _short(plain),
            "way": {f"{speed:g}": _short([runs[i] for runs in ways]) for i, speed in enumerate(SPEEDS)},
            "loss_difference": _difference(as_long, plain),
            "seconds_a_step_ratio": ratio,
            "net_speedup": over(interval(known), ratio) if len(known) == len(ways) else None,
            "speedups_in_steps": speedups,
        }

    def controls(self, chosen: Mapping[str, Arm]) -> dict[str, Any]:
        """Measure the controls, by seed, beside plain runs."""
        plain, way = chosen["plain"].settings, chosen["way"].settings
        beta = way["way_beta"]
        kinds: dict[str, tuple[Settings, bool]] = {
            f"plain, {1 / SPEEDS[1]:.0%} of the steps": ({**plain, "steps": round(self.steps / SPEEDS[1])}, False),
            "plain, rate / (1 - beta)": ({**plain, "lr": plain["lr"] / (1 - beta)}, False),
            "plain, beta1 0.95": ({**plain, "betas": [0.95, 0.95]}, False),
            "AdEMAMix, alpha 1, beta3 0.98": ({**plain, "optimizer": "ademamix"}, False),
            "increments not averaged": ({**way, "way_decay": 0.02}, True),
        }
        arms = {
            f"{name} {seed}": Arm({**settings, "seed": seed}, speculate=speculates)
            for seed, (name, (settings, speculates)) in product(CONTROLLED, kinds.items())
        }
        base = {f"plain {seed}": Arm({**plain, "seed": seed}) for seed in CONTROLLED}
        found = self.measure({**base, **arms})

        def of(name: str) -> list[Figures]:
            return [found[f"{name} {seed}"] for seed in CONTROLLED]

        return {name: {**_short(of(name)), "loss_difference": _difference(of(name), of("plain"))} for name in kinds}

    def conditions(self) -> dict[str, Any]:
        """Measure how much lower the way ends, by sequences a batch, and by γ."""
        usual = {"way_decay": DECAY["gpt2-micro"]}  # chosen for as many steps
        swept = {size: self.sweep(rates, BETAS[-1:], batch=size, **usual) for size, rates in BATCHES.items()}
        found: dict[str, Any] = {}
        for size, sweep in swept.items():
            found[f"batch {size}"] = self._paired(sweep["arms"])
        chosen = swept[4]["arms"]
        for decay in DECAYS:
            way = chosen["way"]._replace(settings={**chosen["way"].settings, "way_decay": decay})
            found[f"gamma {decay:g}"] = self._paired({**chosen, "way": way})
        return {"conditions": found, "sweep": {size: sweep["dev_loss"] for size, sweep in swept.items()}}

    def _paired(self, chosen: Mapping[str, Arm]) -> dict[str, Any]:
        """Return the loss with the way less that of plain runs, and the settings of both."""
        arms = {
            f"{kind} {seed}": Arm({**chosen[kind].settings, "seed": seed}, speculate=kind == "way")
            for kind, seed in product(("plain", "way"), CONTROLLED)
        }
        found = self.measure(arms)
        plain, way = ([found[f"{kind} {seed}"] for seed in CONTROLLED] for kind in ("plain", "way"))
        rates = {kind: chosen[kind].settings["lr"] for kind in ("plain", "way")}
        return {"lr": rates, "plain": _short(plain), "way": _short(way), "loss_difference": _difference(way, plain)}


def speedup(plain: Figures, ways: Sequence[Figures]) -> float | None:
    """Return plain's steps over those in which a run with the way would end at plain's final test loss.

    The loss at the end of a run is taken as linear in its steps: a line by least squares over the runs of all lengths.
    None if a run has diverged, or if longer runs do not end lower.
    """
    if any(run["test_loss"] is None for run in (plain, *ways)):
        return None
    fit = statistics.linear_regression([run["steps"] for run in ways], [run["test_loss"] for run in ways])
    if fit.slope >= 0:
        return None
    at = (plain["test_loss"] - fit.intercept) / fit.slope
    return float(plain["steps"] / at) if at > 0 else None


def over(steps: Mapping[str, Any], ratio: Mapping[str, float]) -> dict[str, Any]:
    """Return a speed-up in steps over the ratio of a step's seconds. Its interval covers those of both."""
    ends = {"low": steps["low"] / ratio["high"], "high": steps["high"] / ratio["low"]}
    return {"mean": steps["mean"] / ratio["median"], **ends, "n": steps["n"]}


def seconds_a_step(way: Settings, processes: int = PROCESSES) -> dict[str, float]:
    """Return how much longer a step with the way takes than a plain one, in processor time: median and 95 % interval.

    Each process has a ratio of its own, which depends on where its memory lies, so several are started in turn.
    """
    ratios = list[float]()
    for _ in range(processes):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            ratios.append(process.submit(ratio_of_seconds, way).result())
    return with_interval(ratios)


def ratio_of_seconds(way: Settings) -> float:
    """Return the median ratio over turns of several steps, with the way and without it, of one training."""
    torch.set_num_threads(1)
    begun = {"evaluate_every": 10**6, "steps": 10**6, "way_start": 0, "way_decay": 0.5}
    training = NetworkBackend(NetworkConfig.model_validate({**way, **begun})).computation(plain=False)
    training.advance(A_TURN)
    onward = training._onward

    def turn(used: Onward | None) -> None:
        training._onward = used
        training.advance(A_TURN)

    return in_turns(partial(turn, onward), partial(turn, None), TURNS, clock=processor_seconds)["median"]


def processor_seconds(call: Callable[[], Any]) -> float:
    """Return the processor time of one call."""
    began = time.process_time()
    call()
    return time.process_time() - began


def _difference(runs: Sequence[Figures], plain: Sequence[Figures]) -> dict[str, Any] | None:
    if any(run["test_loss"] is None for run in runs):
        return None
    return interval([run["test_loss"] - base["test_loss"] for run, base in zip(runs, plain, strict=True)])


def _short(runs: Sequence[Figures]) -> dict[str, Any]:
    return {
        "test_loss": [run["test_loss"] for run in runs],
        "seconds": [round(run["seconds"], 1) for run in runs],
        "steps": [run["steps"] for run in runs],
    }


def row(model: str, arms: Arms, console: Console) -> dict[str, Any]:
    """Return a row. Raises IncompleteError if the arms of the main comparison are not all there."""
    if model == CONDITIONS:
        found = Row(CONDITIONS_OF, CONDITIONS_STEPS, arms).conditions()
        return {"row": CONDITIONS, "model": CONDITIONS_OF, "steps": CONDITIONS_STEPS, "threads": 1, **found}
    measured = Row(model, STEPS[model], arms)
    swept = measured.sweep(RATES[model], BETAS)
    chosen: dict[str, Arm] = swept.pop("arms")
    main = measured.main(chosen)
    try:
        controls = measured.controls(chosen)
    except IncompleteError as why:
        console.print(f"{model}: {why} of the controls; the same command continues with them.")
        controls = {}
    net = main["net_speedup"]
    settings = {kind: arm.settings for kind, arm in chosen.items()}
    return {
        "row": model,
        "steps": STEPS[model],
        "threads": 1,
        "settings": settings,
        "sweep": swept,
        **main,
        "controls": controls,
        "goal": "net speed-up >= 1.05, interval above 1",
        "met": net is not None and net["mean"] >= 1.05 and net["low"] > 1,
    }


def main() -> int:
    """Measure the rows that are named; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    rows = [*STEPS, CONDITIONS]
    parser.add_argument("rows", nargs="*", choices=[*rows, []], metavar="ROW", help="by default all")
    parser.add_argument("--workers", type=int, default=2, help="arms at a time")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder that results and arms are kept in")
    parser.add_argument("--minutes", type=float, default=math.inf, help="start no arm that would end later than this")
    parser.add_argument("--fresh", action="store_true", help="measure again what has been measured")
    parser.add_argument("--any-commit", action="store_true", help="let arms measured on other commits count")
    options, console = parser.parse_args(), Console(stderr=True, markup=False)
    command = shlex.join(["python", "benchmarks/going_on.py", *sys.argv[1:]])
    arms = Arms(
        options.results / "ways-arms.jsonl",
        torch.device("cpu"),
        console.print,
        workers=options.workers,
        minutes=options.minutes,
        any_commit=options.any_commit,
        fresh=options.fresh,
    )
    known, left = read_rows("ways", options.results), False
    for name in options.rows or rows:
        try:
            found = row(name, arms, console)
        except IncompleteError as why:
            console.print(f"{name}: {why}; the same command continues with them.")
            left = True
            continue
        left = left or not found.get("controls", True)
        (known[name],) = with_origin([found], command)
        body = {"rows": [known[each] for each in rows if each in known], "torch": torch.__version__}
        write_result("ways", body, options.results)
    return INCOMPLETE if left else 0


if __name__ == "__main__":
    sys.exit(main())
