"""Averages of weights: one that is only evaluated beside training, and one as a candidate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Combination
from asc_nn_training.weights.weights import Values


class TailAverage(Predictor):
    """The mean of the last snapshots, or a step towards it: (1 - λ) θ + λ mean (LAWA, Kaddour 2022).

    An average has less noise than the weights that it is made of, so its loss is lower at once. Training that continues
    from the average often ends at a higher loss than training without it. So averages are mainly for evaluation, and
    become candidates only if this predictor is chosen.
    """

    class Config(Settings):
        """Settings of `tail-average`."""

        window: int = Field(4, ge=2, description="snapshots in the average, including the newest")
        blend: float = Field(1.0, gt=0, le=1, description="λ: 1 is the mean itself")

    config: Config

    in_place = True

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.depth = self.config.window

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Return the mean of the snapshots there are, up to the window; None with a single one."""
        count = min(self.config.window, len(history.positions))
        if count < 2:
            return None
        share = self.config.blend / count
        return Combination((share,) * (count - 1) + (share + 1 - self.config.blend,))


class Average:
    """A running exponential average of the weights, in fp32: close to what annealing the rate would reach.

    The average starts as the first weights. Each update is one pass over the average and the weights.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._values: Values | None = None

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor]) -> None:
        """Move the average towards the weights by the share 1 - decay."""
        if self._values is None:
            self._values = [weight.detach().to(torch.float32, copy=True) for weight in weights]
            return
        torch._foreach_lerp_(self._values, [weight.detach().float() for weight in weights], 1 - self._decay)

    def values(self) -> Values | None:
        """Return the average, which the caller must not change; None before the first update."""
        return self._values

    def state_dict(self) -> dict[str, Any]:
        """Return the average itself."""
        return {"values": self._values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, taking over its tensors."""
        self._values = state["values"]
