"""A least-squares polynomial over the last snapshots."""

from __future__ import annotations

from pydantic import Field, model_validator

from asc.predictor import History, Predictor
from asc.predictors.extrapolation import extrapolate
from asc.settings import Settings
from asc.types import Combination


class Polynomial(Predictor):
    """The least-squares polynomial of a given degree over the last snapshots, in exact fractions."""

    class Config(Settings):
        """Settings of `polynomial`."""

        degree: int = Field(2, ge=0, le=16, description="degree of the polynomial: 1 is a line, 2 a parabola")
        window: int = Field(5, ge=1, le=64, description="how many of the last snapshots it is fitted to, over `degree`")

        @model_validator(mode="after")
        def _determined(self) -> Polynomial.Config:
            if self.window <= self.degree:
                raise ValueError(
                    f"a polynomial of degree {self.degree} needs a window of at least {self.degree + 1} snapshots, "
                    f"not {self.window}: set window to {self.degree + 1} or more, or lower the degree"
                )
            return self

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.depth = self.config.window

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Continue the fit to the last `window` snapshots, or to all there are once these are more than `degree`."""
        degree = self.config.degree
        count = min(self.config.window, len(history.positions))
        return extrapolate(history.positions, count, degree, horizon) if count > degree else None
