"""The grid of positions at which recognizers stop: multiples of a distance, and never past the end."""

from __future__ import annotations

from asc.types import Recognition

OFF_GRID = Recognition(speculate=False, label="between boundaries", score=None)
"""The answer off the grid, where a leap or a resumed run may be: candidates start on the grid only."""


def next_on_grid(position: int, distance: int, total: int | None) -> int:
    """Return the smallest multiple of `distance` after `position`, or the run's end where that comes first."""
    boundary = position - position % distance + distance
    return total if total is not None and position < total < boundary else boundary
