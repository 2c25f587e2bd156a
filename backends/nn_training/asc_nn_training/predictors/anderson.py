"""A combination of snapshots whose increments cancel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Combination


class Anderson(Predictor):
    """The combination of snapshots, coefficients summing to 1, whose increments cancel best.

    Reduced-rank extrapolation, regularised: c minimises |Σ cᵢ (xᵢ₊₁ - xᵢ)|² + ρ |c|² (Scieur, d'Aspremont and Bach
    2016). Inner products are enough for that. The result is exact for a linear iteration of d dimensions if there are
    d + 2 snapshots. Coefficients whose absolute values add up to more than `cap` are moved towards the newest snapshot.
    """

    class Config(Settings):
        """Settings of `anderson`."""

        window: int = Field(5, ge=3, description="snapshots that are combined, at most")
        regularisation: float = Field(1e-8, ge=0, description="ρ, relative to the increments")
        cap: float = Field(10.0, ge=1, description="largest sum of the coefficients' absolute values")

    config: Config

    in_place = True

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.depth = self.config.window

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Return the coefficients; None with fewer than three snapshots, or if nothing moves."""
        count = min(self.config.window, len(history.positions))
        if count < 3:
            return None
        gram = np.asarray(history.gram(), dtype=np.float64)[-(count - 1) :, -(count - 1) :]
        padded = np.zeros((count, count))  # differences to the newest snapshot, and the newest itself as zeros
        padded[:-1, :-1] = gram
        steps = np.diff(np.eye(count), axis=0)  # one row an increment
        inner = steps @ padded @ steps.T
        size = float(np.trace(inner))
        if not np.isfinite(size) or size <= 0:
            return None
        bordered = np.ones((count, count))  # with a Lagrange multiplier for the sum of 1
        bordered[:-1, :-1] = inner / size + self.config.regularisation * np.eye(count - 1)
        bordered[-1, -1] = 0
        shares = np.linalg.lstsq(bordered, np.append(np.zeros(count - 1), 1.0), rcond=None)[0][:-1].astype(np.float64)
        if not np.isfinite(shares).all() or abs(shares.sum() - 1) > 1e-6:
            return None
        coefficients = np.append(0.0, shares)
        return Combination(tuple(map(float, _capped(coefficients, self.config.cap))))


def _capped(coefficients: NDArray[np.float64], cap: float) -> NDArray[np.float64]:
    """Move towards the newest snapshot until the absolute values add up to the cap; the sum stays 1."""
    newest = np.zeros_like(coefficients)
    newest[-1] = 1.0
    low, high = 0.0, 1.0
    if np.abs(coefficients).sum() <= cap:
        return coefficients
    for _ in range(60):
        middle = (low + high) / 2
        within = np.abs(newest + middle * (coefficients - newest)).sum() <= cap
        low, high = (middle, high) if within else (low, middle)
    return newest + low * (coefficients - newest)
