"""What trains, and what watches it, as the computation knows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import torch


class Loop(Protocol):
    """What trains: a `Training` of ours, or a loop that somebody else owns."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    position: int
    total: int

    @property
    def finished(self) -> bool:
        """Whether all steps have been taken."""

    def step(self) -> float:
        """Take one optimiser step and return the training loss before it."""

    def rate(self, step: int) -> float:
        """Return the learning rate of the step at that position."""

    def state_dict(self) -> dict[str, Any]:
        """Return position, optimiser and random states."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from a saved state."""


class Watch(Protocol):
    """What is done after plain steps, with or without speculation: evaluations, averages."""

    reached: bool
    """Whether the training has reached its goal before its end."""

    def after(self, position: int, loss: float) -> None:
        """Hear of a step that has led to `position`, and of the training loss before it."""
