"""`asc study collapse`: seeds that train side by side until they are calm and connected, and then become one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field, field_validator, model_validator

from asc.recognizers.thresholds import Quantile, ThresholdsConfig
from asc.records.lock import exclusive
from asc.study import Study, Table, Tell
from asc_nn_training.optimizers.optimizer import Preset
from asc_nn_training.studies.collapse_plan import CollapsePlan
from asc_nn_training.studies.collapse_results import CollapseResults, load_results, result_data
from asc_nn_training.studies.collapse_run import CollapseSeed, reached_position
from asc_nn_training.studies.collapse_tables import collapse_tables
from asc_nn_training.studies.recipe import FREE, RecipeConfig, Seeds, with_time_limit
from asc_nn_training.studies.results import is_done, seed_folder
from asc_nn_training.studies.seed_processes import seed_processes
from asc_nn_training.studies.seeds import run_seeds


class Collapse(Study):
    """Ensemble collapse: several members train until they are calm and connected; then one, or their mean, goes on.

    Leap+Verify names it as future work. Trainings from different random weights are not expected to connect in a
    straight line, and trainings that share their first steps are (Frankle et al. 2020), so there is an ensemble for
    each number of shared steps. An inspection is a fingerprint and a held-out loss of each member, and the losses along
    the line between every two. The ensemble collapses at the first inspection at which enough members are calm, which
    means not chaotic, and no line rises above its ends by more than `barrier`. Beside it are a single training, the
    ensemble without a collapse, and data parallel: one training whose batch is as large as those of all members
    together.
    """

    class Config(RecipeConfig):
        """Settings of `collapse`."""

        model: str = Field(
            "gpt2-nano",
            description="gpt2-nano, gpt2-micro, gpt2-mini, gpt2, qwen2.5-1.5b, a local folder, or a name on the hub",
        )
        preset: Preset = Field(
            "tuned", description="tuned: a rate for training from scratch, and wsd; paper: rate 5e-5, cosine"
        )
        steps: int = Field(500, ge=1, description="optimiser steps of each member")
        length: int = Field(128, ge=2, description="tokens of a sequence")
        dev_sequences: int = Field(64, ge=1, description="held-out sequences that choose the rate of data parallel")
        test_sequences: int = Field(128, ge=1, description="held-out sequences for the test loss at the end")
        seeds: Seeds = Field(
            (42, 43, 44, 45), min_length=1, description="seeds, such as 42-45; each repeats the whole comparison"
        )
        members: int = Field(4, ge=2, description="trainings of an ensemble")
        together: tuple[int, ...] = Field(
            (0, 100),
            min_length=1,
            description="steps that all members share before the order of their data differs, one ensemble for each "
            "number; 0: they start from different random weights",
        )
        every: int = Field(50, ge=1, description="steps between inspections at regimes and lines")
        thresholds: ThresholdsConfig = Field(
            Quantile.Config(least=3),
            description="limits of the regimes: published, quantile or learned, as in --set thresholds=published",
        )
        calm: float = Field(0.75, gt=0, le=1, description="share of the members that must be calm")
        barrier: float = Field(0.02, description="nats that a line may rise above its ends between connected members")
        points: int = Field(3, ge=1, description="points on the line between two members")
        workers: int = Field(1, ge=1, description="processes that run seeds")

        @field_validator("together")
        @classmethod
        def _ascending(cls, given: tuple[int, ...]) -> tuple[int, ...]:
            if min(given) < 0 or len(set(given)) < len(given):
                raise ValueError("give distinct whole numbers of 0 or more")
            return tuple(sorted(given))

        @model_validator(mode="after")
        def _within(self) -> Collapse.Config:
            if max(self.together) >= self.steps:
                raise ValueError(
                    f"members share their first {max(self.together)} steps, and training ends after {self.steps}: "
                    "lower together, or give more steps"
                )
            return self

        @property
        def plan(self) -> CollapsePlan:
            """How an ensemble is watched, and when it collapses."""
            return CollapsePlan(*(getattr(self, name) for name in CollapsePlan._fields))

    config: Config

    free = FREE | {"seeds", "workers"}

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Run every seed that is not done. If all are done, neither data nor device is needed."""
        config, stopped = self.config, with_time_limit(self.config, stopped)
        seeds = [seed for seed in config.seeds if not is_done(folder, seed)]
        workers = min(config.workers, len(seeds))
        if workers < 2:
            return all(self.run_seed(folder, seed, tell, stopped) for seed in seeds)
        return run_seeds(
            seed_processes(self.run_seed, folder, workers),
            folder,
            seeds,
            steps=config.steps,
            tell=tell,
            stopped=stopped,
            reached=lambda folder, seed: reached_position(folder, seed, config.together),
        )

    def run_seed(self, folder: Path, seed: int, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Run every part of one seed; return whether it is done."""
        with exclusive(seed_folder(folder, seed)):
            return CollapseSeed(folder, seed, self.config, self.config.together, self.config.plan, tell, stopped).run()

    def tables(self, folder: Path) -> Sequence[Table]:
        """Return the arms with their losses and steps, then the barriers; none before the first inspection."""
        return collapse_tables(self._results(folder))

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the numbers behind the tables."""
        return result_data(self._results(folder))

    def pictures(self, folder: Path, target: Path) -> Sequence[Path]:
        """Plot the barriers by step, and the losses along the lines at the end."""
        from asc_nn_training.studies.plots import plot_collapse  # noqa: PLC0415 -- plots are an extra

        results = self._results(folder)
        return plot_collapse(results, target) if results.inspections else []

    def _results(self, folder: Path) -> CollapseResults:
        return load_results(folder, self.config.seeds, self.config.together, self.config.plan)
