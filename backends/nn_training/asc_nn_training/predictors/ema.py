"""Extrapolation along a running average of the moves between boundaries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from pydantic import Field

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.weights.weights import Values


class EmaIncrements(Predictor):
    """θ + β (η / η_peak) EMA of increments: EMA-Nesterov, as in the track-3 entries of the nanogpt speed-run.

    An increment is the move of the weights between two boundaries of one segment, so it contains no leap. The factor
    falls with the learning rate, because the extra move helps only while the rate is high. Skips no steps. Keeps one
    copy of the weights.
    """

    class Config(Settings):
        """Settings of `ema-increments`."""

        beta: float = Field(
            0.6, gt=0, allow_inf_nan=False, description="β, the share of the average increment that is added"
        )
        span: int = Field(20, ge=1, description="increments in the average, about")

    config: Config

    needs = frozenset({"rate", "weights"})
    in_place = True

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._average: Values | None = None
        self._seen = -1  # position of the newest increment in the average
        self._peak = 0.0

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Take the newest increment into the average, and add a share of the average to the weights."""
        if len(history.positions) < 2:
            return None
        before, newest = history.read("weights")[-2:]
        if history.positions[-1] > self._seen:
            self._seen = history.positions[-1]
            increment = list(torch._foreach_sub(newest, before))
            if self._average is None:
                self._average = increment
            else:
                torch._foreach_lerp_(self._average, increment, 2 / (self.config.span + 1))
        ahead: Callable[[int], float] = history.read("rate")
        rate = ahead(1)
        self._peak = max(self._peak, rate)
        if self._average is None or not rate:
            return None
        return Direct(list(torch._foreach_add(newest, self._average, alpha=self.config.beta * rate / self._peak)))

    def state_dict(self) -> dict[str, Any]:
        """Return the average, the position of its newest increment, and the peak rate."""
        average = None if self._average is None else [tensor.clone() for tensor in self._average]
        return {"average": average, "seen": self._seen, "peak": self._peak}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, taking over its tensors."""
        self._average, self._seen, self._peak = state["average"], state["seen"], state["peak"]
