"""Tomorrow's weather is today's."""

from __future__ import annotations

from asc.computation import History
from asc.predictors.extrapolation import ONE, ZERO
from asc.settings import Settings
from asc.types import Combination


class LastValue:
    """Everything stays as it is (ASC's weatherman)."""

    class Config(Settings):
        """Nothing to set."""

    needs: frozenset[str] = frozenset()

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def predict(self, history: History, horizon: int) -> Combination:
        """Name the newest snapshot, whatever the horizon."""
        return Combination((ZERO,) * (len(history.positions) - 1) + (ONE,))
