"""Weights: the copies of past ones, weighted sums of them, and verified transitions."""
