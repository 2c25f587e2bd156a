"""How far ahead a prediction can be right: how fast two trainings that are almost equal drift apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asc.computation import Computation
from asc.recognizer import Recognizer
from asc.recognizers.grid import OFF_GRID, next_on_grid
from asc.settings import Settings
from asc.types import Recognition

_MARKS = 4  # distances that an exponent is fitted to, evenly spaced


class Lyapunov(Recognizer):
    """Bounds the horizon by a Lyapunov exponent: λ, by which the logarithm of a small distance grows a step.

    Now and then it follows a *twin*, a training that is a fraction of a step ahead of this one and is given the same
    batches. Where their distance grows like e^(λ·steps), no leap of many more than 1/λ steps can land where the
    training will be, whatever predicts it, and horizons beyond that are not tried. A twin that does not drift apart
    bounds nothing: the exponent says where a leap must fail, not where it succeeds. Updates in place are never bounded.

    The twin is ahead along the training's own step, since a leap errs in that direction. In a random direction most of
    the distance is in weights that no gradient moves, and hides the growth for dozens of steps. The first quarter of
    the steps is not fitted: Adam's moments do not know of the difference at first.

    Twins are on the clock. The first is followed where its price is `share` of the steps so far, and the next where
    twice as many steps have been taken; before the first, every horizon is tried. Source: Benettin et al. 1980
    (doi 10.1007/BF02128237), with one twin instead of a renormalised sequence.
    """

    needs = frozenset({"twin"})

    class Config(Settings):
        """Settings of `lyapunov`."""

        every: int = Field(50, ge=1, description="steps between boundaries")
        steps: int = Field(12, ge=_MARKS, description="steps that a twin is followed for; both sides are taken")
        size: float = Field(0.1, gt=0, le=1, description="how far the twin is ahead, in steps of the training")
        reach: float = Field(
            1.0, gt=0, allow_inf_nan=False, description="horizons up to this many times 1/λ steps are tried"
        )
        share: float = Field(0.02, gt=0, le=1, description="of the steps so far, that twins may cost at most")

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        steps = self.config.steps
        self._marks = [round(steps * number / _MARKS) for number in range(1, _MARKS + 1)]
        self._look_at = math.ceil(2 * (steps + 1) / self.config.share)  # position of the next look
        self._here = Recognition(speculate=True, label="unknown", score=None)

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Return the next multiple of `every`, or the end of the run."""
        return next_on_grid(position, self.config.every, computation.total())

    def recognise(self, computation: Computation) -> Recognition:
        """Say yes on the grid, with the bound that the newest twin has shown; follow a twin where one is due."""
        position = computation.position()
        if position % self.config.every:
            return OFF_GRID
        if position >= self._look_at:
            self._look_at = 2 * position
            distances = computation.read("twin", ())(self._marks, self.config.size)
            if distances is not None:
                self._here = self._judge(exponent(self._marks, distances))
        return self._here

    def state_dict(self) -> dict[str, Any]:
        """Return the newest answer, and where the next twin is due."""
        return {"look_at": self._look_at, "recognition": list(self._here)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._look_at, self._here = state["look_at"], Recognition(*state["recognition"])

    def _judge(self, growth: float) -> Recognition:
        furthest = int(self.config.reach / growth) if growth > 0 else None
        chaotic = furthest is not None and furthest < self.config.every
        return Recognition(True, "chaotic" if chaotic else "predictable", growth, furthest)


def exponent(marks: Sequence[int], distances: NDArray[np.float64]) -> float:
    """Return the slope of the logarithm of the distances, (marks,), over steps: a line by least squares."""
    steps = np.array(marks) - np.mean(marks)
    return float(steps @ np.log(distances) / (steps @ steps))
