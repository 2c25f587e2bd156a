"""Extrapolation along the running average of what training moves between boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field

from asc.computation import History
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.training.moments import Moments
from asc_nn_training.weights.weights import Values


class EmaIncrements:
    """θ + β (η / η_peak) EMA of increments: EMA-Nesterov, as the track-3 entries of the nanogpt speed-run have it.

    An increment is what training moved the weights by between two boundaries of one segment, leaps left out. The factor
    falls with the learning rate, since forward helps only while that is high. Skips no steps; one buffer.
    """

    class Config(Settings):
        """Settings of `ema-increments`."""

        beta: float = Field(0.6, gt=0, allow_inf_nan=False, description="β, the share of the average that is added")
        span: int = Field(20, ge=1, description="increments that the average reaches back")

    needs: frozenset[str] = frozenset({"optimizer", "weights"})
    in_place: ClassVar[bool] = True

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self._average: Values | None = None
        self._seen = -1  # position up to which increments have been averaged
        self._peak = 0.0

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Take the newest increment into the average, and go on along that."""
        moments: Moments | None = history.read("optimizer")
        if moments is None or len(history.positions) < 2:
            return None
        before, newest = history.read("weights")[-2:]
        if history.positions[-1] > self._seen:
            self._seen = history.positions[-1]
            increment = list(torch._foreach_sub(newest, before))
            if self._average is None:
                self._average = increment
            else:
                torch._foreach_lerp_(self._average, increment, 2 / (self.config.span + 1))
        rate = moments.rate(1)
        self._peak = max(self._peak, rate)
        if self._average is None or not rate:
            return None
        return Direct(list(torch._foreach_add(newest, self._average, alpha=self.config.beta * rate / self._peak)))

    def state_dict(self) -> dict[str, Any]:
        """Return the average and what it has seen."""
        average = None if self._average is None else [tensor.clone() for tensor in self._average]
        return {"average": average, "seen": self._seen, "peak": self._peak}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, taking over the tensors."""
        self._average, self._seen, self._peak = state["average"], state["seen"], state["peak"]
