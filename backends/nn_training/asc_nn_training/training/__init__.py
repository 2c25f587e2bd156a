"""The plain training loop and what belongs to it."""
