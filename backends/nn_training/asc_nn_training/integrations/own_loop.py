"""The user's own training loop, as far as a speculation may know it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from numbers import Integral
from typing import Any

from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from asc.errors import AscError
from asc_nn_training.training.device import device_of


class OwnLoop:
    """A `Loop` whose steps the user takes; `Speculation` counts them in `position`."""

    steppable = False

    def __init__(
        self,
        model: nn.Module,
        optimizer: Optimizer,
        lr_scheduler: LRScheduler | None,
        total: int | None,
        position: int,
    ) -> None:
        self.model, self.optimizer, self._lr_scheduler, self.total = model, optimizer, lr_scheduler, total
        self.device, self.position = device_of(model), position

    @property
    def finished(self) -> bool:
        """Whether all steps have been taken, if the loop has said how many there are."""
        return self.total is not None and self.position >= self.total

    def step(self) -> float:
        """Refuse: the loop outside takes the steps."""
        raise AscError("The steps of a loop of your own are its own: nothing else can take one.")

    def annealing(self, steps: int) -> AbstractContextManager[None]:
        """Raise: the loop outside has its own schedule."""
        raise AscError("The learning rate of a loop of your own is its own: nothing else can anneal it.")

    def rate(self, step: int) -> float:
        """Return the present rate for every step: what the loop's scheduler will do is not known."""
        found = self._lr_scheduler.get_last_lr()[0] if self._lr_scheduler else self.optimizer.param_groups[0]["lr"]
        return float(found)

    def state_dict(self) -> dict[str, Any]:
        """Return position and optimiser."""
        return {"position": self.position, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.position = state["position"]
        self.optimizer.load_state_dict(state["optimizer"])


def require_a_training(model: object, optimizer: object, lr_scheduler: object, position: object, total: object) -> None:
    """Raise AscError for what is no training's model, optimiser, scheduler, position or end."""
    if not isinstance(model, nn.Module):
        raise AscError(f"The model is {_named(model)}: give one torch.nn.Module, and then its optimiser.")
    if isinstance(optimizer, type) or not isinstance(getattr(optimizer, "param_groups", None), list):
        raise AscError(
            f"The optimiser is {_named(optimizer)}: give one optimiser that is made already, such as "
            "torch.optim.AdamW(model.parameters()). Each of several optimisers has a speculation of its own."
        )
    if lr_scheduler is not None and not callable(getattr(lr_scheduler, "get_last_lr", None)):
        raise AscError(
            f"The lr_scheduler is {_named(lr_scheduler)}: give one of torch.optim.lr_scheduler, or leave it out."
        )
    for name, value in (("position", position), ("total", 0 if total is None else total)):
        if not isinstance(value, Integral) or value < 0:
            raise AscError(f"{name} is {value!r}: give a whole number of steps, at least 0.")


def _named(given: object) -> str:
    return f"the class {given.__name__}" if isinstance(given, type) else f"of type {type(given).__name__}"


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module inside of `torch.compile`, DistributedDataParallel and Lightning Fabric's wrapper."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            inner = model.module
        if inner is None and isinstance(getattr(model, "_forward_module", None), nn.Module):
            inner = model._forward_module
        if not isinstance(inner, nn.Module):
            return model
        model = inner
