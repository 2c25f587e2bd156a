"""AdamW's state as predictors see it, and how far it would move the weights if it did not change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from asc.errors import AscError
from asc_nn_training.weights.weights import Values


class Moments(NamedTuple):
    """AdamW's state, with the weights that it moves: the answer of `read("optimizer")`."""

    weights: Values  # θ, one tensor a trainable storage; do not change them
    first: Values  # m, not bias-corrected; same shapes
    second: Values  # v, not bias-corrected; same shapes
    steps: int  # optimiser steps in m and v
    betas: tuple[float, float]
    eps: float
    decay: tuple[float, ...]  # decoupled weight decay, one a tensor
    rate: Callable[[int], float]  # learning rate of the i-th coming step, from 1


def adamw_factors(moments: Moments, horizon: int, decay: float, shrink: float = 1.0) -> tuple[float, float]:
    """Return (keep, move): after `horizon` steps of AdamW, θ becomes keep · θ - move · d, for d = m̂ / (√v̂ + ε).

    Each step is θ ← (1 - ηᵢ λ) θ - ηᵢ dᵢ (Loshchilov and Hutter 2019), with d held, or shrunk by `shrink` each step.
    """
    keep, move, share = 1.0, 0.0, 1.0
    for step in range(1, horizon + 1):
        rate = moments.rate(step)
        share *= shrink
        keep *= 1 - rate * decay
        move = (1 - rate * decay) * move + rate * share
    return keep, move


@torch.no_grad()
def direction(first: Tensor, second: Tensor, moments: Moments) -> Tensor:
    """Return d = m̂ / (√v̂ + ε), in fp32 and with both moments corrected for their bias."""
    beta1, beta2 = moments.betas
    corrected = first.float() / (1 - beta1**moments.steps)
    return corrected / ((second.float() / (1 - beta2**moments.steps)).sqrt_().add_(moments.eps))


def decays(groups: Sequence[dict[str, object]], parameters: Sequence[Tensor]) -> tuple[float, ...]:
    """Return each parameter's weight decay, from an optimiser's groups."""
    of = {id(p): float(group["weight_decay"]) for group in groups for p in group["params"]}  # type: ignore[arg-type, attr-defined]
    return tuple(of.get(id(parameter), 0.0) for parameter in parameters)


def uniform(optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return the settings that all parameter groups share; their weight decays may differ, if decay is decoupled.

    Raises AscError if AdamW's next steps do not follow from one rate and one pair of betas.
    """
    groups = optimizer.param_groups
    kinds = {(group["lr"], tuple(group.get("betas", ())), group.get("eps")) for group in groups}
    coupled = not isinstance(getattr(optimizer, "optimizer", optimizer), torch.optim.AdamW)
    if len(kinds) > 1 or any(group.get("amsgrad") or (coupled and group.get("weight_decay")) for group in groups):
        raise AscError(
            "The next steps can be predicted from the moments of AdamW with one learning rate for all parameters, and "
            "this optimiser is another: choose a predictor that needs only weights, such as linear."
        )
    return groups[0]
