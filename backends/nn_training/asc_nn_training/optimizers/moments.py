"""AdamW's state as predictors see it, and how far it would move the weights if it did not change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor
from torch.optim import Optimizer

from asc.errors import AscError
from asc_nn_training.optimizers.layouts import layout_of, links, name_of
from asc_nn_training.weights.weights import local


class Moments(NamedTuple):
    """AdamW's state, with the weights that it moves: the answer of `read("optimizer")`.

    There is one element a trainable storage, in the module's order. A tensor has the shape of its weight; of sharded
    weights, all are this rank's parts.
    """

    weights: Sequence[Tensor]  # θ
    first: Sequence[Tensor]  # m, not bias-corrected; a copy each time it is read
    second: Sequence[Tensor]  # v, not bias-corrected; a copy each time it is read
    steps: tuple[int, ...]  # optimiser steps in m and v
    betas: tuple[float, float]
    eps: float
    decay: tuple[float, ...]  # decoupled weight decay
    rate: Callable[[int], float]  # learning rate of the i-th coming step, from 1


class Copies(Sequence[Tensor]):
    """Tensors of which each reader gets a copy: it may change the copy, and there is one in memory at a time."""

    def __init__(self, tensors: Sequence[Tensor]) -> None:
        self._tensors = tensors

    def __len__(self) -> int:
        return len(self._tensors)

    @overload
    def __getitem__(self, index: int) -> Tensor: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Tensor]: ...
    def __getitem__(self, index: int | slice) -> Tensor | Sequence[Tensor]:
        """Return a copy of one tensor, or a part of the sequence."""
        return Copies(self._tensors[index]) if isinstance(index, slice) else local(self._tensors[index]).clone()


def has_moments(optimizer: Optimizer) -> bool:
    """Whether the optimiser's next steps follow from its moments, so that `moments_of` answers after the first step."""
    try:
        uniform(optimizer)
    except AscError:
        return False
    return True


def moments_of(
    optimizer: Optimizer, parameters: Sequence[Tensor], weights: Sequence[Tensor], rate: Callable[[int], float]
) -> Moments | None:
    """Return the moments of these parameters, whose values are `weights`; None until each has taken a step.

    `rate` is the learning rate of the i-th coming step. Raises AscError as `uniform` does.
    """
    settings = uniform(optimizer)
    state_of = links(optimizer)[-1].state
    states = [state_of.get(parameter) or {} for parameter in parameters]
    if not all("exp_avg_sq" in state for state in states):
        return None
    return Moments(
        weights,
        Copies([state["exp_avg"] for state in states]),
        Copies([state["exp_avg_sq"] for state in states]),
        tuple(int(state["step"]) for state in states),
        settings["betas"],
        settings["eps"],
        decays(optimizer.param_groups, parameters),
        rate,
    )


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
def direction(first: Tensor, second: Tensor, steps: int, moments: Moments) -> Tensor:
    """Return d = m̂ / (√v̂ + ε), in fp32 and with both moments corrected for their bias of so many steps."""
    beta1, beta2 = moments.betas
    corrected = first.float() / (1 - beta1**steps)
    return corrected / ((second.float() / (1 - beta2**steps)).sqrt_().add_(moments.eps))


def decays(groups: Sequence[dict[str, Any]], parameters: Sequence[Tensor]) -> tuple[float, ...]:
    """Return each parameter's weight decay, from an optimiser's groups."""
    of = {id(p): float(group["weight_decay"]) for group in groups for p in group["params"]}
    return tuple(of.get(id(parameter), 0.0) for parameter in parameters)


def uniform(optimizer: Optimizer) -> dict[str, Any]:
    """Return the learning rate, betas and eps that all parameter groups share; their weight decays may differ.

    Raises AscError if AdamW's next steps do not follow from one of each: for other optimisers, Adam with weight decay
    that the moments contain, AMSGrad, maximisation.
    """
    layout, groups = layout_of(optimizer), links(optimizer)[-1].param_groups
    if layout is None or not layout.adam or any(_departs(group, layout.adam == "decoupled") for group in groups):
        raise AscError(
            f"The next steps can be predicted from the moments of AdamW, and this optimiser, {name_of(optimizer)}, "
            "takes other steps: choose a predictor that needs only weights, such as linear."
        )
    kinds = {(float(group["lr"]), *map(float, group["betas"]), float(group["eps"])) for group in groups}
    if len(kinds) > 1:
        raise AscError(
            "The next steps can be predicted from the moments of AdamW with one learning rate for all parameters, and "
            "the parameter groups of this optimiser differ: choose a predictor that needs only weights, such as linear."
        )
    lr, beta1, beta2, eps = kinds.pop()
    return {"lr": lr, "betas": (beta1, beta2), "eps": eps}


def _departs(group: dict[str, Any], decoupled: bool) -> bool:
    coupled = not (decoupled or group.get("decoupled_weight_decay"))
    return bool(group.get("amsgrad") or group.get("maximize") or (coupled and group["weight_decay"]))
