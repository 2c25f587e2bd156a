"""Replay: other predictors are asked along a run that is over."""
