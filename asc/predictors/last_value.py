"""A predictor by which nothing changes."""

from __future__ import annotations

from asc.predictor import History, Predictor
from asc.predictors.extrapolation import ONE, ZERO
from asc.types import Combination


class LastValue(Predictor):
    """Predicts that everything stays as it is (ASC's weatherman)."""

    def predict(self, history: History, horizon: int) -> Combination:
        """Return the newest snapshot, whatever the horizon."""
        return Combination((ZERO,) * (len(history.positions) - 1) + (ONE,))
