"""Built-in recognizers: where to stop and think; and the grid that they stop on, for others to build on."""

from asc.recognizers.grid import next_on_grid

__all__ = ["next_on_grid"]
