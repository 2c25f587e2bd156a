"""Speculation in training loops that other code owns."""
