"""A straight line through the last two snapshots."""

from __future__ import annotations

from asc.predictor import History, Predictor
from asc.predictors.extrapolation import extrapolate
from asc.types import Combination


class Linear(Predictor):
    """Stride: what changed between the last two snapshots continues to change at the same rate."""

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Continue the line through the last two snapshots at their actual positions."""
        return extrapolate(history.positions, 2, 1, horizon)
