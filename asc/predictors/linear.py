"""A straight line through the last two snapshots."""

from __future__ import annotations

from asc.computation import History
from asc.predictors.extrapolation import extrapolate
from asc.settings import Settings
from asc.types import Combination


class Linear:
    """Stride: what changed between the last two snapshots goes on at the same rate."""

    class Config(Settings):
        """Nothing to set."""

    needs: frozenset[str] = frozenset()

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Continue the line through the last two snapshots at their actual positions."""
        return extrapolate(history.positions, 2, 1, horizon)
