"""A recognizer that never sees a place to guess from: what the engine falls back to when one raises."""

from __future__ import annotations

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Recognition


class Never:
    """Stops at every n-th step, and speculates from none of them; what the cache knows is still used."""

    class Config(Settings):
        """Settings of `never`."""

        steps: int = Field(1, ge=1, description="steps between boundaries")

    def __init__(self, config: Config | None = None) -> None:
        self._steps = (config or self.Config()).steps

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Return the next position, so many steps on."""
        return position + self._steps

    def recognise(self, computation: Computation) -> Recognition:
        """Say no."""
        return Recognition(speculate=False, label="resting", score=None)
