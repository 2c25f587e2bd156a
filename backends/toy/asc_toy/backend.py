"""The toy backend: its settings, and how computations are made from them, saved and reported."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from pydantic import Field, model_validator

from asc.backend import Backend
from asc.config.run import Component, ExecutedConfig
from asc.speculators.pool import Pool
from asc.types import EngineState
from asc_toy import checkpoint
from asc_toy.computation import ToyComputation
from asc_toy.digest import state_digest
from asc_toy.pace import Pace, Rate
from asc_toy.program import Program
from asc_toy.programs import PROGRAMS, build
from asc_toy.readable import readable
from asc_toy.workers.executors import Kind, pool_of, round_trip_s


class SpeculationConfig(ExecutedConfig):
    """Settings of speculation on any Python program."""

    movable = given_again = frozenset({"dask"})

    predictors: tuple[Component, ...] = Field((Component(name="ensemble"),), description="what predicts states")
    executor: Kind = Field(
        "processes", description="what executes candidates; with none, the main thread only remembers its own steps"
    )
    workers: int = Field(
        max(1, (os.cpu_count() or 2) - 1),
        ge=0,
        description="workers beside the main thread; 0 is the same as executor none",
    )
    rate: Rate | None = Field(
        None,
        description="steps begun a second at most, by all workers and the main thread together; 50/min is a rate too",
    )
    threads: int = Field(
        1,
        ge=1,
        description="of the workers, how many are threads of one process, with the executor processes: for steps that "
        "wait, such as 256 of 1024 workers in four processes",
    )
    dask: str | None = Field(
        None, description="address of a running Dask scheduler, tcp://HOST:PORT; by default a local cluster is started"
    )

    @model_validator(mode="after")
    def _share_the_rate(self) -> Self:
        """Refuse a rate that the workers cannot share: those of other processes would each keep one of their own."""
        if self.rate is not None and self.workers and self.executor in ("processes", "dask"):
            raise ValueError(
                f'A rate is shared by the threads of one process, and the executor is "{self.executor}": choose the '
                'executor "threads", which suits steps that wait'
            )
        return self

    @model_validator(mode="after")
    def _threads_of_processes(self) -> Self:
        if self.threads > 1 and self.executor != "processes":
            raise ValueError(
                f"threads={self.threads} is for the executor processes, and the executor is {self.executor}: leave "
                "threads out, or choose the executor processes"
            )
        return self


class ToyConfig(SpeculationConfig):
    """Settings of `asc run toy`."""

    program: str = Field("collatz", description="name of a built-in program", examples=list(PROGRAMS))
    n: int | None = Field(None, ge=1, description="size of the program; by default a size that takes about ten seconds")
    seed: int = Field(0, ge=0, description="seed of the program's input")
    rule: int | None = Field(
        None, ge=0, le=255, description="cellular: the number of the rule, after Wolfram; by default 90"
    )
    r: float | None = Field(None, ge=0, le=4, description="logistic: the parameter of the map; by default 3.5")

    @model_validator(mode="before")
    @classmethod
    def _suit_program(cls, given: Any) -> Any:
        """Replace settings that have their default by those that suit the program better."""
        name = given.get("program") if isinstance(given, dict) else None
        if not isinstance(name, str) or name not in PROGRAMS:
            return given
        usual = {field: cls.model_fields[field].default for field in PROGRAMS[name].settings}
        suits = {
            field: value
            for field, value in PROGRAMS[name].settings.items()
            if field not in given or Component.model_validate(given[field]) == usual[field]
        }
        return {**given, **suits}

    def build(self) -> Program:
        """Build the program. Raises AscError where there is none of this name, or where it has no such option."""
        options = {"rule": self.rule, "r": self.r}
        given = {name: value for name, value in options.items() if value is not None}
        return build(self.program, self.n, self.seed, given)


class ToyBackend(Backend[ToyComputation]):
    """Runs a program: one that is given, or the built-in one that the settings name."""

    Config = ToyConfig
    config: SpeculationConfig

    def __init__(self, config: SpeculationConfig, program: Program | None = None) -> None:
        super().__init__(config)
        if program is None:
            assert isinstance(config, ToyConfig), "a program must be given where the settings name none"
            program = config.build()
        self._program = program if config.rate is None else program._replace(pace=Pace(float(config.rate)))

    @cached_property
    def _origin(self) -> dict[str, Any]:
        """What a checkpoint is bound to. Settings of speculation are not, since no result depends on them."""
        own = set(type(self.config).model_fields) - set(SpeculationConfig.model_fields)
        settings = self.config.model_dump(mode="json", include=own)
        return {"program": self._program.name, "start": state_digest(0, self._program.state)} | settings

    def computation(self, plain: bool) -> ToyComputation:
        """Make the computation of the program at its start."""
        config = self.config
        return ToyComputation(self._program, round_trip_s(config.executor if config.workers else "none"))

    def pool(self, computation: ToyComputation) -> Pool:
        """Return workers that know the program."""
        config = self.config
        pool = pool_of(config.executor, config.workers, config.dask, lambda: computation.parcel, config.threads)
        return pool if config.rate is None else pool._replace(rate=float(config.rate))

    def save(self, computation: ToyComputation, folder: Path, state: EngineState) -> None:
        """Write position and words. The engine's state is not needed: an executed run is exact without it."""
        checkpoint.save(folder, computation.position(), computation.words(), self._origin)

    def load(self, computation: ToyComputation, folder: Path) -> EngineState | None:
        """Go to the checkpoint. Its values may be of the classes that the initial state has, or the step's module."""
        reached = getattr(self._program.step, "__globals__", {}).values()
        known = [cls for cls in reached if isinstance(cls, type)]
        found = checkpoint.load(folder, self._program.state, known, self._origin)
        if found is None:
            return None
        computation.load(*found)
        return EngineState()

    def outcome(self, computation: ToyComputation) -> Mapping[str, Any]:
        """Return the final words."""
        return {name: readable(value) for name, value in computation.words().items()}
