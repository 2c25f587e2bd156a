"""Arms beside the plain runs of the same seeds: when each reached the plain run's loss, and how the ends differ."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from measure import spread

T_975 = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776}  # Student's t, two-sided 95 %, by degrees of freedom


def crossing(curve: Sequence[Sequence[float]], goal: float) -> tuple[float, float] | None:
    """Return the step and the second at which a curve first reached the goal, on the line between two points."""
    for before, after in pairwise(curve):
        if after[2] <= goal:
            share = 1.0 if before[2] == after[2] else max(0.0, (before[2] - goal) / (before[2] - after[2]))
            return before[0] + share * (after[0] - before[0]), before[1] + share * (after[1] - before[1])
    return None


def interval(values: Sequence[float]) -> dict[str, Any]:
    """Return mean, standard deviation and 95 % interval of paired figures."""
    count = len(values)
    if count < 2:
        return {"mean": values[0], "sd": None, "low": None, "high": None, "n": count}
    mean, sd = statistics.mean(values), statistics.stdev(values)
    half = T_975.get(count - 1, 2.6) * sd / math.sqrt(count)
    return {"mean": mean, "sd": sd, "low": mean - half, "high": mean + half, "n": count}


def beside_plain(runs: Sequence[dict[str, Any]], plain: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return one arm's figures beside the plain runs of the same seeds."""
    reached = [crossing(run["curve"], base["test_loss"]) for run, base in zip(runs, plain, strict=True)]
    faster = [base["seconds"] / at[1] for base, at in zip(plain, reached, strict=True) if at is not None]
    whole = all(run["steps"] == base["steps"] and run["test_loss"] for run, base in zip(runs, plain, strict=True))
    pairs = list(zip(runs, plain, strict=True))
    warnings = sorted({sentence for run in runs for sentence in run.get("warnings", ())})
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
        "mean_accepted_horizon": [run.get("mean_accepted_horizon") for run in runs],
        "flops": [run.get("flops") for run in runs],
        "peak_memory_bytes": [run.get("peak_memory_bytes") for run in runs],
        **({"warnings": warnings} if warnings else {}),
    }
