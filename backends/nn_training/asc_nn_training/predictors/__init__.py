"""Predictors for training: from past weights, AdamW's moments, held-out losses, or a buffer of their own."""
