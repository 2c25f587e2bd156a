"""Leaps that are judged by reward, in GRPO: `python benchmarks/rewards.py [SEED...]`. Rows go to results/rewards.json.

The training is that of `examples/grpo_arithmetic.py` with fresh noise, for each seed from the same weights in all ways:
plain; with leaps of K steps every Δ steps by a predictor, which are taken if sums that the training does not see are
solved more often; and as the control, without leaps at a higher rate, by which the weights move as far as with a leap
at every boundary. The ways take turns, epoch by epoch. Seconds are processor time of one thread, judging included.

The steps and seconds count until the mean reward of three epochs is that of the plain training's last three.
"""

from __future__ import annotations

import argparse
import importlib
import shlex
import sys
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from measure import RESULTS, read_rows, with_origin, write_result
from torch import Tensor, nn

from asc_nn_training import Speculation
from asc_nn_training.generation.speculative import SpeculativeGeneration

APART, AHEAD = 8, 16  # Δ and K, in steps
LOOK, MEAN = 256, 3  # sums that judge a leap, and epochs of a mean
EXAM = 2048  # other sums that are solved at the end
LEAPS = ("linear", "rank-one")
CONTROL = f"rate x {1 + AHEAD // APART}"


def leaping(example: Any, model: nn.Module, optimizer: torch.optim.Optimizer, predictor: str) -> Speculation:
    """Return a speculation whose leaps are judged by reward, on as many sums as pay, without a bound on its costs."""
    generation = SpeculativeGeneration()  # always the same noise, so that two looks differ by the weights alone

    def score(judged: nn.Module, batch: Tensor) -> Tensor:
        terms: list[list[int]] = batch.tolist()
        found = generation.generate(judged, [example.prompt(each) for each in terms], example.sampling(seed=1))
        return torch.tensor([example.reward(terms[text.prompt], text.tokens) for text in found.texts])

    return Speculation(
        model,
        optimizer,
        gate=[torch.tensor(example.sums(LOOK, seed=2 * 10**9 + part)) for part in range(4)],
        score=score,
        every=APART,
        horizons=AHEAD,
        predictors=predictor,
        validator={"name": "held-out-loss", "criterion": "strict"},
        overdraft=1e6,
    )


def measured(example: Any, seed: int) -> dict[str, Any]:
    """Return the row of a seed: the rewards by epoch of every way, and when they reach that of plain training."""
    recipe = example.Recipe(seed=seed, fresh=True, drafts=False)
    taught = example.taught(recipe)
    recipes = dict.fromkeys(("plain", *LEAPS), recipe)
    recipes[CONTROL] = replace(recipe, rate=recipe.rate * (1 + AHEAD / APART))
    models = {name: deepcopy(taught) for name in recipes}
    speculations: dict[str, Speculation] = {}
    runs: dict[str, Any] = {}
    for name, each in recipes.items():
        optimizer, stepped = example.adam(models[name], each), _nothing
        if name in LEAPS:
            speculations[name] = leaping(example, models[name], optimizer, name)
            stepped = speculations[name].step
        runs[name] = example.reinforced(models[name], optimizer, each, stepped)
    epochs: dict[str, list[Any]] = {name: [] for name in runs}
    for number in range(recipe.epochs):
        for name in list(runs) if number % 2 else list(runs)[::-1]:
            epochs[name].append(next(runs[name]))
    target = _mean([epoch.reward for epoch in epochs["plain"][-MEAN:]])
    ways = {}
    for name, found in epochs.items():
        reached = until([epoch.reward for epoch in found], target)
        ways[name] = {
            "rewards": [epoch.reward for epoch in found],
            "seconds": [round(epoch.seconds, 3) for epoch in found],
            "epochs": reached,
            "seconds_until": None if reached is None else _partly([epoch.seconds for epoch in found], reached),
            "solved": example.solved(models[name], EXAM),
        }
    for name, speculation in speculations.items():
        ways[name]["outcomes"] = speculation.report()["outcomes"]
    return {"row": f"seed {seed}", "target": target, "before": example.solved(taught, EXAM), "ways": ways}


def until(rewards: Sequence[float], target: float) -> float | None:
    """Return after how many epochs the mean of the newest three reaches a reward, parts of one by a line; or None."""
    means = [_mean(rewards[end - MEAN : end]) for end in range(MEAN, len(rewards) + 1)]
    for at, mean in enumerate(means):
        if mean >= target:
            before = means[at - 1] if at else mean
            part = (target - before) / (mean - before) if mean > before else 1.0
            return MEAN + at - 1 + part
    return None


def _partly(seconds: Sequence[float], epochs: float) -> float:
    whole = int(epochs)
    return sum(seconds[:whole]) + (epochs - whole) * seconds[whole] if whole < len(seconds) else sum(seconds)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _nothing() -> None:
    """Do nothing after a step."""


def main() -> None:
    """Measure the seeds that are named, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("seeds", nargs="*", type=int, default=[1, 2, 3], metavar="SEED", help="by default 1 2 3")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result file")
    options = parser.parse_args()
    torch.set_num_threads(1)
    sys.path.insert(0, str(Path(__file__).parent.parent / "examples"))
    example = importlib.import_module("grpo_arithmetic")
    command = shlex.join(["python", "benchmarks/rewards.py", *sys.argv[1:]])
    known = read_rows("rewards", options.results)
    measure: Callable[[int], dict[str, Any]] = partial(measured, example)
    for seed in options.seeds:
        (row,) = with_origin([measure(seed)], command)
        known[row["row"]] = row
        settings = {"apart": APART, "ahead": AHEAD, "look": LOOK, "steps_of_an_epoch": steps_of_an_epoch(example)}
        body = {**settings, "rows": [known[name] for name in sorted(known)], "torch": torch.__version__}
        write_result("rewards", body, options.results)
        for name, way in row["ways"].items():
            print(f"seed {seed}, {name}: {way['epochs']} epochs, {way['seconds_until']} s, {way['solved']:.3f} solved")


def steps_of_an_epoch(example: Any) -> int:
    """Return how many steps an epoch has."""
    recipe = example.Recipe()
    return int(recipe.sums // recipe.batch)


if __name__ == "__main__":
    main()
