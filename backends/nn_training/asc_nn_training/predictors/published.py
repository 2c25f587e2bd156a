"""The quadratic forms published with Leap+Verify, for study; the exact parabola is the core's `quadratic`."""

from __future__ import annotations

from abc import abstractmethod

import torch
from pydantic import Field

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Direct
from asc_nn_training.weights.weights import Values


class _Quadratic(Predictor):
    """From three equally spaced snapshots, rounded to `snapshot_dtype` as in the published code."""

    needs = frozenset({"weights"})
    depth = 3

    class Config(Settings):
        """Settings of the published quadratic forms."""

        snapshot_dtype: str = Field(
            "float32", pattern="^(float16|bfloat16|float32)$", description="precision of the snapshots"
        )

    config: Config

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Return the weights; None without three snapshots at equal distances, which the forms require."""
        if len(history.positions) < 3:
            return None
        first, second, third = history.positions[-3:]
        if second - first != third - second:
            return None
        ratio = horizon / (third - second)
        dtype = getattr(torch, self.config.snapshot_dtype)
        predicted: Values = []
        for tensors in zip(*history.read("weights")[-3:], strict=True):
            oldest, middle, newest = (tensor.to(dtype).float() for tensor in tensors)
            velocity, acceleration = newest - middle, newest - 2 * middle + oldest
            step = self.step(velocity, acceleration, ratio)
            predicted.append((newest + step).to(tensors[-1].dtype))
        return Direct(predicted)

    @abstractmethod
    def step(self, velocity: torch.Tensor, acceleration: torch.Tensor, ratio: float) -> torch.Tensor:
        """Return the change of one tensor; `ratio` is K/Δ."""


class QuadraticAsPrinted(_Quadratic):
    """θ + (K/Δ) v + K(K - Δ)/(2Δ²) a: Leap+Verify, Eq. 5. The parabola through the points has K(K + Δ)."""

    def step(self, velocity: torch.Tensor, acceleration: torch.Tensor, ratio: float) -> torch.Tensor:
        """Return the printed sum."""
        return ratio * velocity + ratio * (ratio - 1) / 2 * acceleration


class QuadraticAsCoded(_Quadratic):
    """θ + (K/Δ) v + ½ (K/Δ)² a, with each tensor's a clamped to half the norm of its v: the published code."""

    def step(self, velocity: torch.Tensor, acceleration: torch.Tensor, ratio: float) -> torch.Tensor:
        """Return the sum with the clamped acceleration."""
        most, size = velocity.norm() / 2, acceleration.norm()
        clamped = acceleration * torch.where(size > most, most / size, torch.ones_like(size))
        return ratio * velocity + ratio**2 / 2 * clamped
