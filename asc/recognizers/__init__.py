"""Built-in recognizers, and the grid of positions at which they stop, for plugins to build on."""

from asc.recognizers.grid import next_on_grid

__all__ = ["next_on_grid"]
