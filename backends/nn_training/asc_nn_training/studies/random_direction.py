"""A control for predictors: as far as `linear`, but anywhere."""

from __future__ import annotations

import torch

from asc.predictor import History, Predictor
from asc.types import Direct


class RandomDirection(Predictor):
    """As far as `linear` would move each tensor, in a random direction: what a verdict that accepts noise lets pass."""

    needs = frozenset({"weights"})

    @torch.no_grad()
    def predict(self, history: History, horizon: int) -> Direct | None:
        """Draw from the position and the horizon, so that a run can be repeated."""
        if len(history.positions) < 2:
            return None
        earlier, newest = history.positions[-2:]
        before, now = history.read("weights")[-2:]
        random = torch.Generator(now[0].device).manual_seed(1000 * newest + horizon)
        predicted = []
        for old, new in zip(before, now, strict=True):
            direction = torch.randn(new.shape, generator=random, device=new.device)
            length = (new - old).norm() * horizon / (newest - earlier)
            predicted.append(new + direction * (length / direction.norm()))
        return Direct(predicted)
