"""Predictors that need more than past weights: AdamW's moments, or a buffer of their own."""
