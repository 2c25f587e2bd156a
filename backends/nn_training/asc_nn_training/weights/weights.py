"""The weights of a module as one list of tensors: what a leap moves, and nothing else.

Only trainable parameters count, each storage once (tied weights are one), never buffers or optimiser moments. All
changes are made in place, so that compiled graphs, optimisers and other references to the parameters stay valid.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from asc.errors import AscError

Values = list[Tensor]  # one tensor a trainable storage, in the module's own order


class Weights:
    """The trainable parameters of a module, each storage once."""

    def __init__(self, module: nn.Module) -> None:
        self.names: list[str] = []
        self.parameters: list[nn.Parameter] = []
        seen: set[int] = set()
        for name, parameter in module.named_parameters():  # a tied parameter is named once
            if parameter.requires_grad and id(parameter) not in seen:
                seen.add(id(parameter))
                self.names.append(name)
                self.parameters.append(parameter)
        if not self.parameters:
            raise AscError("The model has no trainable parameter, so there is nothing to predict: unfreeze some.")
        self.nbytes = sum(parameter.numel() * parameter.element_size() for parameter in self.parameters)
        self.numel = sum(parameter.numel() for parameter in self.parameters)

    @torch.no_grad()
    def copy(self, dtype: torch.dtype | None = None) -> Values:
        """Return a copy, rounded to `dtype` if one is given."""
        copied = [torch.empty_like(parameter, dtype=dtype, requires_grad=False) for parameter in self.parameters]
        torch._foreach_copy_(copied, list[Tensor](self.parameters))
        return copied

    @torch.no_grad()
    def put(self, values: Sequence[Tensor]) -> None:
        """Write these values into the module, in place."""
        torch._foreach_copy_(list[Tensor](self.parameters), list(values))

    def same(self, values: Sequence[Tensor]) -> bool:
        """Whether the weights have exactly these bits."""
        return all(
            torch.equal(parameter.view(torch.uint8), value.view(torch.uint8))
            for parameter, value in zip(self.parameters, values, strict=True)
        )
