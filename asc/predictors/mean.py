"""The average of the last snapshots."""

from __future__ import annotations

from fractions import Fraction

from pydantic import Field

from asc.predictor import History, Predictor
from asc.predictors.extrapolation import ZERO
from asc.settings import Settings
from asc.types import Combination


class Mean(Predictor):
    """The mean of the last snapshots, for quantities that vary about a level."""

    class Config(Settings):
        """Settings of `mean`."""

        window: int = Field(8, ge=1, description="how many of the last snapshots are averaged")

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.depth = self.config.window

    def predict(self, history: History, horizon: int) -> Combination:
        """Weigh the last snapshots alike; fewer than the window are averaged as they are."""
        available = len(history.positions)
        count = min(self.config.window, available)
        return Combination((ZERO,) * (available - count) + (Fraction(1, count),) * count)
