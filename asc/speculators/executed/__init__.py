"""Executed speculation: predict, let a worker run on from there, and match what it read on arrival."""
