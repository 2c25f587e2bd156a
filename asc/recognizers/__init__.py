"""Built-in recognizers: where to stop and think."""
