"""All ranks of a distributed training decide alike: what steers comes from the first rank, or is the mean of all."""

from __future__ import annotations

import torch
from torch import Tensor, distributed


def ranks() -> int:
    """Return how many processes train together; 1 without torch.distributed."""
    return distributed.get_world_size() if distributed.is_available() and distributed.is_initialized() else 1


def from_first(values: Tensor) -> Tensor:
    """Return the first rank's values on every rank; the shapes may differ. At most four dimensions."""
    if ranks() > 1:
        shape = torch.tensor([values.ndim, *values.shape, 0, 0, 0, 0][:5], device=values.device)
        distributed.broadcast(shape, 0)
        dimensions, *sizes = shape.tolist()
        if list(values.shape) != sizes[:dimensions]:
            values = values.new_empty(sizes[:dimensions])
        values = values.contiguous()
        distributed.broadcast(values, 0)
    return values


def mean_over_ranks(values: Tensor) -> Tensor:
    """Return the mean over ranks of values of the same shape."""
    if ranks() > 1:
        values = values.clone().to(torch.float32)
        distributed.all_reduce(values)
        values /= ranks()
    return values
