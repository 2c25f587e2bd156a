"""Tracked execution: what a superstep reads before it writes it, and what it changes."""
