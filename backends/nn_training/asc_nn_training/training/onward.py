"""Ways of going on: steps that are taken as before, each followed by a small leap of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Self

import torch
from pydantic import Field
from torch import Tensor

from asc.settings import Settings
from asc_nn_training.weights.weights import Values


class Way(NamedTuple):
    """A way of going on, by its coefficients: θ ← θ + β_t m after each step, where m averages the steps' increments.

    β_t is β times the learning rate over its peak. With β = 0 nothing is added: the training goes on as it is.
    """

    beta: float
    decay: float  # γ: about 1 / (1 - γ) increments are averaged
    start: int = 0  # position from which on something is added
    peak: float = 0.0  # highest learning rate seen before


class WayConfig(Settings):
    """How a training goes on between leaps."""

    way: Literal["plain", "ema-nesterov"] = Field(
        "plain",
        description="how the training goes on after each step, unjudged: plain, or ema-nesterov, which adds a share of "
        "the average increment",
    )
    way_beta: float = Field(
        0.3,
        gt=0,
        lt=1,
        description="ema-nesterov: β, the share of the average that is added; steady moves grow to "
        "1 / (1 - β) of themselves",
    )
    way_decay: float = Field(0.97, gt=0, lt=1, description="ema-nesterov: decay of the average, by step")
    way_start: int = Field(
        100, ge=0, description="ema-nesterov: the step from which on it is added, once it averages 1 / (1 - γ) steps"
    )

    def chosen_way(self) -> Way:
        """Return the way that was chosen."""
        return Way(0.0 if self.way == "plain" else self.way_beta, self.way_decay, self.way_start)


class Onward:
    """Carries a way out: EMA-Nesterov, as in the track-3 entries of the nanogpt speed-run.

    After a step that has led to θ: m ← m + α (θ - θ' - m), then θ' ← θ, and θ ← θ + β_t m. So an increment θ - θ' is
    the move of a step together with what was added before it. α is 1 - γ, and 1 / (n + 1) at the n-th step if that is
    larger. As long as it is larger, nothing is added: the mean of few increments is mostly noise.

    One buffer holds q = m - α / g · θ, where g = 1 - α + α β_t. Then the next m is g q + α θ, and neither θ' nor the
    increment needs memory. Each step reads and writes weights and buffer once, as far as caches reach.
    """

    def __init__(self, way: Way) -> None:
        self.way = way
        self.peak = way.peak
        """The highest learning rate so far."""
        self._steps = 0
        self._added = 0.0  # the newest β_t
        self._buffer: Values = []  # none before the first step, after which the weights may be loaded ones

    @torch.no_grad()
    def after(
        self, weights: Sequence[Tensor], position: int, rate: float, moving: Sequence[bool] | None = None
    ) -> None:
        """Move the weights on after a step to `position`; `rate` is the learning rate of the next step.

        `moving` says which weights train, by default all: the others stay. The first call only notes the weights.
        """
        factor, share = self._next()
        self.peak = max(self.peak, rate)
        if not self._buffer:
            wide = (weight.to(torch.promote_types(weight.dtype, torch.float32)) for weight in weights)
            self._buffer = [weight * -share for weight in wide]
            return
        self._steps += 1
        added = self.way.beta * rate / self.peak if self._begun(position) and self.peak else 0.0
        self._added = added
        _, later = self._next()
        for some, buffers in self._parts(weights, moving):
            torch._foreach_add_(buffers, some, alpha=share)
            torch._foreach_mul_(buffers, factor)
            if added:
                torch._foreach_add_(some, buffers, alpha=added)
            torch._foreach_add_(buffers, some, alpha=-later)

    @torch.no_grad()
    def begin(self, earlier: Sequence[Tensor], weights: Sequence[Tensor], steps: int) -> None:
        """Begin with the mean increment of the steps that have led from earlier weights to these."""
        self._steps = steps - 1
        _, share = self._next()
        wide = [weight.to(torch.promote_types(weight.dtype, torch.float32)) for weight in weights]
        self._buffer = [(new - old) / steps - share * new for new, old in zip(wide, earlier, strict=True)]

    @torch.no_grad()
    def leapt(self, before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
        """Note that a leap has moved the weights, so that the average does not take the leap for an increment."""
        _, share = self._next()
        for buffer, old, new in zip(self._buffer, before, after, strict=bool(self._buffer)):
            buffer.add_(old.to(buffer.dtype) - new, alpha=share)

    def state_dict(self) -> dict[str, Any]:
        """Return the way, the buffer itself and what the next step depends on."""
        counted = {"steps": self._steps, "added": self._added, "peak": self.peak}
        return {"way": list(self.way), "buffer": self._buffer, **counted}

    @classmethod
    def from_state(cls, state: Mapping[str, Any], weights: Sequence[Tensor]) -> Self:
        """Continue from what `state_dict` returned, taking over its tensors, which move to where the weights are."""
        onward = cls(Way(*state["way"]))
        onward._buffer = [buffer.to(weight.device) for buffer, weight in zip(state["buffer"], weights, strict=False)]
        onward._steps, onward._added, onward.peak = state["steps"], state["added"], state["peak"]
        return onward

    def _parts(self, weights: Sequence[Tensor], moving: Sequence[bool] | None) -> list[tuple[Values, Values]]:
        """Return moving weights and their buffers: on a CPU one by one, for its cache; on a device all at once."""
        moves = moving or [True] * len(weights)
        pairs = [pair for *pair, moved in zip(weights, self._buffer, moves, strict=True) if moved]
        if not pairs or weights[0].device.type == "cpu":
            return [([weight], [buffer]) for weight, buffer in pairs]
        return [([weight for weight, _ in pairs], [buffer for _, buffer in pairs])]

    def _begun(self, position: int) -> bool:
        """Whether something is added: from the start on, once the average has its whole span."""
        return position >= self.way.start and 1 / (self._steps + 1) <= 1 - self.way.decay

    def _next(self) -> tuple[float, float]:
        """Return g and α / g of the next step."""
        alpha = max(1 - self.way.decay, 1 / (self._steps + 2))
        factor = 1 - alpha + alpha * self._added
        return factor, alpha / factor
