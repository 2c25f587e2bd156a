"""`asc study momentum`: why leaps from Adam's moments exploded, and how to avoid it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from asc.predictor import Predictor
from asc.study import Study, Table, Tell
from asc.types import Snapshot
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.optimizers.moments import Moments
from asc_nn_training.predictors.momentum import (
    Momentum,
    MomentumAsCoded,
    MomentumAsPrinted,
    MomentumDecaying,
    Published,
)
from asc_nn_training.studies import paper
from asc_nn_training.studies.candidates import gate_loss, make_candidate
from asc_nn_training.studies.formats import number
from asc_nn_training.studies.journal import CHECKPOINTS, JOURNAL, Journal
from asc_nn_training.studies.recipe import FREE, RecipeConfig, ascending, backend, with_time_limit
from asc_nn_training.studies.resumable import ResumableTraining, StoppedError

PRECISIONS = ("float32", "bfloat16", "float16")
FORMULAS: Mapping[str, str] = {
    "as printed": "θ + K m/(√v + ε)",
    "as coded": "θ - K η m/(√v + ε)",
    "corrected, held": "K steps of AdamW, m̂ and v̂ held",
    "corrected, decaying": "the same, m̂ shrinking by β1 a step",
}


class MomentumStudy(Study):
    """Every formula for a leap from Adam's moments, with m and v in every precision, from the same weights.

    The formula printed in Leap+Verify (Eq. 3) has no learning rate. The code published with it keeps v in half
    precision, in which most of v is zero, so that m/(√v + ε) becomes m/ε. Each fault alone makes the loss explode. K
    steps of AdamW in single precision, with m̂ and v̂ held, have neither. All candidates start from the same weights in
    single precision; only m and v are rounded. The loss is the mean over the held-out sequences that judge.
    """

    class Config(RecipeConfig):
        """Settings of `momentum`."""

        seed: int = Field(42, ge=0, lt=2**63, description="seed of weights, data order and dropout")
        at: tuple[int, ...] = Field((100,), min_length=1, description="steps after which to predict")
        horizons: tuple[int, ...] = Field(paper.HORIZONS, min_length=1, description="steps K to predict ahead")

        _ascending = field_validator("at", "horizons")(ascending)

        @model_validator(mode="after")
        def _within(self) -> MomentumStudy.Config:
            if max(self.at) > self.steps:
                raise ValueError(
                    f"at asks for a prediction after step {max(self.at)}, and training ends after {self.steps}: lower "
                    "at, or give more steps"
                )
            return self

    config: Config

    free = FREE

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Train to each position in `at`, and try every formula, precision and horizon there."""
        journal = Journal(folder / JOURNAL)
        if _finished(journal):
            return True
        config, last = self.config, max(self.config.at)
        training = ResumableTraining(
            backend(config, config.seed),
            folder / CHECKPOINTS,
            every_s=config.checkpoint_seconds,
            stopped=with_time_limit(config, stopped),
            report=lambda position: tell("training", position, last),
        )
        training.resume()
        here = training.computation.position()
        journal.require(position for position in config.at if position < here)
        journal.keep(lambda record: record["position"] <= here)
        try:
            for position in config.at:
                if position >= here:
                    training.train_to(position)
                    self._try(training, journal, tell)
        except StoppedError:
            return False
        journal.add({"position": last, "end": True})
        training.remove_checkpoints()
        return True

    def _try(self, training: ResumableTraining, journal: Journal, tell: Tell) -> None:
        """Try every candidate from the present weights that is not in the journal."""
        computation, position = training.computation, training.computation.position()
        part, done, total = f"step {position}", 0, len(PRECISIONS) * len(FORMULAS)
        here = computation.observe()
        known = {(r["form"], r["precision"], r["horizon"]) for r in journal if r["position"] == position}
        current = gate_loss(computation)
        exact: Moments = computation.read("optimizer", (here,))
        for precision in PRECISIONS:
            moments = _rounded(exact, getattr(torch, precision))
            flushed = _flushed(exact.second, moments.second)
            for form, predictor in _predictors().items():
                tell(part, done, total, f"{form}, {precision}")
                for horizon in self.config.horizons:
                    if (form, precision, horizon) in known:
                        continue
                    training.check()
                    record = {"position": position, "form": form, "precision": precision, "horizon": horizon}
                    leap = _leap(computation, here, predictor, moments, horizon)
                    journal.add(record | {"flushed": flushed, "current": current} | leap)
                done += 1
        tell(part, total, total)

    def tables(self, folder: Path) -> Sequence[Table]:
        """Return one row a formula and precision: the share of v that is zero, the leap's length, the loss after it."""
        groups, horizons = _grouped(Journal(folder / JOURNAL)), self.config.horizons
        if not groups:
            return ()
        columns = (
            *("form", "m and v in", "v that becomes zero", f"leap length over weight length, K = {horizons[-1]}"),
            *(f"K = {k}" for k in horizons),
        )
        rows = [
            (
                form,
                precision,
                f"{group.flushed:.1%}",
                number(group.length(horizons[-1])),
                *(number(group.ratio(k)) for k in horizons),
            )
            for (form, precision), group in groups.items()
        ]
        named = paper.nearest(self.config.model)
        published = paper.MOMENTUM[named]
        ratios = [number(published[k].ratio) if k in published else "" for k in horizons]
        rows.append((f"paper, {named}", "float16", "", "", *ratios))
        some = next(iter(groups.values()))
        at = ", ".join(str(position) for position in some.positions)
        notes = (
            f"{self.config.model}, seed {self.config.seed}, after step {at} of {self.config.steps}. The loss before "
            f"the leap is {some.current:.4g} nats a token.",
            *(f"{form}: {formula}." for form, formula in FORMULAS.items()),
            "The paper's figures are those of its Table 4, by the momentum of the published code. There the weights "
            "are in half precision too, and the best of 0.8, 1.0 and 1.2 times the step counts; here the factor is 1.",
        )
        return (Table("momentum", "Predicted over current loss, by K", columns, tuple(rows), notes),)

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the same as numbers; None for a loss that is not finite, or not known yet."""
        return {
            "rows": [
                {
                    "form": form,
                    "precision": precision,
                    "flushed": group.flushed,
                    "current": group.current,
                    "length": {str(k): _finite(group.length(k)) for k in self.config.horizons},
                    "ratio": {str(k): _finite(group.ratio(k)) for k in self.config.horizons},
                }
                for (form, precision), group in _grouped(Journal(folder / JOURNAL)).items()
            ]
        }

    def pictures(self, folder: Path, target: Path) -> Sequence[Path]:
        """Plot the ratio against K, one line a formula and precision."""
        from asc_nn_training.studies.plots import plot_momentum  # noqa: PLC0415 -- plots are an extra

        groups = _grouped(Journal(folder / JOURNAL))
        lines = {key: {k: group.ratio(k) for k in self.config.horizons} for key, group in groups.items()}
        named = paper.nearest(self.config.model)
        return [plot_momentum(lines, target / "momentum.png", named)] if lines else []


class Group(NamedTuple):
    """All records of one formula and precision."""

    records: list[dict[str, Any]]

    @property
    def positions(self) -> list[int]:
        """The positions of the candidates."""
        return sorted({record["position"] for record in self.records})

    @property
    def flushed(self) -> float:
        """The share of v that rounding makes zero, mean over positions."""
        return _mean([record["flushed"] for record in self.records])

    @property
    def current(self) -> float:
        """The loss before the leap, mean over positions."""
        return _mean([record["current"] for record in self.records])

    def ratio(self, horizon: int) -> float:
        """Return predicted over current loss, mean over positions; infinite if one is, NaN if none is known."""
        return _mean([_over(r["predicted"], r["current"]) for r in self.records if r["horizon"] == horizon])

    def length(self, horizon: int) -> float:
        """Return the leap's length over that of the weights, mean over positions; infinite or NaN likewise."""
        return _mean([_over(r["length"], 1.0) for r in self.records if r["horizon"] == horizon])


class _MomentsOnly:
    """A history of nothing but these moments, in place of the optimiser's own."""

    positions: tuple[int, ...] = ()

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def gram(self) -> Any:
        raise LookupError("this history has moments only")

    def read(self, need: str) -> Any:
        return self._moments


def _predictors() -> dict[str, Predictor]:
    exact = Published.Config(snapshot_dtype="float32")  # the moments that they get are rounded already
    made: tuple[Predictor, ...] = (MomentumAsPrinted(exact), MomentumAsCoded(exact), Momentum(), MomentumDecaying())
    return dict(zip(FORMULAS, made, strict=True))


def _leap(
    computation: TrainingComputation, here: Snapshot, predictor: Predictor, moments: Moments, horizon: int
) -> dict[str, float]:
    candidate = make_candidate(computation, predictor, horizon, (here,), _MomentsOnly(moments))
    assert candidate is not None
    length = computation.distance(candidate.state.terms[0])
    return {"predicted": gate_loss(computation, candidate.state), "length": length}


def _rounded(moments: Moments, dtype: torch.dtype) -> Moments:
    first, second = ([value.to(dtype).float() for value in values] for values in (moments.first, moments.second))
    return moments._replace(first=first, second=second)


def _flushed(exact: Sequence[Tensor], rounded: Sequence[Tensor]) -> float:
    """Return the share of positive second moments that rounding makes zero."""
    lost = sum(int(((before > 0) & (after == 0)).sum()) for before, after in zip(exact, rounded, strict=True))
    return lost / max(1, sum(int((before > 0).sum()) for before in exact))


def _grouped(journal: Journal) -> dict[tuple[str, str], Group]:
    groups: dict[tuple[str, str], Group] = {}
    for record in _candidates(journal):
        groups.setdefault((record["form"], record["precision"]), Group([])).records.append(record)
    return {(f, p): groups[f, p] for f in FORMULAS for p in PRECISIONS if (f, p) in groups}


def _candidates(journal: Journal) -> Iterator[dict[str, Any]]:
    return (record for record in journal if "form" in record)


def _finished(journal: Journal) -> bool:
    return any(record.get("end") for record in journal)


def _over(value: float | None, by: float) -> float:
    return math.inf if value is None else value / by


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else math.nan


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
