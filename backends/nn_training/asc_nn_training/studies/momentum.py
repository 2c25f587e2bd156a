"""`asc study momentum`: why leaps from Adam's moments exploded, and that they need not."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from asc.computation import Predictor
from asc.study import Table, Tell
from asc.types import Plan, Snapshot
from asc_nn_training.backend import Session
from asc_nn_training.predictors.momentum import (
    Momentum,
    MomentumAsCoded,
    MomentumAsPrinted,
    MomentumDecaying,
    Published,
)
from asc_nn_training.studies import paper
from asc_nn_training.studies.formats import number
from asc_nn_training.studies.journal import CHECKPOINTS, JOURNAL, Journal
from asc_nn_training.studies.lock import alone
from asc_nn_training.studies.recipe import FREE, JUDGING, RecipeConfig, ascending, backend, limited
from asc_nn_training.studies.walk import StoppedError, Walk
from asc_nn_training.training.moments import Moments

PRECISIONS = ("float32", "bfloat16", "float16")
FORMS: Mapping[str, str] = {
    "as printed": "θ + K m/(√v + ε)",
    "as coded": "θ - K η m/(√v + ε)",
    "corrected, held": "K steps of AdamW, m̂ and v̂ held",
    "corrected, decaying": "the same, m̂ shrinking by β1 a step",
}


class MomentumConfig(RecipeConfig):
    """Settings of `momentum`."""

    seed: int = Field(42, ge=0, description="what weights, data order and dropout are drawn from")
    at: tuple[int, ...] = Field((100,), min_length=1, description="steps after which to predict")
    horizons: tuple[int, ...] = Field(paper.HORIZONS, min_length=1, description="steps K to predict ahead")

    _ascending = field_validator("at", "horizons")(ascending)

    @model_validator(mode="after")
    def _within(self) -> MomentumConfig:
        if max(self.at) > self.steps:
            raise ValueError(
                f"at asks for a prediction after step {max(self.at)}, and training ends after {self.steps}; lower at, "
                "or give more steps"
            )
        return self


class MomentumStudy:
    """Every formula for a leap from Adam's moments, with m and v in every precision, from the same weights.

    The formula printed in Leap+Verify (Eq. 3) has no learning rate, and the code published with it keeps v in half
    precision, where most of it is zero: m/(√v + ε) is then m/ε. Each alone makes the loss explode; K steps of AdamW
    with m̂ and v̂ held, in single precision, have neither fault. All candidates start from the same weights, in single
    precision; m and v alone are rounded. The loss is the mean over the held-out sequences that judge.
    """

    Config = MomentumConfig
    free = FREE

    def __init__(self, config: MomentumConfig | None = None) -> None:
        self.config = config or MomentumConfig()

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Train to each place, and try every form, precision and horizon there."""
        journal = Journal(folder / JOURNAL)
        if _finished(journal):
            return True
        with alone(folder):
            return self._run(folder, journal, tell, stopped)

    def _run(self, folder: Path, journal: Journal, tell: Tell, stopped: Callable[[], bool]) -> bool:
        config, last = self.config, max(self.config.at)
        walk = Walk(
            backend(config, config.seed),
            folder / CHECKPOINTS,
            every_s=config.checkpoint_seconds,
            stopped=limited(config, stopped),
            tell=lambda position: tell("training", position, last),
        )
        walk.go_on()
        journal.require(config.at, walk.session.position())
        journal.keep(lambda record: record["position"] <= walk.session.position())
        try:
            for position in config.at:
                if position >= walk.session.position():
                    walk.to(position)
                    self._try(walk, journal, tell)
        except StoppedError:
            return False
        journal.add({"position": last, "end": True})
        walk.clear()
        return True

    def _try(self, walk: Walk, journal: Journal, tell: Tell) -> None:
        """Write down what is not yet known of this place."""
        session, position = walk.session, walk.session.position()
        part, done, total = f"step {position}", 0, len(PRECISIONS) * len(FORMS)
        here = session.observe()
        known = {(r["form"], r["precision"], r["horizon"]) for r in journal if r["position"] == position}
        current = float(session.score(None, JUDGING).mean())
        exact: Moments = session.read("optimizer", (here,))
        for precision in PRECISIONS:
            moments = _rounded(exact, getattr(torch, precision))
            flushed = _flushed(exact.second, moments.second)
            for form, predictor in _predictors().items():
                tell(part, done, total, f"{form}, {precision}")
                for horizon in self.config.horizons:
                    if (form, precision, horizon) in known:
                        continue
                    walk.check()
                    record = {"position": position, "form": form, "precision": precision, "horizon": horizon}
                    tried = _leap(session, here, predictor, moments, horizon)
                    journal.add(record | {"flushed": flushed, "current": current} | tried)
                done += 1
        tell(part, total, total)

    def tables(self, folder: Path) -> Sequence[Table]:
        """One row a form and precision: what became zero, how far the leap went, and the loss there."""
        groups, horizons = _grouped(Journal(folder / JOURNAL)), self.config.horizons
        if not groups:
            return ()
        columns = (
            *("form", "m and v in", "v that becomes zero", f"length over that of the weights, K = {horizons[-1]}"),
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
        told = [number(published[k].ratio) if k in published else "" for k in horizons]
        rows.append((f"paper, {named}", "float16", "", "", *told))
        some = next(iter(groups.values()))
        at = ", ".join(str(position) for position in some.places)
        notes = (
            f"{self.config.model}, seed {self.config.seed}, after step {at} of {self.config.steps}; the loss before "
            f"the leap is {some.current:.4g} nats a token.",
            *(f"{form}: {formula}." for form, formula in FORMS.items()),
            "The paper's figures are those of its Table 4, whose momentum is the published code's: the weights in half "
            "precision as well, and the best of 0.8, 1.0 and 1.2 times the step, which is 1 here.",
        )
        return (Table("momentum", "Predicted over current loss, by K", columns, tuple(rows), notes),)

    def data(self, folder: Path) -> Mapping[str, Any]:
        """The same as numbers; null where a loss is not finite, or not known yet."""
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
        """The ratio against K, one line a form and precision."""
        from asc_nn_training.studies.pictures import momentum_loss  # noqa: PLC0415 -- plots are an extra

        groups = _grouped(Journal(folder / JOURNAL))
        lines = {key: {k: group.ratio(k) for k in self.config.horizons} for key, group in groups.items()}
        named = paper.nearest(self.config.model)
        return [momentum_loss(lines, target / "momentum.png", named)] if lines else []


class Group(NamedTuple):
    """All records of one form and precision."""

    records: list[dict[str, Any]]

    @property
    def places(self) -> list[int]:
        """Steps after which was predicted."""
        return sorted({record["position"] for record in self.records})

    @property
    def flushed(self) -> float:
        """Share of v that is zero only since it was rounded, over places."""
        return _mean([record["flushed"] for record in self.records])

    @property
    def current(self) -> float:
        """The loss before the leap, over places."""
        return _mean([record["current"] for record in self.records])

    def ratio(self, horizon: int) -> float:
        """Predicted over current loss, mean over places; infinite where one is not finite, NaN where none is known."""
        return _mean([_over(r["predicted"], r["current"]) for r in self.records if r["horizon"] == horizon])

    def length(self, horizon: int) -> float:
        """The leap's length over that of the weights, mean over places; infinite or NaN likewise."""
        return _mean([_over(r["length"], 1.0) for r in self.records if r["horizon"] == horizon])


class _Past:
    """A history that holds nothing but moments."""

    positions: tuple[int, ...] = ()

    def __init__(self, moments: Moments) -> None:
        self._moments = moments

    def gram(self) -> Any:
        raise LookupError("only moments are known here")

    def read(self, need: str) -> Any:
        return self._moments


def _predictors() -> dict[str, Predictor]:
    exact = Published.Config(snapshot_dtype="float32")  # what they are given is rounded already
    made: tuple[Predictor, ...] = (MomentumAsPrinted(exact), MomentumAsCoded(exact), Momentum(), MomentumDecaying())
    return dict(zip(FORMS, made, strict=True))


def _leap(
    session: Session, here: Snapshot, predictor: Predictor, moments: Moments, horizon: int
) -> dict[str, float | None]:
    prediction = predictor.predict(_Past(moments), horizon)
    assert prediction is not None
    candidate = session.materialise(prediction, (here,), Plan("momentum", horizon))
    assert candidate is not None
    loss = float(session.score(candidate.state, JUDGING).mean())
    length = session.distance(candidate.state.terms[0])
    return {"predicted": loss, "length": length}


def _rounded(moments: Moments, dtype: torch.dtype) -> Moments:
    first, second = ([value.to(dtype).float() for value in values] for values in (moments.first, moments.second))
    return moments._replace(first=first, second=second)


def _flushed(exact: Sequence[Tensor], rounded: Sequence[Tensor]) -> float:
    """Share of the second moments above zero that rounding makes zero."""
    lost = sum(int(((before > 0) & (after == 0)).sum()) for before, after in zip(exact, rounded, strict=True))
    return lost / max(1, sum(int((before > 0).sum()) for before in exact))


def _grouped(journal: Journal) -> dict[tuple[str, str], Group]:
    groups: dict[tuple[str, str], Group] = {}
    for record in _candidates(journal):
        groups.setdefault((record["form"], record["precision"]), Group([])).records.append(record)
    return {(f, p): groups[f, p] for f in FORMS for p in PRECISIONS if (f, p) in groups}


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
