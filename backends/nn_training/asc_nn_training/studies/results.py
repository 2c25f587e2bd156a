"""What the journals of a study say: regimes labelled, candidates counted, gains compared with those of real steps."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from asc.recognizers.thresholds import Fixed, Learned, Quantile, Regime, ThresholdsConfig, build
from asc_nn_training.studies.forms import FORMS, As
from asc_nn_training.studies.journal import JOURNAL, Journal

REGIMES: tuple[Regime, ...] = ("unknown", "chaotic", "transition", "stable")
CRITERIA = ("strict", "adaptive", "adaptive-as-coded", "proximity", "proximity-as-coded", "paired")


class Swept(Protocol):
    """What the results depend on, of a study's settings."""

    @property
    def model(self) -> str:
        """The model's name."""

    @property
    def as_(self) -> As:
        """Which forms were swept."""

    @property
    def horizons(self) -> tuple[int, ...]:
        """Steps K, ascending."""

    @property
    def thresholds(self) -> ThresholdsConfig:
        """By what regimes are labelled."""


class Log(NamedTuple):
    """One seed's journal."""

    seed: int
    snapshots: list[dict[str, Any]]  # by position
    losses: dict[int, float]  # on the judging set, wherever they were read
    reports: dict[int, float]  # on the set that never judges, likewise
    end: dict[str, Any] | None  # None while it is not done


class Try(NamedTuple):
    """A candidate with its circumstances."""

    log: int  # which of the logs
    label: str
    horizon: int
    form: str
    current: float
    report_before: float
    true: float  # loss K real steps on
    report_true: float | None  # the same on the set that never judges
    candidate: Mapping[str, Any]

    @property
    def loss(self) -> float:
        """The candidate's loss; infinite where it was no number."""
        found = self.candidate["loss"]
        return math.inf if found is None else float(found)

    @property
    def reported(self) -> float | None:
        """The change on the set that never judges; None where it was not read, or was no number."""
        found = self.candidate.get("report")
        return None if found is None else float(found) - self.report_before


def part(seed: int) -> str:
    """Return the name of a seed's folder."""
    return f"seed-{seed}"


def load(folder: Path, seeds: Sequence[int]) -> list[Log]:
    """Return the logs of the seeds that have a snapshot."""
    return [log for seed in seeds if (log := _log(folder, seed)).snapshots]


def ended(folder: Path, seed: int) -> bool:
    """Whether a seed is done to its end."""
    return any(record["kind"] == "end" for record in Journal(folder / part(seed) / JOURNAL))


def reached(folder: Path, seed: int) -> int:
    """Return the last position in a seed's journal."""
    return max((int(record["position"]) for record in Journal(folder / part(seed) / JOURNAL)), default=0)


def _log(folder: Path, seed: int) -> Log:
    records = list(Journal(folder / part(seed) / JOURNAL))
    read = [r for r in records if r["kind"] != "end" and r["loss"] is not None and r.get("report", 0.0) is not None]
    return Log(
        seed,
        [record for record in read if record["kind"] == "snapshot"],
        {record["position"]: record["loss"] for record in read},
        {record["position"]: record["report"] for record in read if "report" in record},
        next((record for record in records if record["kind"] == "end"), None),
    )


# -- regimes


class Labelled(NamedTuple):
    """Every seed's regimes by one way of setting the limits."""

    name: str
    labels: list[list[str]]  # by log, then by snapshot
    told: str  # where the limits come from


def labelled(logs: Sequence[Log], chosen: ThresholdsConfig) -> list[Labelled]:
    """Label all snapshots by the limits that were chosen, and by every other way; the chosen one comes first.

    `recalibrated` is how the published limits came to be: the 30th and 70th percentiles of whole trainings, the future
    included, averaged over seeds.
    """
    ways: list[tuple[str, ThresholdsConfig, str]] = [
        ("published", Fixed.Config(), "stable from 0.99949, chaotic to 0.99627, as in the published code"),
    ]
    limits = recalibrated(logs)
    if limits is not None:
        told = f"stable from {limits.stable:.6f}, chaotic to {limits.chaotic:.6f}: mean percentiles of these trainings"
        ways.append(("recalibrated", limits, told))
    ways += [
        ("quantile", Quantile.Config(), "percentiles of each training so far, never of its future"),
        ("learned", Learned.Config(), "begin as published, then follow where linear candidates pass the paired test"),
    ]
    found = [Labelled(name, [labels(log.snapshots, config) for log in logs], told) for name, config, told in ways]
    known = next((place for place, (_, config, _) in enumerate(ways) if config == chosen), None)
    if known is None:
        told = f"{chosen.name} with the settings {chosen.model_dump_json(exclude={'name'})}"
        found.insert(0, Labelled("configured", [labels(log.snapshots, chosen) for log in logs], told))
    else:
        found.insert(0, found.pop(known))
    return found


def recalibrated(logs: Sequence[Log]) -> Fixed.Config | None:
    """Return limits found as the published ones were; None where there is too little to tell."""
    seen = [[s["each"] for s in log.snapshots if s["each"] is not None] for log in logs]
    seen = [values for values in seen if len(values) > 1]
    if not seen:
        return None
    low, high = (float(np.mean([np.percentile(values, share) for values in seen])) for share in (30, 70))
    return Fixed.Config(chaotic=low, stable=high) if -1 <= low < high <= 1 else None


def labels(snapshots: Sequence[Mapping[str, Any]], config: ThresholdsConfig) -> list[str]:
    """Return the regime of each snapshot of a training, which those after it do not change."""
    thresholds = build(config)
    found: list[str] = []
    for snapshot in snapshots:
        similarity = snapshot["each"]
        found.append("unknown" if similarity is None else thresholds.label(similarity))
        verdicts = ["paired" in c["accepted"] for c in snapshot["candidates"] if c["form"] == "linear"]
        if isinstance(thresholds, Learned) and similarity is not None and verdicts:
            thresholds.learn(similarity, any(verdicts))
    return found


# -- candidates


def tries(logs: Sequence[Log], regimes: Labelled) -> list[Try]:
    """Return every candidate whose true loss is known."""
    return list(_tries(logs, regimes))


def _tries(logs: Sequence[Log], regimes: Labelled) -> Iterator[Try]:
    for place, (log, told) in enumerate(zip(logs, regimes.labels, strict=True)):
        waver = float(np.std([snapshot["loss"] for snapshot in log.snapshots]))
        for snapshot, label in zip(log.snapshots, told, strict=True):
            for candidate in snapshot["candidates"]:
                ahead = snapshot["position"] + candidate["horizon"]
                true = log.losses.get(ahead)
                if true is None:  # the training has not come so far yet
                    continue
                accepted = list(candidate["accepted"])
                if candidate["loss"] is not None and candidate["loss"] < snapshot["loss"] + waver:
                    accepted.append("adaptive-as-coded")
                yield Try(
                    place,
                    label,
                    candidate["horizon"],
                    candidate["form"],
                    snapshot["loss"],
                    snapshot["report"],
                    true,
                    log.reports.get(ahead),
                    {**candidate, "accepted": accepted},
                )


class Rate(NamedTuple):
    """A share over seeds: one number a seed that had any, and how many there were in all."""

    seeds: list[float]
    n: int

    @property
    def mean(self) -> float | None:
        """The mean over seeds."""
        return float(np.mean(self.seeds)) if self.seeds else None

    @property
    def std(self) -> float | None:
        """The standard deviation over seeds, of a sample; None for a single one."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else None


def rate(found: Sequence[Try], holds: Callable[[Try], bool]) -> Rate:
    """Return the share of candidates of which something holds, seed by seed."""
    by_seed: dict[int, list[bool]] = {}
    for each in found:
        by_seed.setdefault(each.log, []).append(holds(each))
    return Rate([float(np.mean(values)) for _, values in sorted(by_seed.items())], len(found))


def accepted(criterion: str) -> Callable[[Try], bool]:
    """Return what says whether a candidate was accepted by a criterion."""
    return lambda each: criterion in each.candidate["accepted"]


class Worth(NamedTuple):
    """What leaps of one kind achieved beside as many real steps; losses in nats a token, costs in plain steps."""

    n: int
    predicted: float | None  # mean change of the judging loss; None where a loss was no number
    true: float  # mean change by K real steps
    share: float | None  # of the gain of K real steps; None where those gained nothing
    shares: list[float]  # the same seed by seed
    cost: float  # of one candidate: its prediction and its gate pass
    net: float | None  # plain steps gained if it is taken where strictly better; both losses those of the other set
    net_n: int  # candidates that this is told from: those with the other set's loss at t + K


def worth(found: Sequence[Try], horizon: int) -> Worth | None:
    """Return what these candidates, all of one horizon, were worth; None where there are none.

    The cost is that of the candidate alone: the fingerprint, the copy of the weights and the pass with the present ones
    are shared by all candidates of a snapshot, and not in it.
    """
    if not found:
        return None
    cost = float(np.mean([each.candidate["cost"] for each in found]))
    predicted, true, share = _share(found)
    by_seed = [_share([each for each in found if each.log == log])[2] for log in sorted({each.log for each in found})]
    shares = [each for each in by_seed if each is not None]
    known = [each for each in found if each.report_true is not None]
    real = sum(each.report_true - each.report_before for each in known if each.report_true is not None)
    taken = sum(each.reported or 0.0 for each in known)  # nothing, where it was refused
    net = horizon * taken / real - cost if real < 0 else None
    return Worth(len(found), predicted, true, share, shares, cost, net, len(known))


def _share(found: Sequence[Try]) -> tuple[float | None, float, float | None]:
    """Return the mean changes by the leaps and by real steps, and the one over the other where both mean something."""
    changes = [each.loss - each.current for each in found]
    true = float(np.mean([each.true - each.current for each in found]))
    predicted = float(np.mean(changes)) if all(map(math.isfinite, changes)) else None
    return predicted, true, predicted / true if predicted is not None and true < 0 else None


def ratio(found: Sequence[Try]) -> float:
    """Return the mean loss under these candidates over that of the present weights; infinite where one is none."""
    return float(np.mean([each.loss for each in found]) / np.mean([each.current for each in found]))


def chosen(found: Sequence[Try], **wanted: Any) -> list[Try]:
    """Return the candidates with these properties; those of a tuple are any of them."""
    return [
        each
        for each in found
        if all(
            getattr(each, name) in value if isinstance(value, tuple) else getattr(each, name) == value
            for name, value in wanted.items()
        )
    ]


def boundaries(log: Log, regimes: Sequence[str]) -> tuple[int | None, int | None]:
    """Return the step at which the training first is not chaotic any more, and at which it first is stable."""
    told = [(s["position"], label) for s, label in zip(log.snapshots, regimes, strict=True) if label != "unknown"]
    calm = next((position for position, label in told if label != "chaotic"), None)
    return calm, next((position for position, label in told if label == "stable"), None)


def data(logs: Sequence[Log], config: Swept) -> dict[str, Any]:
    """Return everything as numbers."""
    ways = labelled(logs, config.thresholds) if logs else []
    return {
        "seeds": [_seed(log) for log in logs],
        "regimes": {
            way.name: {
                "limits": way.told,
                "counts": {regime: [told.count(regime) for told in way.labels] for regime in REGIMES},
                "boundaries": [boundaries(log, told) for log, told in zip(logs, way.labels, strict=True)],
            }
            for way in ways
        },
        "cells": [cell for way in ways[:2] for cell in _cells(tries(logs, way), way.name, config)],
    }


def _cells(found: Sequence[Try], way: str, config: Swept) -> Iterator[dict[str, Any]]:
    for regime in (*REGIMES[1:], "any"):
        here = found if regime == "any" else chosen(found, label=regime)
        for form in FORMS:
            for horizon in config.horizons:
                cell = chosen(here, form=form, horizon=horizon)
                what = worth(cell, horizon)
                if what is None:
                    continue
                shares = {name: rate(cell, accepted(name)) for name in CRITERIA}
                losses = [each.loss for each in cell]
                finite = all(map(math.isfinite, losses))
                yield {
                    "thresholds": way,
                    "regime": regime,
                    "form": form,
                    "horizon": horizon,
                    "accepted": {name: {"mean": s.mean, "std": s.std, "seeds": s.seeds} for name, s in shares.items()},
                    "predicted_loss": float(np.mean(losses)) if finite else None,
                    "current_loss": float(np.mean([each.current for each in cell])),
                    **what._asdict(),
                }


def _seed(log: Log) -> dict[str, Any]:
    return {
        "seed": log.seed,
        "snapshots": len(log.snapshots),
        "similarity": [[s["position"], s["each"], s["joined"]] for s in log.snapshots],
        "loss": [[position, loss] for position, loss in sorted(log.losses.items())],
        "past_end": sum(len(s["past_end"]) for s in log.snapshots),
        "cascades": [
            {"position": s["position"], **cascade} for s in log.snapshots for cascade in s.get("cascades", ())
        ],
        "end": log.end,
    }
