"""Predictions from AdamW's own state: where the weights would go while the moments stay what they are."""

from __future__ import annotations

from typing import ClassVar

import torch
from pydantic import Field

from asc.computation import History
from asc.errors import AscError
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.training.moments import Moments, direction, way
from asc_nn_training.weights.weights import Values


class Momentum:
    """K steps of AdamW with m̂ and v̂ held: bias-corrected, in fp32, along the schedule, with decoupled weight decay.

    Exact where the gradient does not change. Second moments of less than fp32 are refused: an average of squares that
    underflows to zero divides by epsilon.
    """

    needs: frozenset[str] = frozenset({"optimizer"})
    decaying: ClassVar[bool] = False

    class Config(Settings):
        """No settings."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the weights after `horizon` steps; silent before the first step."""
        moments: Moments | None = history.read("optimizer")
        if moments is None or moments.steps == 0:
            return None
        require_precise(moments)
        shrink = moments.betas[0] if self.decaying else 1.0
        ways = {decay: way(moments, horizon, decay, shrink) for decay in set(moments.decay)}
        predicted: Values = []
        for weight, first, second, decay in zip(
            moments.weights, moments.first, moments.second, moments.decay, strict=True
        ):
            keep, move = ways[decay]
            step = direction(first, second, moments)
            predicted.append((weight.float() * keep).sub_(step, alpha=move).to(weight.dtype))
        return Direct(predicted)


class MomentumDecaying(Momentum):
    """As `momentum`, but m̂ shrinks by β1 each step, as it does where gradients average out to zero."""

    decaying: ClassVar[bool] = True


class Published:
    """What the published forms have in common: a snapshot rounded to `snapshot_dtype`, and no bias correction."""

    needs: frozenset[str] = frozenset({"optimizer"})

    class Config(Settings):
        """Settings of the published forms."""

        snapshot_dtype: str = Field(
            "float16", pattern="^(float16|bfloat16|float32)$", description="precision in which θ, m and v are kept"
        )
        scale: float = Field(
            1.0, gt=0, allow_inf_nan=False, description="factor on the step; the code tries 0.8 to 1.2"
        )

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def factor(self, moments: Moments, horizon: int) -> float:
        """What m / (√v + ε) is multiplied by."""
        raise NotImplementedError

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the weights; silent before the first step."""
        moments: Moments | None = history.read("optimizer")
        if moments is None or moments.steps == 0:
            return None
        dtype, factor = getattr(torch, self.config.snapshot_dtype), self.factor(moments, horizon)
        predicted: Values = []
        for weight, first, second in zip(moments.weights, moments.first, moments.second, strict=True):
            step = first.to(dtype).float() / (second.to(dtype).float().sqrt() + moments.eps)
            predicted.append(weight.to(dtype).float().add(step, alpha=factor).to(weight.dtype))
        return Direct(predicted)


class MomentumAsPrinted(Published):
    """θ + K · m / (√v + ε): Leap+Verify, Eq. 3, without a learning rate and with the sign that it has there."""

    def factor(self, moments: Moments, horizon: int) -> float:
        """K."""
        return self.config.scale * horizon


class MomentumAsCoded(Published):
    """θ - s · K · η · m / (√v + ε): the code published with Leap+Verify, its snapshots in half precision."""

    def factor(self, moments: Moments, horizon: int) -> float:
        """Minus s K η."""
        return -self.config.scale * horizon * moments.rate(1)


def require_precise(moments: Moments) -> None:
    """Refuse second moments of less than fp32."""
    for second in moments.second:
        if torch.finfo(second.dtype).bits < 32:
            raise AscError(
                f"The optimiser's second moments are in {str(second.dtype).removeprefix('torch.')}, where most of them "
                "are zero, so predictor momentum would divide by epsilon. Keep them in float32, or choose linear."
            )
