"""Weights: where past ones are kept, and sums of them."""
