"""The run's own past as the teacher: how moves followed from earlier moves says which will follow now."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from asc.predictor import History, Predictor
from asc.predictors.affine import equally_spaced
from asc.settings import Settings
from asc.types import Combination


class Autoregression(Predictor):
    """Each move between boundaries as a sum of the moves before it, fitted to the run's own past by least squares.

    With moves dⱼ = xⱼ - xⱼ₋₁ of snapshots x, b minimises Σⱼ |dⱼ - Σᵢ bᵢ dⱼ₋ᵢ|² + ρ |b|² over the window. The next moves
    follow by b, each from those before it; a horizon between two boundaries takes a part of the last. One b serves all
    weights, so inner products are enough for the fit. This is ASC's linear regression, rolled out, with the role that
    scalar networks have in Introspection (arXiv 1704.04959) and in the Weight Nowcaster Network (Jang et al., ICML
    2023); unlike these, nothing is learnt from other runs. The result is exact if each move is a sum of `order` moves
    before it, as in a linear iteration of `order` dimensions.
    """

    class Config(Settings):
        """Settings of `autoregression`."""

        order: int = Field(3, ge=1, le=16, description="moves that determine the next one; fewer where few are known")
        window: int = Field(6, ge=3, le=64, description="snapshots that it is fitted to, at least `order` + 2")
        ridge: float = Field(1e-6, ge=0, description="ρ, relative to the mean squared move")

        @model_validator(mode="after")
        def _determined(self) -> Autoregression.Config:
            if self.window < self.order + 2:
                raise ValueError(
                    f"an autoregression of order {self.order} needs a window of at least {self.order + 2} snapshots, "
                    f"not {self.window}: set window to {self.order + 2} or more, or lower the order"
                )
            return self

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.depth = self.config.window

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Return the coefficients; None with too few snapshots at equal distances, or if nothing moves."""
        positions = history.positions
        count = equally_spaced(positions, self.config.window)
        if count < 3:
            return None
        order = min(self.config.order, count - 2)
        padded = np.zeros((count, count))  # differences to the newest snapshot, and the newest itself as zeros
        padded[:-1, :-1] = np.asarray(history.gram(), dtype=np.float64)[-(count - 1) :, -(count - 1) :]
        if not np.isfinite(padded).all():
            return None
        moves = np.diff(np.eye(count), axis=0)  # one row a move, as coefficients of the snapshots
        shares = _fit(moves @ padded @ moves.T, order, self.config.ridge)
        if shares is None:
            return None
        state, recent = np.eye(count)[-1], moves[-order:]
        gap = positions[-1] - positions[-2]
        with np.errstate(over="ignore", invalid="ignore"):  # moves that grow, over a long horizon
            for left in range(horizon, 0, -gap):
                move = shares @ recent
                state = state + min(1.0, left / gap) * move
                recent = np.vstack((recent[1:], move))
        return Combination(tuple(map(float, state))) if np.isfinite(state).all() else None


def _fit(inner: NDArray[np.float64], order: int, ridge: float) -> NDArray[np.float64] | None:
    """Return what share of each of `order` moves, oldest first, the next one has; None where nothing moves.

    `inner` has the inner products of all moves.
    """
    size = float(np.trace(inner)) / len(inner)
    if size <= 0:
        return None
    normal, outcome = ridge * np.eye(order), np.zeros(order)
    for next_ in range(order, len(inner)):
        given = slice(next_ - order, next_)
        normal += inner[given, given] / size
        outcome += inner[given, next_] / size
    shares: NDArray[np.float64] = np.linalg.lstsq(normal, outcome, rcond=None)[0].astype(np.float64)
    return shares
