"""Weights that an optimiser keeps beside the model's: those that a leap reaches go along, and others are refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from asc.errors import AscError
from asc_nn_training.optimizers.layouts import Layout, known, links, name_of, states_of
from asc_nn_training.weights.weights import Values, local

_ALIKE = 0.25  # squared distance to the weights, relative to theirs, under which a tensor is taken for weights


class OwnWeights:
    """The copies of these parameters that an optimiser steps from, found now, before a leap.

    There are two kinds. *Master copies* are the parameters in a higher precision; a leap writes them anew. *Moving*
    weights are known by name, as the `z` of schedule-free optimisers and the slow weights of Lookahead; they move as
    far as the parameter does, so that their distances to it stay. Raises AscError for a state entry that looks like
    weights and is neither, because a later step could undo a leap from it.
    """

    def __init__(self, optimizer: Optimizer, parameters: Sequence[Tensor]) -> None:
        self.names: set[str] = set()
        """The entries of the state that are master copies."""
        self.masters: list[tuple[int, Tensor]] = []
        """Master copies, each with the index of its parameter."""
        self._moving: list[tuple[int, Tensor]] = []
        layout = Layout()
        for link in links(optimizer):
            layout |= known(link) or Layout()
        unknown = defaultdict[str, list[tuple[int, Tensor]]](list)
        for index, name, entry in _entries(optimizer, parameters):
            if name in layout.moving:
                self._moving.append((index, entry))
            elif name not in layout.entries:
                unknown[name].append((index, entry))
        for name, entries in unknown.items():
            pairs = [(entry, local(parameters[index])) for index, entry in entries]
            if _are_copies(pairs):
                self.names.add(name)
                self.masters += entries
            elif _are_alike(pairs):
                raise AscError(
                    f'The optimiser {name_of(optimizer)} keeps weights of its own, "{name}", and a later step can '
                    "return to them, which undoes a leap. Train with an optimiser of torch.optim, or without "
                    "speculation."
                )

    @property
    def found(self) -> bool:
        """Whether there are any."""
        return bool(self.masters or self._moving)

    @torch.no_grad()
    def follow(self, before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
        """Let the optimiser's weights go along with a leap between these weights, the local parts of sharded ones.

        Where a parameter stays, its master copy keeps the bits that the parameter has no room for.
        """
        for index, master in self.masters:
            old, new = before[index].to(master.device), after[index].to(master.device)
            master.copy_(torch.where(new == old, master, new.to(master.dtype)))
        for index, moving in self._moving:
            wide = torch.promote_types(moving.dtype, torch.float32)
            moving.add_((after[index].to(wide) - before[index].to(wide)).to(moving.device))


def require_reachable(model: nn.Module, optimizer: Optimizer) -> None:
    """Raise AscError for an optimiser that is known to write weights of its own over those of a leap."""
    kinds = {kind for each in (model, *links(optimizer)) for kind in type(each).__mro__}
    if any(kind.__module__.startswith("deepspeed.runtime") for kind in kinds) or any(
        "ds_id" in vars(parameter) for parameter in model.parameters()
    ):
        raise AscError(
            "DeepSpeed trains partitioned or 32-bit copies of the weights, and its next step writes them over those of "
            "a leap. Train with FSDP2 (torch.distributed.fsdp.fully_shard; in Accelerate fsdp_version=2) or with "
            "DistributedDataParallel, or without speculation."
        )
    if any(type(link).__name__ == "Lookahead" and known(link) is None for link in links(optimizer)):
        raise AscError(
            "This Lookahead returns to slow weights every few steps, which undoes leaps, and where it keeps them is "
            "not known. Use the Lookahead of timm or pytorch_optimizer, or train with the optimiser inside it."
        )
    trainable = [parameter for parameter in model.parameters() if parameter.requires_grad]
    held = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    own, model_own = {id(parameter) for parameter in held}, {id(parameter) for parameter in trainable}
    left_out = [parameter for parameter in trainable if id(parameter) not in own]
    others = [parameter for parameter in held if id(parameter) not in model_own]
    if left_out and others and (len(left_out) == len(trainable) or _has_copies(left_out, others)):
        raise AscError(
            f"The optimiser {name_of(optimizer)} trains other tensors than the model's parameters, so what it does "
            "next undoes every leap. Make the optimiser from the parameters of this model; for half precision, use "
            "torch.autocast or FSDP2's MixedPrecisionPolicy in place of copies in float32."
        )


def _entries(optimizer: Optimizer, parameters: Sequence[Tensor]) -> Iterator[tuple[int, str, Tensor]]:
    """Return the floating-point tensors of the state that have their parameter's shape: index, entry, local part."""
    places = {id(parameter): index for index, parameter in enumerate(parameters)}
    for state in states_of(optimizer):
        for index, parameter in enumerate(parameters):
            for name, entry in (state.get(parameter) or {}).items():
                if _has_shape_of(entry, parameter):
                    yield index, name, local(entry)
    for link in links(optimizer):  # as apex's fused optimisers keep them
        for group, masters in zip(link.param_groups, getattr(link, "param_groups_master", None) or (), strict=False):
            for parameter, master in zip(group["params"], masters["params"], strict=False):
                if id(parameter) in places and _has_shape_of(master, parameter):
                    yield places[id(parameter)], "param_groups_master", local(master)


def _has_shape_of(entry: Any, parameter: Tensor) -> bool:
    return isinstance(entry, Tensor) and entry.is_floating_point() and local(entry).shape == local(parameter).shape


def _are_copies(pairs: Iterable[tuple[Tensor, Tensor]]) -> bool:
    """Whether all tensors, rounded, are bit for bit the weights; zeros prove nothing."""
    seen = False
    for entry, weight in pairs:
        if not _is_copy(entry, weight):
            return False
        seen = seen or bool(weight.any())
    return seen


def _is_copy(entry: Tensor, weight: Tensor) -> bool:
    precise = torch.finfo(entry.dtype).bits >= torch.finfo(weight.dtype).bits
    return precise and torch.equal(entry.to(weight.dtype), weight.to(entry.device))


def _are_alike(pairs: Iterable[tuple[Tensor, Tensor]]) -> bool:
    apart = length = 0.0
    for entry, weight in pairs:
        there = weight.to(entry.device).float()
        apart += float((entry.float() - there).square().sum())
        length += float(there.square().sum())
    return apart < _ALIKE * length


def _has_copies(left_out: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    """Whether parameters of the optimiser are copies of the model's parameters that it does not have."""
    by_shape = defaultdict[torch.Size, Values](list)
    for other in others:
        by_shape[local(other).shape].append(local(other))
    return any(
        _are_copies([(other, local(parameter))]) for parameter in left_out for other in by_shape[local(parameter).shape]
    )
