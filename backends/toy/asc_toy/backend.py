"""The toy backend as `asc run toy` knows it: configuration, and how computations are made from it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from asc.backend import Pool
from asc.config.run import Component, RunConfig
from asc.types import Memory
from asc_toy import checkpoint
from asc_toy.computation import ToyComputation
from asc_toy.executors import ROUND_TRIP_S, START_S, Kind, executor_factory
from asc_toy.program import Program
from asc_toy.programs import PROGRAMS, build


class SpeculationConfig(RunConfig):
    """How speculation over a Python program is done, whatever the program."""

    predictors: tuple[Component, ...] = Field((Component(name="ensemble"),), description="what guesses the future")
    executor: Kind = Field(
        "processes", description="where guesses are executed; none only remembers what the main thread has done"
    )
    workers: int = Field(
        max(1, (os.cpu_count() or 2) - 1), ge=0, description="workers beside the main thread; 0 is as executor none"
    )
    scheduler: str | None = Field(
        None, description="address of a Dask scheduler, tcp://HOST:PORT; none starts one here"
    )


class ToyConfig(SpeculationConfig):
    """Settings of `asc run toy`."""

    program: str = Field("collatz", description="name of a built-in program")
    n: int | None = Field(None, ge=1, description="size of the program; by default what takes some ten seconds")
    seed: int = Field(0, ge=0, description="what the program's input is made from")
    rule: int | None = Field(None, ge=0, le=255, description="cellular: the rule's number, after Wolfram; 90 if none")
    r: float | None = Field(None, ge=0, le=4, description="logistic: the map's parameter; 3.5 if none")

    @model_validator(mode="before")
    @classmethod
    def _suit_program(cls, given: Any) -> Any:
        """Replace what is at its default by what suits the program better."""
        name = given.get("program") if isinstance(given, dict) else None
        if name not in PROGRAMS:
            return given
        usual = {field: cls.model_fields[field].default for field in PROGRAMS[name].settings}
        suits = {
            field: value
            for field, value in PROGRAMS[name].settings.items()
            if field not in given or Component.model_validate(given[field]) == usual[field]
        }
        return {**given, **suits}


class ToyBackend:
    """Programs over words and arrays, exact, executed by workers."""

    Config = ToyConfig

    def __init__(self, config: SpeculationConfig, program: Program | None = None) -> None:
        self.config = config
        self._program = program or self._built_in()

    def computation(self, plain: bool) -> ToyComputation:
        """Make the program's computation at its start."""
        kind: Kind = self.config.executor if self.config.workers else "none"
        return ToyComputation(self._program, ROUND_TRIP_S[kind], plain=plain)

    def pool(self, computation: ToyComputation) -> Pool:
        """Workers that know the program."""
        config = self.config
        if config.executor == "none" or not config.workers:
            return Pool(_no_executor, 0)
        key, pickle = computation.parcel()
        make = executor_factory(config.executor, config.workers, config.scheduler, key, pickle)
        return Pool(make, config.workers, START_S[config.executor])

    def save(self, computation: ToyComputation, folder: Path, memory: Memory) -> None:
        """Write position, words and arrays."""
        frame = computation.snapshot()
        checkpoint.save(folder, frame.position, frame.state.words, frame.state.arrays)

    def load(self, computation: ToyComputation, folder: Path) -> Memory | None:
        """Go to where the checkpoint is."""
        found = checkpoint.load(folder)
        if found is None:
            return None
        computation.load(*found)
        return Memory()

    def outcome(self, computation: ToyComputation) -> Mapping[str, Any]:
        """The words at the end."""
        return {name: checkpoint.readable(value) for name, value in computation.words().items()}

    def _built_in(self) -> Program:
        config = self.config
        assert isinstance(config, ToyConfig)
        options = {"rule": config.rule, "r": config.r}
        given = {name: value for name, value in options.items() if value is not None}
        return build(config.program, config.n, config.seed, given)


def _no_executor() -> Any:
    raise AssertionError("without workers nothing is ever submitted")
