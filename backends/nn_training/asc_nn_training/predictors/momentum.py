"""Predictions from AdamW's own state: where the weights would go if the moments stayed the same."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor

from asc.errors import AscError
from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.optimizers.moments import Moments, adamw_factors, direction
from asc_nn_training.weights.weights import Values


class Momentum(Predictor):
    """K steps of AdamW with m̂ and v̂ held: bias-corrected, in fp32, along the schedule, with decoupled weight decay.

    Exact if the gradient does not change. Second moments in less than fp32 are refused: an average of squares that
    underflows to zero leaves epsilon alone in the denominator.
    """

    needs = frozenset({"optimizer"})
    depth = 1
    decaying: ClassVar[bool] = False

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the weights after `horizon` steps; None before the first step."""
        moments: Moments | None = history.read("optimizer")
        if moments is None or 0 in moments.steps:
            return None
        shrink = moments.betas[0] if self.decaying else 1.0
        ways = {decay: adamw_factors(moments, horizon, decay, shrink) for decay in set(moments.decay)}
        predicted: Values = []
        for weight, first, second, steps, decay in zip(
            moments.weights, moments.first, moments.second, moments.steps, moments.decay, strict=True
        ):
            require_precise(second)
            keep, move = ways[decay]
            step = direction(first, second, steps, moments)
            predicted.append((weight.float() * keep).sub_(step, alpha=move).to(weight.dtype))
        return Direct(predicted)


class MomentumDecaying(Momentum):
    """As `momentum`, but m̂ shrinks by β1 each step, as it does if gradients average to zero."""

    decaying: ClassVar[bool] = True


class Published(Predictor):
    """What the published forms share: a snapshot rounded to `snapshot_dtype`, and no bias correction."""

    needs = frozenset({"optimizer"})
    depth = 1

    class Config(Settings):
        """Settings of the published forms."""

        snapshot_dtype: str = Field(
            "float16", pattern="^(float16|bfloat16|float32)$", description="precision of the kept θ, m and v"
        )
        scale: float = Field(
            1.0, gt=0, allow_inf_nan=False, description="factor on the step; the published code tries 0.8, 1.0 and 1.2"
        )

    config: Config

    @abstractmethod
    def factor(self, moments: Moments, horizon: int) -> float:
        """Return the factor on m / (√v + ε)."""

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the weights; None before the first step."""
        moments: Moments | None = history.read("optimizer")
        if moments is None or 0 in moments.steps:
            return None
        dtype, factor = getattr(torch, self.config.snapshot_dtype), self.factor(moments, horizon)
        predicted: Values = []
        for weight, first, second in zip(moments.weights, moments.first, moments.second, strict=True):
            step = first.to(dtype).float() / (second.to(dtype).float().sqrt() + moments.eps)
            predicted.append(weight.to(dtype).float().add(step, alpha=factor).to(weight.dtype))
        return Direct(predicted)


class MomentumAsPrinted(Published):
    """θ + K · m / (√v + ε): Leap+Verify, Eq. 3, which has no learning rate and the sign of ascent."""

    def factor(self, moments: Moments, horizon: int) -> float:
        """Return K."""
        return self.config.scale * horizon


class MomentumAsCoded(Published):
    """θ - s · K · η · m / (√v + ε): the code published with Leap+Verify, with snapshots in half precision."""

    def factor(self, moments: Moments, horizon: int) -> float:
        """Return minus s K η."""
        return -self.config.scale * horizon * moments.rate(1)


def require_precise(second: Tensor) -> None:
    """Refuse second moments in less than fp32. Raises AscError."""
    if torch.finfo(second.dtype).bits < 32:
        raise AscError(
            f"The optimiser's second moments are in {str(second.dtype).removeprefix('torch.')}, where most of them are "
            "zero, so predictor momentum would divide by epsilon. Keep them in float32, or choose linear."
        )
