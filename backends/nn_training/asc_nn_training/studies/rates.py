"""`asc study rates`: the best learning rate, found by successive halving on the predicted annealed loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from math import isfinite
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from asc.study import Study, Table, Tell
from asc_nn_training.optimizers.optimizer import Preset
from asc_nn_training.studies.halving import Rung, best, make_rungs
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.rate_tables import Plan, arms_table, as_numbers, choices_table, rates_table
from asc_nn_training.studies.rate_training import RateTraining
from asc_nn_training.studies.recipe import AVERAGE_EVERY, FREE, RecipeConfig, Seeds, backend, with_time_limit
from asc_nn_training.studies.resumable import StoppedError


class Rates(Study):
    """Trainings that differ by their learning rate only, of which the worse ones are dropped at each rung.

    Every training has a constant rate after its warm-up, as WSD has before its decay. At a rung the trainings are
    ranked by the loss of their read-out on the gate set, which is that of the best of the weights' averages. An average
    at a constant rate predicts the loss that annealing leads to. The loss of the live weights has noise as well, which
    annealing removes, and a higher rate has more of it. Trainings that stay continue from their own state. The last
    ones are annealed: their rate falls to the floor. The gate set chooses among them; the test set only reports.

    With `full`, every rate is trained to the end, and the study compares ways of choosing: the full sweep, halving by
    the read-out's loss or by that of the live weights, and dropping all but the best at the first rung. Every rate is
    trained once: a training at a constant rate is the same whichever way has decided to continue it. Each way is
    followed in the journal. Its cost counts as if only what it chooses had been trained: the steps of those stretches,
    and the evaluations and checkpoints at its rungs. The updates of the averages are in the seconds of all ways.
    """

    class Config(RecipeConfig):
        """Settings of `rates`."""

        model: str = Field(
            "gpt2-pico", description="gpt2-pico, gpt2-nano or another built-in shape, a local folder, or a hub name"
        )
        preset: Preset = Field("tuned", description="paper or tuned, as for a run; the rates take the place of its own")
        schedule: Literal["wsd"] = Field("wsd", description="wsd: a constant rate, then the decay")
        vocabulary: int = Field(257, ge=257, description="tokens; 257: bytes")
        length: int = Field(64, ge=2, description="tokens of a sequence")
        batch: int = Field(8, ge=1, description="sequences a batch")
        steps: int = Field(1000, ge=20, description="optimiser steps of each training")
        warmup: int = Field(50, ge=0, description="steps in which the rate rises linearly to its peak")
        gate_sequences: int = Field(96, ge=3, description="held-out sequences that rank the trainings")
        test_sequences: int = Field(512, ge=1, description="held-out sequences for the loss at the end")
        rates: tuple[float, ...] = Field(
            (1e-3, 1.4e-3, 2e-3, 2.8e-3, 4e-3, 5.6e-3, 8e-3, 1.1e-2),
            min_length=2,
            description="peak learning rates to choose from",
        )
        decays: tuple[float, ...] | None = Field(
            None,
            min_length=1,
            description="schedules: shares of the steps over which the rate falls, each tried on the last trainings; "
            "by default wsd_decay alone",
        )
        first: float = Field(0.1, gt=0, lt=1, description="the first rung, as a share of the steps")
        keep: float = Field(0.5, gt=0, lt=1, description="share of the trainings that stays at a rung")
        finalists: int = Field(
            1, ge=1, description="trainings that are annealed; one more is trained until the decay begins"
        )
        spans: tuple[int, ...] | None = Field(
            None,
            min_length=1,
            description="steps that the averages reach back; by default a fiftieth and a tenth of the steps",
        )
        seeds: Seeds = Field((1,), min_length=1, description="seeds; each chooses for itself")
        full: bool = Field(False, description="train every rate to the end, and compare ways of choosing")

        @model_validator(mode="after")
        def _fits(self) -> Rates.Config:
            if self.lr is not None:
                raise ValueError("lr is one rate, and this study chooses among several: give rates instead")
            for name, given in (("rates", self.rates), ("decays", self.shares)):
                if len(set(given)) < len(given) or not all(value > 0 and isfinite(value) for value in given):
                    raise ValueError(f"{name}: expected distinct numbers above 0, and {given} was given")
            if max(self.shares) > 1:
                raise ValueError(f"decays: expected shares of at most 1, and {self.shares} was given")
            if self.spans and min(self.spans) < 1:
                raise ValueError(f"spans: expected whole numbers of steps of 1 or more, and {self.spans} was given")
            if self.finalists >= len(self.rates):
                raise ValueError(
                    f"{self.finalists} of {len(self.rates)} rates are to stay to the end, so there is nothing to "
                    "choose: give more rates or fewer finalists"
                )
            at, begin, end = (
                round(self.first * self.steps),
                max(self.warmup, AVERAGE_EVERY) + 1,
                min(self.forks.values()),
            )
            if not begin <= at <= end:
                raise ValueError(
                    f"the first rung is at step {at}, and the rate is constant from step {begin} to {end}: change "
                    "first, steps, warmup or the decay"
                )
            return self

        @property
        def shares(self) -> tuple[float, ...]:
            """The decays, as shares of the steps."""
            return self.decays or (self.wsd_decay,)

        @property
        def forks(self) -> dict[float, int]:
            """The positions at which the decays begin, the longest decay first."""
            return {share: self.steps - round(share * self.steps) for share in sorted(self.shares, reverse=True)}

        @property
        def rungs(self) -> tuple[Rung, ...]:
            """Where trainings are ranked, and how many stay."""
            end = min(self.forks.values())
            return make_rungs(len(self.rates), self.finalists, self.first * self.steps, self.keep, end)

    config: Config

    free = FREE | {"seeds", "full"}

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Train what the journal does not have yet."""
        journal, until = Journal(folder / JOURNAL), with_time_limit(self.config, stopped)
        try:
            for seed in self.config.seeds:
                self._seed(seed, folder / f"seed-{seed}", journal, tell, until)
        except StoppedError:
            return False
        return True

    def tables(self, folder: Path) -> Sequence[Table]:
        """Return the rates' losses, and each seed's choice; with `full`, a comparison of ways of choosing instead."""
        records = list(Journal(folder / JOURNAL))
        last = arms_table if self.config.full else choices_table
        return [make(records, self._plan(), self._about()) for make in (rates_table, last)] if records else ()

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the journal's records, and what the ways of choosing find with each seed that is trained in full."""
        records = list(Journal(folder / JOURNAL))
        return {"stretches": records, "ways": as_numbers(records, self._plan())}

    def _plan(self) -> Plan:
        config = self.config
        return Plan(tuple(sorted(config.rates)), config.rungs, config.forks, config.steps)

    def _about(self) -> str:
        config = self.config
        return (
            f"{config.model}, {config.batch} x {config.length} tokens a step, {config.steps} steps; rungs at "
            f"{', '.join(str(rung.position) for rung in config.rungs)} keep "
            f"{', '.join(str(rung.kept) for rung in config.rungs)} of {len(config.rates)} rates."
        )

    def _seed(self, seed: int, folder: Path, journal: Journal, tell: Tell, stopped: Callable[[], bool]) -> None:
        """Train by every rate to the first rung, by those that stay to the next one, and so on; anneal the last."""
        config, data = self.config, cache(lambda: backend(self.config, seed).data)
        trainings = {
            rate: RateTraining(
                config,
                rate,
                seed,
                config.spans or (max(1, config.steps // 50), max(1, config.steps // 10)),
                folder / f"rate-{rate:g}",
                data=data,
                journal=journal,
                tell=tell,
                stopped=stopped,
            )
            for rate in sorted(config.rates)
        }
        staying = list(trainings)
        for rung in config.rungs:
            for rate in staying:
                trainings[rate].train_to(rung.position)
            losses = {rate: trainings[rate].loss(rung.position) for rate in staying}
            kept = best(losses, len(staying) if config.full else rung.kept)
            for rate in set(staying) - set(kept):
                trainings[rate].end()
            staying = kept
        for rate in staying:
            for decay, start in config.forks.items():
                trainings[rate].train_to(start)
                trainings[rate].anneal(decay, start)
            trainings[rate].end()
