"""The settings of `asc run nn_training`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

from asc.allocator import Allocator
from asc.config.run import Component, RunConfig
from asc.trajectory import Trajectory
from asc_nn_training.computation import LeapConfig
from asc_nn_training.data.prepare import DataConfig
from asc_nn_training.depth import depth
from asc_nn_training.training.device import Precision
from asc_nn_training.training.optimizer import OptimizerConfig
from asc_nn_training.training.schedule import ScheduleConfig
from asc_nn_training.weights.cache import WeightCache

_VOCABULARIES = {"gpt2": 50_257, "qwen2.5-1.5b": 151_936}
"""Tokens of the shapes that have a size of their own; the others take as many as `DataConfig` says."""
_HUGE = 2**40  # bytes: the bound that counts is the number of snapshots


class TrainingConfig(DataConfig, OptimizerConfig, ScheduleConfig):
    """A model, its data, and how it is trained."""

    model: str = Field(
        "gpt2-nano",
        description="gpt2-nano, gpt2-micro, gpt2-mini, gpt2, qwen2.5-1.5b, a local folder, or a name on the hub",
    )
    init: Literal["scratch", "pretrained"] = Field("scratch", description="random weights, or those published")
    steps: int = Field(2000, ge=1, description="optimiser steps")
    accumulation: int = Field(1, ge=1, description="batches whose gradients make one step")
    clip: float = Field(1.0, gt=0, description="gradient norm above which it is scaled down")
    dropout: float | None = Field(None, ge=0, lt=1, description="dropout of a built-in shape; by default its own")
    device: str = Field("auto", description="cpu, cuda, cuda:1, mps, or auto for the best there is")
    precision: Precision = Field("auto", description="of forward passes: bf16 on CUDA and fp32 elsewhere, by default")
    compile: bool = Field(False, description="compile the model's forward and backward passes")
    deterministic: bool = Field(
        False, description="on an accelerator, take only algorithms that give the same bits each time; can be slower"
    )

    @model_validator(mode="before")
    @classmethod
    def _published_size(cls, given: Any) -> Any:
        """Give a shape the vocabulary that it is known by, unless told otherwise."""
        if not isinstance(given, dict) or "vocabulary" in given:
            return given
        model = given.get("model", cls.model_fields["model"].default)
        return {**given, "vocabulary": _VOCABULARIES[model]} if model in _VOCABULARIES else given


class NetworkConfig(TrainingConfig, LeapConfig, RunConfig):
    """A training, and how it is speculated on."""

    seed: int = Field(0, ge=0, description="what weights, data order and dropout are drawn from")
    until_loss: float | None = Field(None, description="stop once the dev loss is this low, nats a token")
    evaluate_every: int = Field(100, ge=1, description="steps between evaluations on the dev set")
    average_every: int = Field(
        10, ge=0, description="steps between updates of the weights' running average, a read-out; 0 keeps none"
    )
    average_span: int = Field(100, ge=1, description="steps that the running average reaches back")

    tensorboard: Path | None = Field(None, description="folder for TensorBoard's event files, beside the report")

    recognizer: Component = Field(Component(name="activation-cosine"), description="where to stop and think")
    predictors: tuple[Component, ...] = Field((Component(name="linear"),), description="what guesses the weights")
    validator: Component = Field(Component(name="held-out-loss"), description="what judges a guess")
    cache: WeightCache.Config = Field(
        WeightCache.Config(), description="bounds of the trajectory cache, and where past weights lie"
    )
    history: Trajectory.Config = Field(
        Trajectory.Config(max_snapshots=2, max_bytes=_HUGE),
        description="bounds of the history that predictors see, each snapshot a copy of the weights",
    )
    allocator: Allocator.Config = Field(
        Allocator.Config(horizons=(50, 100, 200)),
        description="how speculation is rationed, and horizons to try, in steps",
    )

    @model_validator(mode="before")
    @classmethod
    def _deep_enough(cls, given: Any) -> Any:
        """Keep as many snapshots as the predictors look back on, unless told otherwise; each costs memory."""
        if not isinstance(given, dict) or "predictors" not in given:
            return given
        needed = depth(Component.model_validate(part) for part in given["predictors"])
        usual = cls.model_fields["history"].default.model_dump()
        history = given.get("history", usual)
        if Trajectory.Config.model_validate(history).model_dump() == usual:
            history = {**usual, "max_snapshots": max(needed, usual["max_snapshots"])}
        return {**given, "history": history}
