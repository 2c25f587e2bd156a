"""A parabola through the last three snapshots."""

from __future__ import annotations

from asc.predictor import History, Predictor
from asc.predictors.extrapolation import extrapolate
from asc.types import Combination


class Quadratic(Predictor):
    """The parabola through the last three snapshots, exact at any spacing."""

    depth = 3

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Continue the parabola; its last weight at spacing Δ is 1 + K(K+Δ)/2Δ² + K/Δ."""
        return extrapolate(history.positions, 3, 2, horizon)
