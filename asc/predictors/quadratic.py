"""A parabola through the last three snapshots."""

from __future__ import annotations

from asc.computation import History
from asc.predictors.extrapolation import extrapolate
from asc.settings import Settings
from asc.types import Combination


class Quadratic:
    """The parabola through the last three snapshots, exact at any spacing."""

    class Config(Settings):
        """Nothing to set."""

    needs: frozenset[str] = frozenset()

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Continue the parabola; its last weight at spacing Δ is 1 + K(K+Δ)/2Δ² + K/Δ."""
        return extrapolate(history.positions, 3, 2, horizon)
