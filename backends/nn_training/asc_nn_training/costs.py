"""Prices of work in plain training steps, counted in tokens and passes: no clock steers a run (law 6).

A forward pass of one token is one unit, a backward pass two. A training step of n tokens is therefore 3 n units, and a
gate forward over m tokens m units. Passes over the weights themselves (a copy, a weighted sum) are counted by bytes,
relative to the operations of a step at a fixed intensity: small beside a step of any usual batch.
"""

from __future__ import annotations

from typing import NamedTuple

FORWARD, STEP = 1.0, 3.0  # passes a token
OPERATIONS_A_BYTE = 10.0  # what a device computes while it moves a byte: a cautious figure for any device


class Costs(NamedTuple):
    """Prices of one training setting."""

    step_tokens: int  # tokens of a training step
    gate_tokens: int  # tokens of one look at the gate set
    probe_tokens: int  # tokens of one fingerprint
    parameters: int  # trainable ones
    nbytes: int  # of those

    def forward(self, tokens: int) -> float:
        """Plain steps that a forward pass over so many tokens is worth."""
        return FORWARD * tokens / (STEP * self.step_tokens)

    def moved(self, passes: float) -> float:
        """Plain steps that reading or writing all weights so many times is worth."""
        return self.copied(passes * self.nbytes)

    def copied(self, nbytes: float) -> float:
        """Plain steps that reading or writing so many bytes is worth."""
        return nbytes * OPERATIONS_A_BYTE / (2 * STEP * self.step_tokens * self.parameters)
