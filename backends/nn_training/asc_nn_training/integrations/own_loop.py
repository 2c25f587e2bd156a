"""The user's own training loop, as far as a speculation may know it."""

from __future__ import annotations

from collections.abc import Mapping
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
