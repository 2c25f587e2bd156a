"""Training that predicts its own weights, checks them on held-out data, and leaps."""
