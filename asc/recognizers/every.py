"""A recognizer that stops on a fixed grid."""

from __future__ import annotations

from pydantic import Field

from asc.computation import Computation
from asc.recognizer import Recognizer
from asc.recognizers.grid import OFF_GRID, next_on_grid
from asc.settings import Settings
from asc.types import Recognition


class Every(Recognizer):
    """Each n-th step is a boundary and is speculated from.

    The grid is fixed (multiples of n): a leap that lands beside it is followed by a boundary on it, so that the
    snapshots of a segment stay equally spaced.
    """

    class Config(Settings):
        """Settings of `every`."""

        steps: int = Field(50, ge=1, description="steps between boundaries")

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._here = Recognition(speculate=True, label=f"every {self.config.steps:,} steps", score=None)

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Return the next multiple of n, or the end of the run."""
        return next_on_grid(position, self.config.steps, computation.total())

    def recognise(self, computation: Computation) -> Recognition:
        """Say yes on the grid."""
        return OFF_GRID if computation.position() % self.config.steps else self._here
