"""`asc study leap-verify`: the paper's experiment, and what its tables leave out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from asc.recognizers.thresholds import Fixed, ThresholdsConfig
from asc.study import Table, Tell
from asc_nn_training.studies import paper, results, tables
from asc_nn_training.studies.forms import As, forms
from asc_nn_training.studies.lock import alone
from asc_nn_training.studies.recipe import FREE, RecipeConfig, ascending, backend, limited
from asc_nn_training.studies.seed import DEPTH, Seed, SeedConfig
from asc_nn_training.studies.spread import spread

_RANGE = re.compile(r"(\d+)-(\d+)")


class LeapVerifyConfig(RecipeConfig):
    """Settings of `leap-verify`."""

    seeds: tuple[int, ...] = Field(paper.SEEDS, min_length=1, description="seeds, such as 42-46 or 42,44")
    as_: As = Field("both", description="predictors as published (as printed and as coded), corrected, or both")
    horizons: tuple[int, ...] = Field(paper.HORIZONS, min_length=1, description="steps K to predict ahead")
    snapshot_every: int = Field(50, ge=1, description="steps between snapshots")
    thresholds: ThresholdsConfig = Field(
        Fixed.Config(),
        description="where regimes begin: published, quantile or learned, as in --set thresholds=learned",
    )
    cascade_every: int = Field(
        5,
        ge=0,
        description="of the snapshots that are stable when they are taken, try cascades from every n-th; 0: none",
    )
    workers: int = Field(1, ge=1, description="processes that seeds are spread over")

    @field_validator("seeds", mode="before")
    @classmethod
    def _expanded(cls, given: Any) -> Any:
        found: list[Any] = []
        for part in given if isinstance(given, list | tuple) else [given]:
            span = _RANGE.fullmatch(part.strip()) if isinstance(part, str) else None
            first, last = (int(number) for number in span.groups()) if span else (0, 0)
            if first > last:
                raise ValueError(f"the range {part} goes down: give it as {last}-{first}")
            found += range(first, last + 1) if span else [part]
        return found

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, given: tuple[int, ...]) -> tuple[int, ...]:
        if min(given) < 0:
            raise ValueError(f"{min(given)} is no seed: give whole numbers of 0 or more")
        twice = sorted({seed for seed in given if given.count(seed) > 1})
        if twice:
            raise ValueError(f"seed {twice[0]} is given twice, and one seed is one training: leave it out")
        return given

    _ascending = field_validator("horizons")(ascending)

    @model_validator(mode="after")
    def _within(self) -> LeapVerifyConfig:
        if self.snapshot_every + min(self.horizons) > self.steps:
            raise ValueError(
                f"the first snapshot is at step {self.snapshot_every}, and {min(self.horizons)} steps ahead from there "
                f"is past the last of {self.steps}: give more steps, or a smaller snapshot_every or horizon"
            )
        return self


class LeapVerify:
    """Leap+Verify's experiment: trainings with snapshots, every predictor at every horizon from each of them.

    One training a seed goes on undisturbed; at each snapshot every candidate is judged by every criterion in one pass
    over the gate set, and nothing is applied. As the same training passes t + K, its true loss there is read, so that
    the gain of a leap can be told in real steps. Regimes are labelled afterwards, by any thresholds. Tables 1 to 5 are
    the paper's, with its figures beside ours; the others say what a leap is worth, and what it costs.
    """

    Config = LeapVerifyConfig
    free = FREE | {"seeds", "thresholds", "workers"}

    def __init__(self, config: LeapVerifyConfig | None = None) -> None:
        self.config = config or LeapVerifyConfig()

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Train and sweep every seed that is not done; where all are, neither their data nor their device is needed."""
        stopped = limited(self.config, stopped)
        seeds = [seed for seed in self.config.seeds if not results.ended(folder, seed)]
        if self.config.workers > 1 and len(seeds) > 1:
            return spread(self, folder, seeds, self.config.workers, tell, stopped)
        return all(self.one(folder, seed, tell, stopped) for seed in seeds)

    def one(self, folder: Path, seed: int, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Train and sweep one seed; return whether it is done."""
        config = self.config
        what = SeedConfig(
            forms(config.as_),
            config.horizons,
            config.snapshot_every,
            config.thresholds,
            config.cascade_every,
            config.checkpoint_seconds,
        )
        home = folder / results.part(seed)
        with alone(home):
            return Seed(backend(config, seed, DEPTH), what, home, f"seed {seed}", tell, stopped).run()

    def tables(self, folder: Path) -> Sequence[Table]:
        """The paper's five, then ours; none before a seed has a snapshot."""
        logs = results.load(folder, self.config.seeds)
        return tables.all_tables(logs, self.config) if logs else ()

    def data(self, folder: Path) -> Mapping[str, Any]:
        """The cells that the tables are made of."""
        return results.data(results.load(folder, self.config.seeds), self.config)

    def pictures(self, folder: Path, target: Path) -> Sequence[Path]:
        """Regimes by seed, acceptance, predicted against true gain, momentum's loss."""
        from asc_nn_training.studies.pictures import leap_verify  # noqa: PLC0415 -- plots are an extra

        logs = results.load(folder, self.config.seeds)
        return leap_verify(logs, self.config, target) if logs else []
