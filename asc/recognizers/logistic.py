"""A straight line through the log-odds of few outcomes, with a prior."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TOLERANCE = 1e-9
_ROUNDS = 50


def fit_line(
    places: NDArray[np.float64], outcomes: NDArray[np.float64], prior: tuple[float, float], strength: float
) -> tuple[float, float]:
    """Return intercept and slope of log-odds against place, the maximum a posteriori of a logistic regression.

    `places` and `outcomes` (0 or 1) have shape (n,). The prior is Gaussian round `prior` with precision `strength` > 0
    in both coordinates, so the answer exists and is unique even where all outcomes agree; with n = 0 it is the prior.
    Newton's method with step halving.
    """
    design = np.stack([np.ones_like(places), places], axis=1)
    centre = np.asarray(prior, dtype=np.float64)
    line = centre.copy()

    def loss(at: NDArray[np.float64]) -> float:
        odds = design @ at
        return float(np.sum(np.logaddexp(0.0, odds) - outcomes * odds) + strength / 2 * np.sum((at - centre) ** 2))

    here = loss(line)
    for _ in range(_ROUNDS):
        chance = (1 + np.tanh(design @ line / 2)) / 2  # the logistic function, without overflow
        gradient = design.T @ (chance - outcomes) + strength * (line - centre)
        curvature = (design * (chance * (1 - chance))[:, None]).T @ design + strength * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        while (there := loss(line - step)) > here and np.abs(step).max() > _TOLERANCE:
            step = step / 2
        if there > here:
            break
        line, here = line - step, there
        if np.abs(step).max() <= _TOLERANCE:
            break
    return float(line[0]), float(line[1])
