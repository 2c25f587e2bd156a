"""The settings of the network backend: of a training, and of the speculation on it."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from asc.config.run import Component, JudgedConfig
from asc.speculators.judged.scheduler import JudgedScheduler
from asc.trajectory import Trajectory
from asc_nn_training.computation import LeapConfig
from asc_nn_training.data.prepare import DataConfig
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.models.models import SHAPES, own_tokenizer
from asc_nn_training.optimizers.optimizer import OptimizerConfig
from asc_nn_training.paths import AbsolutePath, absolute_if_there
from asc_nn_training.ranks.parallel import Shard
from asc_nn_training.training.device import Precision
from asc_nn_training.training.schedule import ScheduleConfig
from asc_nn_training.weights.averages import SPANS
from asc_nn_training.weights.cache import WeightCache

_VOCABULARIES = {"gpt2": 50_257, "qwen2.5-1.5b": 151_936}
"""Tokens of the shapes that have a size of their own; the others take as many as `DataConfig` says."""
UNBOUNDED = 2**40  # bytes: only the number of snapshots bounds the history


class TrainingConfig(DataConfig, OptimizerConfig, ScheduleConfig):
    """A model, its data, and how it is trained."""

    model: str = Field(
        "gpt2-nano",
        description="gpt2-pico, gpt2-nano, gpt2-micro, gpt2-mini, gpt2, qwen2.5-1.5b, a local folder or GGUF file, or "
        "a name on the hub",
    )
    init: Literal["scratch", "pretrained"] = Field("scratch", description="random weights, or the published ones")
    steps: int = Field(2000, ge=1, description="optimiser steps")
    accumulation: int = Field(1, ge=1, description="batches whose gradients make one step")
    clip: float = Field(1.0, gt=0, description="norm above which a gradient is scaled down")
    dropout: float | None = Field(None, ge=0, lt=1, description="dropout of a built-in shape; by default its own")
    device: str = Field("auto", description="cpu, cuda, cuda:1, mps, or auto for the best there is")
    precision: Precision = Field("auto", description="of forward passes: by default bf16 on CUDA, else fp32")
    compile: bool = Field(False, description="compile the model's forward and backward passes")
    deterministic: bool = Field(
        False, description="on an accelerator, use only algorithms that give the same bits each time; can be slower"
    )

    @model_validator(mode="before")
    @classmethod
    def _usual(cls, given: Any) -> Any:
        """Supply what follows from the model and the preset, unless it is given.

        A published shape has its vocabulary, pretrained weights have their tokenizer, and the preset tuned has WSD.
        """
        model = given.get("model", cls.model_fields["model"].default) if isinstance(given, dict) else None
        if not isinstance(model, str):
            return given
        known: dict[str, Any] = {"vocabulary": _VOCABULARIES[model]} if model in _VOCABULARIES else {}
        if given.get("preset", cls.model_fields["preset"].default) == "tuned":
            known["schedule"] = "wsd"
        if given.get("init") == "pretrained" and (own := own_tokenizer(model, "pretrained")) is not None:
            known["tokenizer"] = own
        return {**known, **given}

    @field_validator("model")
    @classmethod
    def _absolute_model(cls, given: str) -> str:
        return given if given in SHAPES else absolute_if_there(given)

    @property
    def own_tokenizer(self) -> str | None:
        """The name of the tokenizer that the model's weights were trained with; None for random weights."""
        return own_tokenizer(self.model, self.init)


class SpeculationConfig(LeapConfig, JudgedConfig):
    """How a training is speculated on, whether `asc run` or a loop of the user's own takes the steps."""

    recognizer: Component = Field(Component(name="activation-cosine"), description="where to stop and speculate")
    predictors: tuple[Component, ...] = Field((Component(name="linear"),), description="what predicts the weights")
    validator: Component = Field(Component(name="held-out-loss"), description="what judges candidates")
    cache: WeightCache.Config = Field(
        WeightCache.Config(), description="bounds of the trajectory cache, and where past weights are kept"
    )
    history: Trajectory.Config = Field(
        Trajectory.Config(max_bytes=UNBOUNDED),
        description="bounds of the history that predictors see, each snapshot a copy of the weights",
    )
    scheduler: JudgedScheduler.Config = Field(
        JudgedScheduler.Config(horizons=(50, 100, 200)),
        description="how speculation is rationed, and which horizons are tried, in steps",
    )

    @model_validator(mode="after")
    def _judged_as_a_block(self) -> SpeculationConfig:
        if self.validator.name == "held-out-loss" and any(part.name == "ema-nesterov" for part in self.predictors):
            raise ValueError(
                "the predictor ema-nesterov is a way of going on, which the loss of the moment cannot judge: choose "
                "the validator probation, or use the way ema-nesterov without a verdict"
            )
        return self


class NetworkConfig(TrainingConfig, SpeculationConfig):
    """The settings of `asc run nn_training`."""

    movable = frozenset({"device", "shard", "data_cache", "tensorboard"})

    shard: Shard = Field(
        "none",
        description="of several processes, started by torchrun: none, each has a copy of the model (DDP); fsdp2: each "
        "has a part of every parameter",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="what weights, data order and dropout are drawn from")
    until_loss: float | None = Field(None, description="stop once the dev loss is this low, nats a token")
    evaluate_every: int = Field(100, ge=1, description="steps between evaluations on the dev set")
    average_every: int = Field(
        10, ge=0, description="steps between updates of the weights' averages, which never train; 0: no read-outs"
    )
    average_spans: tuple[int, ...] | None = Field(
        None,
        min_length=1,
        description="steps that the averages reach back, each two copies of the weights; by default 100, and with "
        "anytime 50 and 200",
    )
    average_on_host: bool = Field(False, description="keep the averages in host memory instead of on the device")
    anytime: bool = Field(
        False,
        description="pick a read-out at every evaluation, not only at the end; until_loss is then its dev loss",
    )
    tensorboard: AbsolutePath | None = Field(
        None, description="folder for TensorBoard's event files, beside the report"
    )

    sample_prompts: AbsolutePath | None = Field(
        None, description="file with one prompt a line, which the live weights continue while they train"
    )
    sample_every: int | None = Field(
        None, ge=1, description="steps between texts of the prompts, and there are texts at the end; by default 100"
    )
    sampling: Sampling = Field(Sampling(), description="how prompts are continued")

    @field_validator("average_spans")
    @classmethod
    def _spans(cls, given: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if given and min(given) < 1:
            raise ValueError("expected whole numbers of steps, each at least 1")
        return given

    @model_validator(mode="after")
    def _has_read_outs(self) -> NetworkConfig:
        if self.anytime and not self.average_every:
            raise ValueError(
                "anytime picks a read-out at every evaluation, and with average_every 0 there are none: set "
                "average_every to 1 or more, or leave anytime out"
            )
        return self

    @model_validator(mode="after")
    def _has_prompts(self) -> NetworkConfig:
        if self.sample_prompts is None:
            given = "sampling" if self.sampling != Sampling() else "sample_every" if self.sample_every else None
            if given is not None:
                raise ValueError(
                    f"{given} is about texts of prompts, and there are none: name a file with one prompt a line by "
                    "sample_prompts (--sample-prompts FILE)"
                )
        elif self.shard != "none":
            raise ValueError(
                f"the texts of sample_prompts are generated by one process with the whole model, and shard "
                f"{self.shard} divides the model: leave sample_prompts or shard out"
            )
        return self

    @property
    def spans(self) -> tuple[int, ...]:
        """Steps that the averages reach back. At any time, the best span is not known: it grows with the run."""
        return self.average_spans or (SPANS if self.anytime else (100,))
