"""Settings of runs: their models, their validation, and the layers that they come from."""
