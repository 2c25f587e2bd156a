"""Averages of weights: as a read-out beside training, and as a candidate to adopt on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from asc.computation import History
from asc.settings import Settings
from asc.types import Combination
from asc_nn_training.weights.weights import Values


class TailAverage:
    """The mean of the last snapshots, or a step towards it: (1 - λ) θ + λ mean (LAWA, Kaddour 2022).

    An average has less noise than the weights it is made of, which shows in the loss at once; gone on from, training
    often ends higher than without. It is a read-out first, and a candidate for those who ask for it.
    """

    class Config(Settings):
        """Settings of `tail-average`."""

        window: int = Field(4, ge=2, description="snapshots that are averaged, the newest included")
        blend: float = Field(1.0, gt=0, le=1, description="λ: 1 is the mean itself")

    needs: frozenset[str] = frozenset()
    in_place: ClassVar[bool] = True

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Name the mean of as many snapshots as there are, up to the window; silent with one."""
        count = min(self.config.window, len(history.positions))
        if count < 2:
            return None
        share = self.config.blend / count
        return Combination((share,) * (count - 1) + (share + 1 - self.config.blend,))


class Average:
    """A running exponential average of the weights, in fp32: what annealing would arrive at, at any moment.

    The average starts as the first weights it is given, and each update takes one pass over it and them.
    """

    def __init__(self, decay: float) -> None:
        self._decay = decay
        self._values: Values | None = None

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor]) -> None:
        """Move a share 1 - decay towards the weights."""
        if self._values is None:
            self._values = [weight.detach().to(torch.float32, copy=True) for weight in weights]
            return
        torch._foreach_lerp_(self._values, [weight.detach().float() for weight in weights], 1 - self._decay)

    def values(self) -> Values | None:
        """The average, not to be changed; None before the first update."""
        return self._values

    def state_dict(self) -> dict[str, Any]:
        """Return the average itself."""
        return {"values": self._values}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, taking over the tensors."""
        self._values = state["values"]
