"""Repeating the last increment for as long as a held-out loss falls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from pydantic import Field

from asc.computation import History
from asc.settings import Settings
from asc.types import Combination


class LineSearch:
    """θ + s (θ - θ'), θ' the snapshot before: s = 1, 2, 4 … while the loss falls, else backward -½, -1.

    Source: Fast Forward (Rahamim et al., EMNLP 2024). The losses are taken on a subset of the gate set that never
    judges, since the best of many tries on the judging one would look better than it is.
    """

    class Config(Settings):
        """Settings of `line-search`."""

        longest: int = Field(16, ge=1, description="largest multiple of the last increment that is tried")
        backward: bool = Field(True, description="try steps back, too, where none forward helps")

    needs: frozenset[str] = frozenset({"score"})
    in_place: ClassVar[bool] = True

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or self.Config()

    def predict(self, history: History, horizon: int) -> Combination | None:
        """Name the best scale that was found; silent where none is better than staying."""
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
