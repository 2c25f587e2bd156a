"""Torch's AdamW with two presets: the paper's, and one for training from scratch."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from pydantic import Field
from torch import nn

from asc.errors import AscError
from asc.settings import Settings

Preset = Literal["paper", "tuned"]


class OptimizerConfig(Settings):
    """AdamW's settings; the preset supplies those that are not given."""

    preset: Preset = Field(
        "paper",
        description="paper: rate 5e-5, cosine, as published; tuned: a rate for training from scratch, by the model's "
        "size, and wsd",
    )
    lr: float | None = Field(None, ge=0, description="peak learning rate; by default the preset's")
    betas: tuple[float, float] | None = Field(None, description="decay of the two moments; by default the preset's")
    eps: float = Field(1e-8, gt=0, description="added to the root of the second moment")
    weight_decay: float | None = Field(None, ge=0, description="decoupled decay; by default the preset's")


class Recipe(NamedTuple):
    """The settings that a preset means for one model."""

    lr: float
    betas: tuple[float, float]
    eps: float
    weight_decay: float
    matrices_only: bool  # no decay of biases and of the gains of norms


def recipe(config: OptimizerConfig, numel: int) -> Recipe:
    """Return the settings for a model of `numel` trainable parameters.

    The tuned rate is 1.7e-3 · (2.6e6 / numel)^0.31, at most 5e-3. That is the line, in logarithms, through five points:
    the best rates of our sweeps (4e-3 for gpt2-pico, 2e-3 for gpt2-nano and gpt2-micro), and those of Brown et
    al. (2020), table 2.1 (6e-4 for 125 million parameters, 2e-4 for 1.3 billion).
    """
    if config.preset == "paper":
        usual = Recipe(5e-5, (0.9, 0.999), config.eps, 0.01, matrices_only=False)
    else:
        lr = min(5e-3, 1.7e-3 * (2.6e6 / max(1, numel)) ** 0.31)
        usual = Recipe(lr, (0.9, 0.95), config.eps, 0.1, matrices_only=True)
    return usual._replace(
        lr=usual.lr if config.lr is None else config.lr,
        betas=config.betas or usual.betas,
        weight_decay=usual.weight_decay if config.weight_decay is None else config.weight_decay,
    )


def make_optimizer(model: nn.Module, config: OptimizerConfig | None = None) -> torch.optim.AdamW:
    """Return AdamW over the model's trainable parameters, each once; its rate is the peak until a schedule sets it.

    Fused if all parameters are on CUDA, otherwise as torch chooses. Raises AscError if nothing is trainable.
    """
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not parameters:
        raise AscError("The model has no trainable parameter, so there is nothing to optimise: unfreeze some.")
    settings = recipe(config or OptimizerConfig(), sum(parameter.numel() for parameter in parameters))
    spared = [parameter for parameter in parameters if settings.matrices_only and parameter.ndim < 2]
    decayed = [parameter for parameter in parameters if not (settings.matrices_only and parameter.ndim < 2)]
    groups = [
        {"params": members, "weight_decay": decay}
        for members, decay in ((decayed, settings.weight_decay), (spared, 0.0))
        if members
    ]
    on_cuda = all(parameter.is_cuda for parameter in parameters)
    return torch.optim.AdamW(
        groups, lr=settings.lr, betas=settings.betas, eps=settings.eps, fused=True if on_cuda else None
    )
