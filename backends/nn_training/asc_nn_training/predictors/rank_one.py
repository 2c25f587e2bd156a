"""A line along the one direction in which the weights have moved most."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asc.predictor import History, Predictor
from asc.predictors.extrapolation import extrapolate
from asc.settings import Settings
from asc.types import Combination, Direct
from asc_nn_training.weights.combine import combine, gram
from asc_nn_training.weights.weights import Values


class RankOne(Predictor):
    """x₀ + c v: c is continued by a line, along the leading right singular vector v of the moves since x₀.

    x₀ is the oldest snapshot of the window, the moves are xᵢ - x₀, and cᵢ = (xᵢ - x₀) · v. The line through the cᵢ is
    fitted over the steps by least squares, with an intercept, and without x₀'s own c of 0. Of the present weights, only
    what lies along v is kept, and that as the line has it: every move off v since x₀ is undone. So this is another leap
    than one that starts at the present weights, and its change does not vanish where the horizon does.

    Source: RELEX (Wei et al. 2026, arXiv 2605.21468), with the details of its published code: a direction for each
    tensor, moves that are not centred, a line with an intercept. There, x₀ is where reinforcement learning began, and
    all checkpoints since then count. Here, the window moves with the training, because a leap starts a new segment.
    With `scope` "all", one direction serves all weights, and the prediction is a combination of snapshots, which needs
    no copy of its own. The two scopes differ as far as tensors do not move in step with each other. Where a tensor is
    sharded, "tensor" means each rank's part of it.
    """

    class Config(Settings):
        """Settings of `rank-one`."""

        window: int = Field(6, ge=3, le=64, description="snapshots, x₀ included")
        scope: Literal["tensor", "all"] = Field("tensor", description="a direction for each tensor, or one for all")

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self.depth = self.config.window
        if self.config.scope == "tensor":
            self.needs = frozenset({"weights"})

    def predict(self, history: History, horizon: int) -> Combination | Direct | None:
        """Return the weights, or their coefficients; None with fewer than three snapshots, or if nothing moves."""
        count = min(self.config.window, len(history.positions))
        line = extrapolate(history.positions[-count:], count - 1, 1, horizon) if count >= 3 else None
        if line is None:
            return None
        weights = np.array([float(share) for share in line.coefficients[1:]])
        if self.config.scope == "all":
            shares = _shares(history.gram()[-(count - 1) :, -(count - 1) :], weights)
            return None if shares is None else Combination(shares)
        predicted: Values = []
        moved = False
        for tensors in zip(*history.read("weights")[-count:], strict=True):
            terms = [[tensor] for tensor in tensors]
            shares = _shares(gram(terms).cpu().numpy(), weights)
            moved |= shares is not None
            predicted += combine(shares or (0.0,) * (count - 1) + (1.0,), terms)
        return Direct(predicted) if moved else None


def _shares(gram: Any, line: NDArray[np.float64]) -> tuple[float, ...] | None:
    """Return the snapshots' coefficients, oldest first; None where nothing moves, or not all is finite.

    `gram` has the inner products of differences to the newest snapshot. `line` has the weights with which values at the
    snapshots after the first give their line's value. With the moves M = σ u vᵀ + …, the c are σ u, so that c v is
    (line · u) uᵀ M: neither v nor σ is needed.
    """
    count = len(line) + 1
    padded = np.zeros((count, count))  # the newest itself has differences of zero
    padded[:-1, :-1] = gram
    moves = np.eye(count)[1:] - np.eye(count)[0]
    inner = moves @ padded @ moves.T
    if not np.isfinite(inner).all() or np.trace(inner) <= 0:
        return None
    leading = np.linalg.eigh(inner)[1][:, -1]
    shares = np.eye(count)[0] + (line @ leading) * leading @ moves
    return tuple(map(float, shares))
