"""A multiple of the last increment, as large as a held-out loss allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pydantic import Field

from asc.predictor import History, Predictor
from asc.settings import Settings
from asc.types import Combination


class LineSearch(Predictor):
    """θ + s (θ - θ'), where θ' is the snapshot before: s = 1, 2, 4 … while the loss falls, else s = -½, -1.

    Source: Fast Forward (Rahamim et al., EMNLP 2024). The losses come from a subset of the gate set that never judges:
    the best of many scales on the judging subset would look better than it is.
    """

    class Config(Settings):
        """Settings of `line-search`."""

        longest: int = Field(16, ge=1, description="largest multiple of the last increment to try")
        backward: bool = Field(True, description="also try steps back, if no step forward helps")

    config: Config

    needs = frozenset({"score"})
    in_place = True

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Return the best scale; None if no scale is better than the present weights."""
        if len(history.positions) < 2:
            return None
        loss: Callable[[Sequence[float]], float] = history.read("score")
        here = loss((0.0, 1.0))
        best, scale = here, 0.0
        step = 1.0
        while step <= self.config.longest:
            found = loss((-step, 1 + step))
            if not found < best:
                break
            best, scale, step = found, step, 2 * step
        if not scale and self.config.backward:
            for step in (-0.5, -1.0):
                found = loss((-step, 1 + step))
                if not found < best:
                    break
                best, scale = found, step
        return Combination((-scale, 1 + scale)) if scale else None
