"""What tells where a linear leap is right: `python benchmarks/chaos.py`; about ten minutes on one core.

Trains `gpt2-nano` at six peak rates (WSD, the last 40 % falling). At states of each run three recognizers say where a
leap of 10, 50 or 100 steps is worth while: `lyapunov`, `activation-cosine` with published limits, and the phase of the
learning rate (yes while it is at its peak). Then comes the truth, by real steps from the leap and from here on the same
batches, which are undone: whether the gate loss after ten of them is lower, and whether the leap is nearer than
standing still to the weights that the training itself reaches.

Every state and the tables go to results/chaos.json. Accuracy is balanced: the mean of the shares of right leaps that a
recognizer lets pass and of wrong leaps that it refuses, 0.5 where it tells nothing. AUC is the chance that its figure
(-λ, the cosine, the rate as a share of its peak) is higher at a right leap than at a wrong one. Beside the three stands
the negative rate itself, which no recognizer reads.
"""

from __future__ import annotations

import argparse
import math
import shlex
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from measure import origin, write_result
from rich.console import Console
from rich.table import Table

from asc.predictors.linear import Linear
from asc.recognizers.thresholds import Fixed
from asc.trajectory import SegmentHistory
from asc.types import Candidate, Plan, Snapshot
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.recognizers.activation_cosine import ActivationCosine
from asc_nn_training.recognizers.lyapunov import Lyapunov
from asc_nn_training.weights.weights import Values

RATES = (5e-5, 2e-4, 5e-4, 1e-3, 2e-3, 4e-3)
HORIZONS = (10, 50, 100)
EVERY = 50  # steps between snapshots
PROBATION, LOOKS = 10, (0, 1, 2)
TRUTHS = ("loss", "distance")

Row = dict[str, Any]
RECOGNIZERS: dict[str, tuple[Callable[[Row, int], bool] | None, Callable[[Row], float | None]]] = {
    "lyapunov": (
        lambda row, horizon: row["furthest"] is None or horizon <= row["furthest"],
        lambda row: -row["exponent"],
    ),
    "activation-cosine": (lambda row, _: row["regime"] == "stable", lambda row: row["similarity"]),
    "rate phase": (lambda row, _: row["share_of_peak"] == 1.0, lambda row: row["share_of_peak"]),
    "rate itself": (None, lambda row: -row["rate"]),
}
"""What each says of a leap, and the figure that it says it by; higher is calmer."""


def states(peak: float, seed: int, options: argparse.Namespace) -> list[Row]:
    """Train once at this peak rate, and look at every second boundary."""
    config = NetworkConfig.model_validate(
        {
            "model": options.model,
            "steps": options.steps,
            "schedule": "wsd",
            "wsd_decay": 0.4,
            "warmup": EVERY,
            "lr": peak,
            "seed": seed,
            "batch": 8,
            "length": 32,
            "vocabulary": 1024,
            "device": "cpu",
            "average_every": 0,
            "evaluate_every": options.steps,
        }
    )
    computation = NetworkBackend(config).computation(plain=True)
    twin = Lyapunov(Lyapunov.Config(every=EVERY, share=1.0))
    regimes = ActivationCosine(ActivationCosine.Config(every=EVERY, thresholds=Fixed.Config()))
    snapshots, rows = list[Snapshot](), list[Row]()
    while computation.position() + EVERY + max(HORIZONS) <= options.steps:
        computation.advance(EVERY)
        snapshots = [*snapshots[-1:], computation.observe()]
        recognition = regimes.recognise(computation)
        if len(snapshots) < 2 or computation.position() % (2 * EVERY):
            continue
        twin.load_state_dict({**twin.state_dict(), "look_at": 0})  # look at each state
        bound, rate = twin.recognise(computation), computation.training.rate(computation.position())
        row = {"peak": peak, "seed": seed, "position": computation.position(), "rate": rate}
        row |= {"share_of_peak": round(rate / peak, 6), "exponent": bound.score, "furthest": bound.furthest}
        row |= {"regime": recognition.label, "similarity": recognition.score}
        rows.append(row | {"leaps": truth(computation, snapshots)})
    return rows


def truth(computation: NetworkComputation, snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    """Return, for each horizon, what a linear leap does to the gate loss, and to the distance to the continuation."""
    here, continued, leaps = computation.weights.copy(), dict[int, Values](), dict[str, Any]()
    with computation.excursion():
        for step in range(1, max(HORIZONS) + 1):
            computation.training.step()
            if step in HORIZONS:
                continued[step] = computation.weights.copy()
    stay = computation.trial(None, PROBATION, LOOKS)
    for horizon in HORIZONS:
        prediction = Linear().predict(SegmentHistory(snapshots, computation), horizon)
        assert prediction is not None
        candidate = computation.materialise(prediction, snapshots, Plan("linear", horizon))
        assert isinstance(candidate, Candidate)
        there = computation.trial(candidate.state, PROBATION, LOOKS)
        with computation.excursion():
            candidate.state.put(computation.weights, computation.present())
            missed = apart(computation.weights.tensors, continued[horizon])
        changes = [(there[look] - stay[look]).mean() for look in LOOKS]
        leaps[str(horizon)] = {
            "loss": float(statistics.fmean(changes)),  # below zero is right
            "distance": missed / apart(here, continued[horizon]) - 1,  # the same
        }
    return leaps


def apart(left: Values, right: Values) -> float:
    """Return the L2 distance of weights."""
    return math.sqrt(sum((a - b).double().square().sum().item() for a, b in zip(left, right, strict=True)))


def judged(rows: Sequence[Row]) -> list[Row]:
    """Return, for each truth, horizon and recognizer, how well it tells right leaps from wrong ones."""
    found = []
    for truth_name in TRUTHS:
        for horizon in HORIZONS:
            right = [row["leaps"][str(horizon)][truth_name] < 0 for row in rows]
            for name, (says, figure) in RECOGNIZERS.items():
                yes = None if says is None else [says(row, horizon) for row in rows]
                known = [(figure(row), is_right) for row, is_right in zip(rows, right, strict=True)]
                figures = {
                    side: [value for value, is_right in known if value is not None and is_right is side]
                    for side in (True, False)
                }
                found.append(
                    {
                        "truth": truth_name,
                        "horizon": horizon,
                        "recognizer": name,
                        "states": len(rows),
                        "right": sum(right),
                        "passed": None if yes is None else sum(yes),
                        "right_of_passed": None
                        if yes is None
                        else sum(a and b for a, b in zip(yes, right, strict=True)),
                        "accuracy": None if yes is None else accuracy(yes, right),
                        "auc": auc(figures[True], figures[False]),
                    }
                )
    return found


def accuracy(yes: Sequence[bool], right: Sequence[bool]) -> float | None:
    """Return the balanced accuracy; None where all leaps are right, or all are wrong."""
    shares = []
    for side in (True, False):
        agreed = [said is side for said, is_right in zip(yes, right, strict=True) if is_right is side]
        if not agreed:
            return None
        shares.append(statistics.fmean(agreed))
    return statistics.fmean(shares)


def auc(right: Sequence[float], wrong: Sequence[float]) -> float | None:
    """Return the chance that a figure of a right leap is above one of a wrong leap, a tie counting half."""
    if not right or not wrong:
        return None
    return statistics.fmean((a > b) + (a == b) / 2 for a in right for b in wrong)


def table(found: Sequence[Row], truth_name: str) -> Table:
    """Return the table of one truth."""
    title = {"loss": f"lower gate loss after {PROBATION} real steps", "distance": "nearer to the real continuation"}
    heads = ("K", "right", "recognizer", "right of passed", "right of refused", "accuracy", "AUC")
    shown = Table(*heads, title=title[truth_name])
    for row in found:
        if row["truth"] == truth_name:
            sides = ["", ""]
            if row["passed"] is not None:
                refused, missed = row["states"] - row["passed"], row["right"] - row["right_of_passed"]
                sides = [f"{row['right_of_passed']} of {row['passed']}", f"{missed} of {refused}"]
            scores = ["" if row[name] is None else f"{row[name]:.2f}" for name in ("accuracy", "auc")]
            right = f"{row['right']} of {row['states']}"
            shown.add_row(str(row["horizon"]), right, row["recognizer"], *sides, *scores)
    return shown


def main() -> None:
    """Measure all states, and write the result."""
    parser = argparse.ArgumentParser(description="Which recognizer tells where a linear leap is right.")
    parser.add_argument("--model", default="gpt2-nano")
    parser.add_argument("--steps", type=int, default=900, help="of each run; the last 40 %% at a falling rate")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="peak learning rates")
    parser.add_argument("--result", default="chaos", help="name of the file in results/")
    options = parser.parse_args()
    torch.set_num_threads(1)
    console, began, rows = Console(stderr=True), time.time(), list[Row]()
    for seed in range(options.seeds):
        for peak in options.rates:
            rows += states(peak, seed, options)
            console.print(f"seed {seed}, rate {peak:g}: {len(rows)} states, {time.time() - began:.0f} s")
    if not rows:
        parser.error(f"--steps is {options.steps}: give at least {2 * EVERY + max(HORIZONS)}, for one state")
    found = judged(rows)
    for truth_name in TRUTHS:
        console.print(table(found, truth_name))
    command = shlex.join(["python", "benchmarks/chaos.py", *sys.argv[1:]])
    told = {"origin": origin(command), "seconds": round(time.time() - began), "threads": 1}
    write_result(options.result, {**told, "recognizers": found, "states": rows})


if __name__ == "__main__":
    main()
