"""An outer optimiser, whose gradient is the move of the weights between boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from pydantic import Field

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.weights.weights import Values


class NesterovOuter(Predictor):
    """An outer Nesterov step: s = w - w_K, b ← μ b + s, w ← w - η (μ b + s), where training has moved w to w_K.

    Source: SNOO (arXiv 2510.15830), which is DiLoCo with one worker. The buffer b and the outer weights w change only
    if the candidate is accepted. After a rejection, the next outer step covers all training since the last accepted
    one. A leap of another predictor starts a new outer step from the weights after that leap. Skips no steps. Keeps two
    copies of the weights.
    """

    class Config(Settings):
        """Settings of `nesterov-outer`."""

        momentum: float = Field(0.5, ge=0, lt=1, description="μ")
        rate: float = Field(1.0, gt=0, le=2, description="η; 1 with μ = 0 changes nothing")

    config: Config

    needs = frozenset({"segment", "weights"})
    depth = 1
    in_place = True

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._outer: Values | None = None
        self._buffer: Values | None = None
        self._segment = 0  # of the outer weights
        self._began = -1  # position of the outer weights
        self._candidate: tuple[Values, Values] | None = None  # outer weights and buffer, if it is accepted

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the weights after the outer step; None at the position where it starts."""
        newest: Values = history.read("weights")[-1]
        segment: int = history.read("segment")
        here = history.positions[-1]
        if self._outer is None or segment != self._segment:
            self._outer, self._segment, self._began = newest, segment, here
        if here == self._began:
            return None
        mu, eta = self.config.momentum, self.config.rate
        moved = list(torch._foreach_sub(self._outer, newest))
        buffer = (
            moved if self._buffer is None else list(torch._foreach_add(torch._foreach_mul(self._buffer, mu), moved))
        )
        step = torch._foreach_add(torch._foreach_mul(buffer, mu), moved)
        predicted = list(torch._foreach_add(self._outer, step, alpha=-eta))
        self._candidate = predicted, buffer
        return Direct(predicted)

    def settle(self, accepted: bool) -> None:
        """Adopt the candidate's outer weights and buffer if the run has leapt to it."""
        if accepted and self._candidate is not None:
            self._outer, self._buffer = self._candidate
            self._segment += 1  # the leap starts a new segment
        self._candidate = None

    def state_dict(self) -> dict[str, Any]:
        """Return the outer weights with their position and segment, and the buffer."""
        return {"outer": self._outer, "buffer": self._buffer, "segment": self._segment, "began": self._began}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, taking over its tensors."""
        self._outer, self._buffer = state["outer"], state["buffer"]
        self._segment, self._began = state["segment"], state["began"]
