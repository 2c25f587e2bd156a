"""Results of the journals of `leap-verify`: regimes, judged candidates, and gains compared with real steps."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from asc.recognizers.thresholds import Fixed, Learned, Quantile, Regime, ThresholdsConfig, build
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.predictor_forms import FORMS, As

REGIMES: tuple[Regime, ...] = ("unknown", "chaotic", "transition", "stable")
SHOWN = 2  # labellings whose candidates get tables and plots of their own: by the configured limits, and the next
CRITERIA = ("strict", "adaptive", "adaptive-as-coded", "proximity", "proximity-as-coded", "paired")


class SweepSettings(Protocol):
    """The settings of a study that its results depend on."""

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
        """The limits of the regimes."""


class SeedLog(NamedTuple):
    """One seed's journal."""

    seed: int
    snapshots: list[dict[str, Any]]  # by position
    losses: dict[int, float]  # on the judging set, by position
    reports: dict[int, float]  # on the set that never judges, by position
    end: dict[str, Any] | None  # None while the seed is not done


class JudgedCandidate(NamedTuple):
    """A candidate, the regime and losses at its snapshot, and the true losses K steps later."""

    log: int  # which of the logs
    regime: str
    horizon: int
    form: str
    current: float
    report_before: float
    true: float  # loss after K real steps
    report_true: float | None  # the same on the set that never judges
    record: Mapping[str, Any]  # the candidate's, from the journal

    @property
    def loss(self) -> float:
        """The candidate's loss; infinite if it was not finite."""
        found = self.record["loss"]
        return math.inf if found is None else float(found)

    @property
    def reported(self) -> float | None:
        """The change on the set that never judges; None if that loss was not read, or not finite."""
        found = self.record.get("report")
        return None if found is None else float(found) - self.report_before

    @property
    def change(self) -> float:
        """The change of the judging loss."""
        return self.loss - self.current


def seed_folder(folder: Path, seed: int) -> Path:
    """Return the folder of a seed."""
    return folder / f"seed-{seed}"


def load_logs(folder: Path, seeds: Sequence[int]) -> list[SeedLog]:
    """Return the logs of the seeds that have a snapshot."""
    return [log for seed in seeds if (log := _log(folder, seed)).snapshots]


def is_done(folder: Path, seed: int) -> bool:
    """Whether a seed's training has reached its end."""
    return any(record["kind"] == "end" for record in _journal(folder, seed))


def reached_position(folder: Path, seed: int) -> int:
    """Return the last position in a seed's journal."""
    return max((int(record["position"]) for record in _journal(folder, seed)), default=0)


def _journal(folder: Path, seed: int) -> Journal:
    return Journal(seed_folder(folder, seed) / JOURNAL)


def _log(folder: Path, seed: int) -> SeedLog:
    records = list(_journal(folder, seed))
    read = [r for r in records if r["kind"] != "end" and r["loss"] is not None and r.get("report", 0.0) is not None]
    return SeedLog(
        seed,
        [record for record in read if record["kind"] == "snapshot"],
        {record["position"]: record["loss"] for record in read},
        {record["position"]: record["report"] for record in read if "report" in record},
        next((record for record in records if record["kind"] == "end"), None),
    )


# -- regimes


class Labelling(NamedTuple):
    """Every seed's regimes by one choice of limits."""

    name: str
    labels: list[list[str]]  # by log, then by snapshot
    limits: str  # where the limits come from


def labellings(logs: Sequence[SeedLog], chosen: ThresholdsConfig) -> list[Labelling]:
    """Label all snapshots by the chosen limits, which come first, and by all the others.

    `recalibrated` limits are found as the published ones were: the 30th and 70th percentiles of whole trainings, their
    future included, averaged over seeds.
    """
    ways: list[tuple[str, ThresholdsConfig, str]] = [
        ("published", Fixed.Config(), "stable from 0.99949, chaotic up to 0.99627, as in the published code"),
    ]
    limits = recalibrated(logs)
    if limits is not None:
        numbers = f"stable from {limits.stable:.6f}, chaotic up to {limits.chaotic:.6f}"
        ways.append(("recalibrated", limits, f"{numbers}, the mean percentiles of these trainings"))
    ways += [
        ("quantile", Quantile.Config(), "percentiles of each training so far, never of its future"),
        ("learned", Learned.Config(), "start as published, then follow where linear candidates pass the paired test"),
    ]
    found = [Labelling(name, [label_snapshots(log.snapshots, config) for log in logs], of) for name, config, of in ways]
    known = next((number for number, (_, config, _) in enumerate(ways) if config == chosen), None)
    if known is None:
        labels = [label_snapshots(log.snapshots, chosen) for log in logs]
        settings = f"{chosen.name} with the settings {chosen.model_dump_json(exclude={'name'})}"
        found.insert(0, Labelling("configured", labels, settings))
    else:
        found.insert(0, found.pop(known))
    return found


def recalibrated(logs: Sequence[SeedLog]) -> Fixed.Config | None:
    """Return limits found as the published ones were; None if there are too few snapshots."""
    seen = [[s["each"] for s in log.snapshots if s["each"] is not None] for log in logs]
    seen = [values for values in seen if len(values) > 1]
    if not seen:
        return None
    low, high = (float(np.mean([np.percentile(values, share) for values in seen])) for share in (30, 70))
    return Fixed.Config(chaotic=low, stable=high) if -1 <= low < high <= 1 else None


def label_snapshots(snapshots: Sequence[Mapping[str, Any]], config: ThresholdsConfig) -> list[str]:
    """Return the regime of each snapshot of a training; later snapshots never change it."""
    thresholds = build(config)
    found: list[str] = []
    for snapshot in snapshots:
        similarity = snapshot["each"]
        found.append("unknown" if similarity is None else thresholds.label(similarity))
        verdicts = ["paired" in c["accepted"] for c in snapshot["candidates"] if c["form"] == "linear"]
        if similarity is not None and verdicts:
            thresholds.learn(similarity, any(verdicts))
    return found


# -- candidates


def judged_candidates(logs: Sequence[SeedLog], labelling: Labelling) -> list[JudgedCandidate]:
    """Return every candidate whose true loss is known."""
    return list(_judged_candidates(logs, labelling))


def _judged_candidates(logs: Sequence[SeedLog], labelling: Labelling) -> Iterator[JudgedCandidate]:
    for number, (log, labels) in enumerate(zip(logs, labelling.labels, strict=True)):
        deviation = float(np.std([snapshot["loss"] for snapshot in log.snapshots]))
        for snapshot, regime in zip(log.snapshots, labels, strict=True):
            for candidate in snapshot["candidates"]:
                ahead = snapshot["position"] + candidate["horizon"]
                true = log.losses.get(ahead)
                if true is None:  # the training has not reached this position yet
                    continue
                accepted = list(candidate["accepted"])
                if candidate["loss"] is not None and candidate["loss"] < snapshot["loss"] + deviation:
                    accepted.append("adaptive-as-coded")
                yield JudgedCandidate(
                    number,
                    regime,
                    candidate["horizon"],
                    candidate["form"],
                    snapshot["loss"],
                    snapshot["report"],
                    true,
                    log.reports.get(ahead),
                    {**candidate, "accepted": accepted},
                )


def select(candidates: Sequence[JudgedCandidate], **wanted: Any) -> list[JudgedCandidate]:
    """Return the candidates whose fields have these values."""
    return [each for each in candidates if all(getattr(each, name) == value for name, value in wanted.items())]


def by_seed(candidates: Sequence[JudgedCandidate]) -> list[list[JudgedCandidate]]:
    """Return the candidates of each seed that has any, in the order of the logs."""
    return [select(candidates, log=log) for log in sorted({each.log for each in candidates})]


class AcceptanceRate(NamedTuple):
    """The share of candidates that are accepted, seed by seed."""

    seeds: list[float]  # of the seeds that have any candidates
    n: int  # candidates of all seeds

    @property
    def mean(self) -> float | None:
        """The mean over seeds."""
        return float(np.mean(self.seeds)) if self.seeds else None

    @property
    def std(self) -> float | None:
        """The standard deviation over seeds, of a sample; None for a single seed."""
        return float(np.std(self.seeds, ddof=1)) if len(self.seeds) > 1 else None


def acceptance(candidates: Sequence[JudgedCandidate], criterion: str) -> AcceptanceRate:
    """Return the acceptance rate by one criterion."""
    rates = [float(np.mean([criterion in each.record["accepted"] for each in seed])) for seed in by_seed(candidates)]
    return AcceptanceRate(rates, len(candidates))


class LeapWorth(NamedTuple):
    """What leaps of one kind achieved, compared with real steps; losses in nats a token, costs in plain steps."""

    n: int
    predicted: float | None  # mean change of the judging loss; None if a loss was not finite
    true: float  # mean change by K real steps
    share: float | None  # of the gain of K real steps; None if these gained nothing
    shares: list[float]  # the same seed by seed
    cost: float  # of one candidate: its prediction and its gate pass
    net: float | None  # plain steps gained by leaps taken if strictly better, by losses of the set that never judges
    net_n: int  # candidates that `net` is computed from: those with a loss of that set at t + K


def leap_worth(candidates: Sequence[JudgedCandidate], horizon: int) -> LeapWorth | None:
    """Return what these candidates, all of one horizon, were worth; None if there are none.

    The cost is that of the candidate alone. All candidates of a snapshot share the fingerprint, the copy of the weights
    and the gate pass with the present weights, which are not included.
    """
    if not candidates:
        return None
    cost = float(np.mean([each.record["cost"] for each in candidates]))
    predicted, true, share = _gain_share(candidates)
    shares = [of_seed for seed in by_seed(candidates) if (of_seed := _gain_share(seed)[2]) is not None]
    known = [each for each in candidates if each.report_true is not None]
    real = sum(each.report_true - each.report_before for each in known if each.report_true is not None)
    taken = sum(each.reported or 0.0 for each in known)  # a rejected candidate changes nothing
    net = horizon * taken / real - cost if real < 0 else None
    return LeapWorth(len(candidates), predicted, true, share, shares, cost, net, len(known))


def _gain_share(candidates: Sequence[JudgedCandidate]) -> tuple[float | None, float, float | None]:
    """Return the mean change by leaps, that by real steps, and the first divided by the second if both are gains."""
    changes = [each.change for each in candidates]
    true = float(np.mean([each.true - each.current for each in candidates]))
    predicted = float(np.mean(changes)) if all(map(math.isfinite, changes)) else None
    return predicted, true, predicted / true if predicted is not None and true < 0 else None


def loss_ratio(candidates: Sequence[JudgedCandidate]) -> float:
    """Return the mean loss of the candidates divided by the mean present loss; infinite if a loss is not finite."""
    return float(np.mean([each.loss for each in candidates]) / np.mean([each.current for each in candidates]))


def regime_starts(log: SeedLog, labels: Sequence[str]) -> tuple[int | None, int | None]:
    """Return the first step that is not chaotic, and the first that is stable."""
    known = [(s["position"], label) for s, label in zip(log.snapshots, labels, strict=True) if label != "unknown"]
    calm = next((position for position, label in known if label != "chaotic"), None)
    return calm, next((position for position, label in known if label == "stable"), None)


# -- all of it


class Results(NamedTuple):
    """What tables and plots are made from."""

    config: SweepSettings
    logs: Sequence[SeedLog]
    labellings: list[Labelling]
    candidates: list[list[JudgedCandidate]]  # by the first labellings, which are shown

    @property
    def shown(self) -> list[tuple[Labelling, list[JudgedCandidate]]]:
        """The labellings that are shown, with their candidates."""
        return list(zip(self.labellings, self.candidates, strict=False))


def evaluate(logs: Sequence[SeedLog], config: SweepSettings) -> Results:
    """Label the snapshots of the logs, and compare their candidates with real steps."""
    ways = labellings(logs, config.thresholds)
    return Results(config, logs, ways, [judged_candidates(logs, way) for way in ways[:SHOWN]])


def result_data(logs: Sequence[SeedLog], config: SweepSettings) -> dict[str, Any]:
    """Return the results in values that JSON can hold."""
    results = evaluate(logs, config) if logs else Results(config, logs, [], [])
    return {
        "seeds": [_seed(log) for log in logs],
        "regimes": {
            way.name: {
                "limits": way.limits,
                "counts": {regime: [labels.count(regime) for labels in way.labels] for regime in REGIMES},
                "boundaries": [regime_starts(log, labels) for log, labels in zip(logs, way.labels, strict=True)],
            }
            for way in results.labellings
        },
        "cells": [cell for way, candidates in results.shown for cell in _cells(candidates, way.name, config)],
    }


def _cells(candidates: Sequence[JudgedCandidate], way: str, config: SweepSettings) -> Iterator[dict[str, Any]]:
    for regime in (*REGIMES[1:], "any"):
        here = candidates if regime == "any" else select(candidates, regime=regime)
        for form in FORMS:
            for horizon in config.horizons:
                cell = select(here, form=form, horizon=horizon)
                worth = leap_worth(cell, horizon)
                if worth is None:
                    continue
                rates = {name: acceptance(cell, name) for name in CRITERIA}
                losses = [each.loss for each in cell]
                finite = all(map(math.isfinite, losses))
                yield {
                    "thresholds": way,
                    "regime": regime,
                    "form": form,
                    "horizon": horizon,
                    "accepted": {name: {"mean": r.mean, "std": r.std, "seeds": r.seeds} for name, r in rates.items()},
                    "predicted_loss": float(np.mean(losses)) if finite else None,
                    "current_loss": float(np.mean([each.current for each in cell])),
                    **worth._asdict(),
                }


def _seed(log: SeedLog) -> dict[str, Any]:
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
