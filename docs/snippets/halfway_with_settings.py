"""A predictor with a setting."""

from __future__ import annotations

from fractions import Fraction

from pydantic import Field

import asc


class Damped(asc.Predictor):
    """A part of the linear trend."""

    class Config(asc.Settings):
        """How much of the trend remains."""

        factor: float = Field(0.5, ge=0, le=1, description="share of the trend that remains")

    def predict(self, history: asc.History, horizon: int) -> asc.Combination | None:
        """Continue that share of the trend."""
        if len(history.positions) < 2:
            return None
        before, now = history.positions[-2:]
        trend = Fraction(horizon, now - before) * Fraction(self.config.factor)
        return asc.Combination((-trend, 1 + trend))
