"""An outer optimiser over what training moves between boundaries."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from pydantic import Field

from asc.computation import History
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.weights.weights import Values


class NesterovOuter:
    """An outer Nesterov step: s = w - w_K, b ← μ b + s, w ← w - η (μ b + s), with w_K what training made of w.

    Source: SNOO (arXiv 2510.15830), which is DiLoCo with one worker. The buffer b and the outer weights w change only
    where the step is taken: after a refusal, the next one spans what training has done since the last that was taken.
    A leap of another predictor begins the span anew. Skips no steps. Costs two copies of the weights.
    """

    class Config(Settings):
        """Settings of `nesterov-outer`."""

        momentum: float = Field(0.5, ge=0, lt=1, description="μ")
        rate: float = Field(1.0, gt=0, le=2, description="η; 1 with μ = 0 changes nothing")

    needs: frozenset[str] = frozenset({"segment", "weights"})
    in_place: ClassVar[bool] = True

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()
        self._outer: Values | None = None
        self._buffer: Values | None = None
        self._segment = 0  # that the outer weights belong to
        self._began = -1  # position at which the outer step under way began
        self._proposed: tuple[Values, Values] | None = None  # outer weights and buffer, should it be taken

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the outer step's weights; the first time, only note where it began."""
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
        self._proposed = predicted, buffer
        return Direct(predicted)

    def settle(self, taken: bool) -> None:
        """Keep buffer and outer weights where the run has leapt to them."""
        if taken and self._proposed is not None:
            self._outer, self._buffer = self._proposed
            self._segment += 1  # which this leap has begun
        self._proposed = None

    def state_dict(self) -> dict[str, Any]:
        """Return outer weights and buffer."""
        return {"outer": self._outer, "buffer": self._buffer, "segment": self._segment, "began": self._began}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, taking over the tensors."""
        self._outer, self._buffer = state["outer"], state["buffer"]
        self._segment, self._began = state["segment"], state["began"]
