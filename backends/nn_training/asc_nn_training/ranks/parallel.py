"""One model on several ranks: a copy on each (DistributedDataParallel), or a part of each parameter (FSDP2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from torch.nn.parallel import DistributedDataParallel

from asc_nn_training.ranks.ranks import Ranks

Shard = Literal["none", "fsdp2"]


class Parallel:
    """A model that the ranks train together; with one rank, the model alone.

    Each rank computes the gradient of its own batches. `forward` is what computes it: a backward pass through it leaves
    the mean over ranks in each gradient. The constructor puts the model onto the device. Make it before the optimiser,
    because sharding replaces the parameters.
    """

    def __init__(self, model: nn.Module, device: torch.device, ranks: Ranks, shard: Shard = "none") -> None:
        self.ranks, self.forward = ranks, model
        if ranks.count > 1 and shard == "fsdp2":
            _shard(model, init_device_mesh(device.type, (ranks.count,)))
            return
        model.to(device)
        if ranks.count > 1:
            self.forward = DistributedDataParallel(model)

    def accumulating(self) -> AbstractContextManager[None]:
        """Within, backward passes add to this rank's own gradients; the next one outside makes the mean of the sums."""
        if isinstance(self.forward, DistributedDataParallel):
            return self.forward.no_sync()
        if isinstance(self.forward, FSDPModule):
            return _without_sync(self.forward)
        return nullcontext()


@contextmanager
def _without_sync(model: FSDPModule) -> Iterator[None]:
    model.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        model.set_requires_gradient_sync(True)


def _shard(model: nn.Module, mesh: DeviceMesh) -> None:
    """Shard every block of the model, then the rest, which moves one after the other onto the device.

    A block is what transformers says must not be split.
    """
    blocks = set(getattr(model, "_no_split_modules", None) or ())
    for module in list(model.modules()):
        if type(module).__name__ in blocks:
            fully_shard(module, mesh=mesh)
    fully_shard(model, mesh=mesh)


def reshard(model: nn.Module) -> None:
    """Free what FSDP2 has gathered for a forward pass, so that the module has its sharded parameters again."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


@torch.no_grad()
def whole(tensor: Tensor) -> Tensor:
    """Return a tensor, or the whole of a sharded one, which all ranks gather together."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def placed(value: Tensor, like: Tensor) -> Tensor:
    """Return a whole tensor sharded as another one is; as it is, if that one is whole."""
    if not isinstance(like, DTensor) or isinstance(value, DTensor):
        return value
    mesh, placements = like.device_mesh, like.placements
    part = distribute_tensor(value.to(like.to_local().device), mesh, placements, src_data_rank=None).to_local()
    part = part.clone()  # it would otherwise keep the whole tensor in memory
    return DTensor.from_local(part, mesh, placements, shape=value.shape, stride=value.stride())


def placed_optimizer(state: Mapping[str, Any], optimizer: torch.optim.Optimizer) -> dict[str, Any]:
    """Return an optimiser's saved state with the whole tensors sharded as this optimiser's parameters are."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]

    def of(parameter: Tensor, entries: Mapping[str, Any]) -> dict[str, Any]:
        return {
            name: placed(value, parameter) if isinstance(value, Tensor) and value.shape == parameter.shape else value
            for name, value in entries.items()
        }

    return {**state, "state": {number: of(parameters[number], entries) for number, entries in state["state"].items()}}
