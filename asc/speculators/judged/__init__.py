"""Judged speculation: predict, and let a validator decide at once whether the candidate is good enough."""
