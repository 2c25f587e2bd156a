"""The average of what was."""

from __future__ import annotations

from fractions import Fraction

from pydantic import Field

from asc.computation import History
from asc.predictors.extrapolation import ZERO
from asc.settings import Settings
from asc.types import Combination


class Mean:
    """The mean of the last snapshots: for quantities that hover about a level."""

    class Config(Settings):
        """How far back the mean reaches."""

        window: int = Field(8, ge=1, description="how many of the last snapshots are averaged")

    needs: frozenset[str] = frozenset()

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def predict(self, history: History, horizon: int) -> Combination:
        """Weigh the last snapshots alike; fewer than the window are averaged as they are."""
        available = len(history.positions)
        count = min(self.config.window, available)
        return Combination((ZERO,) * (available - count) + (Fraction(1, count),) * count)
