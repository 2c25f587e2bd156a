"""What a computation needs of a training loop, and of what watches it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

import torch


class Loop(Protocol):
    """What trains: our own `Training`, or the user's loop."""

    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    device: torch.device
    position: int
    steppable: bool
    """Whether `step` can be called: the steps of a loop outside are its own."""

    @property
    def total(self) -> int | None:
        """Optimiser steps of the whole run; None if that is not known."""

    @property
    def finished(self) -> bool:
        """Whether all steps have been taken."""

    def step(self) -> float:
        """Take one optimiser step and return the training loss before it."""

    def annealing(self, steps: int) -> AbstractContextManager[None]:
        """Within, let the learning rate fall to zero in so many steps from here."""

    def rate(self, step: int) -> float:
        """Return the learning rate of the step at that position."""

    def state_dict(self) -> dict[str, Any]:
        """Return position, optimiser and random states."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state."""


class Watch(Protocol):
    """What happens after plain steps, with or without speculation: evaluations, averages."""

    reached: bool
    """Whether the training has reached its goal before its end."""

    def before(self) -> None:
        """Note that steps follow."""

    def after(self, position: int, loss: float) -> None:
        """Note a step that has led to `position`, and the training loss before it."""
