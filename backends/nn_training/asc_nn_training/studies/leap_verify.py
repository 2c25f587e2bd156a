"""`asc study leap-verify`: the paper's experiment, and what its tables do not show."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from asc.recognizers.thresholds import Fixed, ThresholdsConfig
from asc.records.lock import exclusive
from asc.study import Study, Table, Tell
from asc_nn_training.studies import paper
from asc_nn_training.studies.extra_tables import extra_tables
from asc_nn_training.studies.paper_tables import paper_tables
from asc_nn_training.studies.predictor_forms import As, make_forms
from asc_nn_training.studies.recipe import FREE, RecipeConfig, Seeds, ascending, backend, with_time_limit
from asc_nn_training.studies.results import Results, evaluate, is_done, load_logs, result_data, seed_folder
from asc_nn_training.studies.seed_processes import seed_processes
from asc_nn_training.studies.seed_run import DEPTH, SeedPlan, SeedRun
from asc_nn_training.studies.seeds import Workers, run_seeds

Executor = Literal["processes", "dask"]


class LeapVerify(Study):
    """Leap+Verify's experiment: trainings with snapshots, and every predictor at every horizon from each snapshot.

    Each seed is one training that is not disturbed. At each snapshot every criterion judges every candidate, with one
    gate pass a candidate, and no leap is applied. When the same training passes t + K, its true loss is read there, so
    that the gain of a leap can be expressed in real steps. Regimes are labelled afterwards, by any thresholds. Tables 1
    to 5 are the paper's, with its figures beside ours. The other tables show what a leap is worth, and what it costs.
    """

    class Config(RecipeConfig):
        """Settings of `leap-verify`."""

        given_again = frozenset({"dask"})

        seeds: Seeds = Field(paper.SEEDS, min_length=1, description="seeds, such as 42-46 or 42,44")
        as_: As = Field("both", description="predictors as published (as printed and as coded), corrected, or both")
        horizons: tuple[int, ...] = Field(paper.HORIZONS, min_length=1, description="steps K to predict ahead")
        snapshot_every: int = Field(50, ge=1, description="steps between snapshots")
        thresholds: ThresholdsConfig = Field(
            Fixed.Config(),
            description="limits of the regimes: published, quantile or learned, as in --set thresholds=learned",
        )
        cascade_every: int = Field(
            5,
            ge=0,
            description="run cascades from every n-th snapshot that is stable when it is taken; 0: from none",
        )
        executor: Executor = Field("processes", description="what runs seeds at the same time")
        workers: int = Field(
            1, ge=1, description="processes of this machine that run seeds; a Dask scheduler at an address has its own"
        )
        dask: str | None = Field(
            None,
            description="address of a running Dask scheduler, tcp://HOST:PORT; by default a local cluster is started",
        )

        _ascending = field_validator("horizons")(ascending)

        @model_validator(mode="after")
        def _within(self) -> LeapVerify.Config:
            if self.snapshot_every + min(self.horizons) > self.steps:
                raise ValueError(
                    f"the first snapshot is at step {self.snapshot_every}, and {min(self.horizons)} steps ahead from "
                    f"there is past the last of {self.steps}: give more steps, or a smaller snapshot_every or horizon"
                )
            if self.dask is not None and self.executor != "dask":
                raise ValueError(
                    f"dask is the address {self.dask}, and the executor is {self.executor}: give --executor dask, or "
                    "no address with --set dask=null"
                )
            return self

    config: Config

    free = FREE | {"seeds", "thresholds", "executor", "workers", "dask"}

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Run every seed that is not done. If all are done, neither data nor device is needed."""
        config, stopped = self.config, with_time_limit(self.config, stopped)
        seeds = [seed for seed in config.seeds if not is_done(folder, seed)]
        if not seeds:
            return True
        if config.executor == "processes" and min(config.workers, len(seeds)) == 1:
            return all(self.run_seed(folder, seed, tell, stopped) for seed in seeds)
        return run_seeds(
            self._workers(folder, len(seeds)), folder, seeds, steps=config.steps, tell=tell, stopped=stopped
        )

    def _workers(self, folder: Path, seeds: int) -> AbstractContextManager[Workers]:
        count = min(self.config.workers, seeds)
        if self.config.executor == "processes":
            return seed_processes(self.run_seed, folder, count)
        from asc_nn_training.studies.seed_dask import seed_workers  # noqa: PLC0415 -- an optional extra, slow to import

        return seed_workers(self.run_seed, folder, count, self.config.dask)

    def run_seed(self, folder: Path, seed: int, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Train one seed with its sweeps; return whether it is done."""
        config, home = self.config, seed_folder(folder, seed)
        plan = SeedPlan(
            make_forms(config.as_),
            config.horizons,
            config.snapshot_every,
            config.thresholds,
            config.cascade_every,
            config.checkpoint_seconds,
        )
        with exclusive(home):
            return SeedRun(backend(config, seed, DEPTH), plan, home, f"seed {seed}", tell, stopped).run()

    def tables(self, folder: Path) -> Sequence[Table]:
        """Return the paper's five tables, then the others; none before a seed has a snapshot."""
        logs = load_logs(folder, self.config.seeds)
        return all_tables(evaluate(logs, self.config)) if logs else ()

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the numbers behind the tables."""
        return result_data(load_logs(folder, self.config.seeds), self.config)

    def pictures(self, folder: Path, target: Path) -> Sequence[Path]:
        """Plot regimes by seed, acceptance, predicted against true gain, and momentum's loss."""
        from asc_nn_training.studies.plots import plot_leap_verify  # noqa: PLC0415 -- plots are an extra

        logs = load_logs(folder, self.config.seeds)
        return plot_leap_verify(evaluate(logs, self.config), target) if logs else []


def all_tables(results: Results) -> list[Table]:
    """Return every table that has rows or notes."""
    tables = [*paper_tables(results), *extra_tables(results)]
    return [table for table in tables if table.rows or table.notes]
