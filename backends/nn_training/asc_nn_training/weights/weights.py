"""The weights of a module as one list of tensors: what a leap moves, and nothing else.

Only trainable parameters count, each storage once (tied weights are one), never buffers or optimiser moments. All
changes are made in place, so that compiled graphs, optimisers and other references to the parameters stay valid.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule, FullyShardedDataParallel
from torch.distributed.tensor import DTensor
from torch.distributed.tensor.placement_types import Partial, Replicate
from torch.nn.parameter import UninitializedParameter
from torch.optim import Optimizer

from asc.errors import AscError
from asc_nn_training.ranks.parallel import placed, whole
from asc_nn_training.ranks.ranks import Ranks

Values = list[Tensor]  # one tensor a trainable storage, in the module's own order; of sharded ones this rank's part


class Weights:
    """The trainable parameters of a module that its optimiser moves, each storage once; without optimiser, all.

    Of parameters that FSDP2 or tensor parallelism has sharded (`DTensor`), every rank holds, copies and writes its own
    part. `sharded` says so. Raises AscError where the weights cannot be moved.
    """

    def __init__(self, module: nn.Module, optimizer: Optimizer | None = None) -> None:
        self._module, self._optimizer = module, optimizer
        self._units = [each for each in module.modules() if isinstance(each, FSDPModule)]
        self._reshard()
        _require_movable(module)
        moved = _moved(module, optimizer)
        self.names = [name for name, _ in moved]
        self.parameters = [parameter for _, parameter in moved]
        if not self.parameters:
            raise AscError(
                "The model has no trainable parameter that its optimiser moves, so there is nothing to predict: "
                "unfreeze some, and give the optimiser the parameters of this model."
            )
        self.sharded = any(isinstance(parameter, DTensor) for parameter in self.parameters)
        for name, parameter in moved:
            if parameter.is_meta:
                raise AscError(
                    f"The parameter {name} is on the meta device, so it has no values yet: put the model on a real "
                    "device, and give it its weights, before you make the optimiser and the speculation."
                )
            if self.sharded and parameter.is_complex():
                raise AscError(
                    f"The parameter {name} is complex, and the weights are sharded: complex weights can be speculated "
                    "on in one process, or with DistributedDataParallel."
                )
        self.nbytes = sum(parameter.numel() * parameter.element_size() for parameter in self.parameters)
        """Bytes of all parameters, on all ranks together."""
        self.numel = sum(parameter.numel() for parameter in self.parameters)
        self.local_numel = sum(tensor.numel() for tensor in self.tensors)
        """Elements of this rank's part."""

    def outdated(self) -> bool:
        """Whether layers have been frozen or unfrozen, or the optimiser was given others, since this was made."""
        self._reshard()
        now = [id(parameter) for _, parameter in _moved(self._module, self._optimizer)]
        return now != [id(parameter) for parameter in self.parameters]

    @property
    def tensors(self) -> Values:
        """The parameters, or this rank's parts of them: the memory itself, without gradients."""
        self._reshard()
        return [local(parameter) for parameter in self.parameters]

    @torch.no_grad()
    def copy(self, dtype: torch.dtype | None = None) -> Values:
        """Return a copy, rounded to `dtype` if one is given."""
        tensors = self.tensors
        copied = [torch.empty_like(tensor, dtype=dtype, requires_grad=False) for tensor in tensors]
        torch._foreach_copy_(copied, tensors)
        return copied

    @torch.no_grad()
    def put(self, values: Sequence[Tensor]) -> None:
        """Write these values into the module, in place."""
        torch._foreach_copy_(self.tensors, list(values))

    def same(self, values: Sequence[Tensor]) -> bool:
        """Whether the weights have exactly these bits."""
        return all(
            torch.equal(_bytes(tensor), _bytes(value)) for tensor, value in zip(self.tensors, values, strict=True)
        )

    def shares(self) -> list[float]:
        """Return by what each tensor's sum of squares counts in a sum over ranks: a replica counts as one of several.

        All are 1 without sharding, where nothing is summed over ranks.
        """
        ranks = Ranks().count if self.sharded else 1
        return [_share(parameter, ranks) for parameter in self.parameters]

    def digest(self) -> str:
        """SHA-256 of the whole weights, in the module's order, with their names, types and shapes.

        Sharded weights are gathered one after the other, so all ranks must call it, and get the same digest.
        """
        total = hashlib.sha256()
        self._reshard()
        for name, parameter in zip(self.names, self.parameters, strict=True):
            whole = parameter.detach()
            whole = whole.full_tensor() if isinstance(whole, DTensor) else whole
            total.update(f"{name} {whole.dtype} {tuple(whole.shape)}\n".encode())
            total.update(_bytes(whole.cpu()).numpy().tobytes())
        return total.hexdigest()

    def layout(self) -> list[str]:
        """Return a line for each parameter: name, type and shape."""
        pairs = zip(self.names, self.parameters, strict=True)
        return [f"{name} {str(p.dtype).removeprefix('torch.')} {list(p.shape)}" for name, p in pairs]

    def joined(self, values: Sequence[Tensor]) -> Values:
        """Return the ranks' parts of weights as tensors that are sharded like the parameters."""
        return [_joined(value, parameter) for value, parameter in zip(values, self.parameters, strict=True)]

    def whole(self, values: Sequence[Tensor]) -> Values:
        """Return whole weights from the ranks' parts of them. All ranks call it."""
        return [whole(value) for value in self.joined(values)]

    def part(self, values: Sequence[Tensor]) -> Values:
        """Return this rank's part of whole weights."""
        return [local(placed(value, parameter)) for value, parameter in zip(values, self.parameters, strict=True)]

    def _reshard(self) -> None:
        """Free what FSDP2 has gathered for a forward pass; it would otherwise hide changes of the parts."""
        for unit in self._units:
            unit.reshard()


@torch.no_grad()
def local(tensor: Tensor) -> Tensor:
    """Return the tensor or, of a sharded one, this rank's part: the same memory, without gradient.

    Complex numbers are pairs of real ones, in a last dimension of length 2: optimisers treat them so, and predictors
    and sums then need not know of them.
    """
    here = tensor.to_local() if isinstance(tensor, DTensor) else tensor.detach()
    return torch.view_as_real(here) if here.is_complex() else here


def _moved(module: nn.Module, optimizer: Optimizer | None) -> list[tuple[str, nn.Parameter]]:
    """Return the trainable parameters that the optimiser has, with their names; a tied parameter has one."""
    groups = () if optimizer is None else optimizer.param_groups
    known = {id(parameter) for group in groups for parameter in group["params"]}
    return [
        (name, parameter)
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and (optimizer is None or id(parameter) in known)
    ]


def _joined(value: Tensor, parameter: Tensor) -> Tensor:
    if not isinstance(parameter, DTensor):
        return value
    mesh, placements = parameter.device_mesh, parameter.placements
    return DTensor.from_local(value, mesh, placements, shape=parameter.shape, stride=parameter.stride())


def _bytes(tensor: Tensor) -> Tensor:
    """Return the bytes of a tensor of any shape, none included."""
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def _share(parameter: Tensor, ranks: int) -> float:
    if not isinstance(parameter, DTensor):
        return 1 / ranks
    replicas = [
        size for size, placed in zip(parameter.device_mesh.shape, parameter.placements, strict=True)
        if isinstance(placed, Replicate)
    ]  # fmt: skip
    beside = ranks / parameter.device_mesh.size()  # groups of ranks that each hold the whole
    share = 1 / beside
    for size in replicas:
        share /= size
    return share


def _require_movable(module: nn.Module) -> None:
    if any(isinstance(each, FullyShardedDataParallel) for each in module.modules()):
        raise AscError(
            "The model is wrapped by FullyShardedDataParallel (FSDP1), which hides the parameters in flat buffers. "
            "Shard the model with torch.distributed.fsdp.fully_shard (FSDP2; in Accelerate fsdp_version=2)."
        )
    for name, parameter in module.named_parameters():
        if isinstance(parameter, UninitializedParameter):
            raise AscError(
                f"The parameter {name} is not initialised yet, because its module is lazy: run one batch through the "
                "model first."
            )
        if isinstance(parameter, DTensor) and any(isinstance(placed, Partial) for placed in parameter.placements):
            raise AscError(
                f"The parameter {name} holds partial sums on each rank, which no leap can move: speculate on a model "
                "whose parameters are sharded or replicated."
            )
