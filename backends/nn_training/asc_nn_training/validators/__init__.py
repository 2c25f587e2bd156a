"""Validators for training: held-out losses, and real steps from both sides."""
