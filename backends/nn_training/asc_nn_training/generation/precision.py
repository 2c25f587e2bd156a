"""How far the logits of two passes may differ, and how far they do."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

_ULPS = {torch.float32: 32.0, torch.float64: 32.0, torch.bfloat16: 4.0, torch.float16: 8.0}
"""Two passes' logits mostly differ by less than so many units of the largest logit's last place."""
_PRODUCTS = {"highest": torch.float32, "high": torch.float16, "medium": torch.bfloat16}
"""The precision of products of matrices, by torch's name; that of TF32 is float16's."""
_MASKED = -1e30  # smaller logits are those of tokens that the model forbids


def rounding(dtypes: Collection[torch.dtype], device: torch.device) -> float:
    """Return how far the logits of two passes may differ that compute in these types, as a share of the largest."""
    kinds = {torch.float32, *(kind for kind in dtypes if kind in _ULPS)}  # tokens are chosen in single precision
    if torch.is_autocast_enabled(device.type):
        kinds.add(torch.get_autocast_dtype(device.type))
    try:
        kinds.add(_PRODUCTS[torch.get_float32_matmul_precision()])
    except RuntimeError:  # it was set for one kind of device
        kinds.add(torch.bfloat16)
    return max(torch.finfo(kind).eps * _ULPS[kind] for kind in kinds)


@contextmanager
def watched(model: nn.Module, dtypes: set[torch.dtype]) -> Iterator[None]:
    """Within, add the types of what the model's layers return to `dtypes`.

    A model may compute in half precision within, such as one that a trainer has prepared, and return single precision.
    """

    def note(_layer: nn.Module, _given: object, returned: object) -> None:
        if isinstance(returned, Tensor) and returned.is_floating_point():
            dtypes.add(returned.dtype)

    hooks = [layer.register_forward_hook(note) for layer in model.modules() if next(layer.children(), None) is None]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def largest(logits: Tensor) -> Tensor:
    """Return the size of each row's largest logit, without those of forbidden tokens: (rows,).

    It is no number where a logit is none, or where all tokens are forbidden.
    """
    low, high = logits.amin(1), logits.amax(1)  # aminmax takes ten times as long on a CPU
    if (low < _MASKED).any():
        sizes = logits.masked_fill(logits < _MASKED, 0).abs().amax(1)
        return sizes.where(high > _MASKED, torch.nan)
    return torch.maximum(high, -low)


def difference(logits: Tensor, others: Tensor) -> Tensor:
    """Return the largest difference of each row's logits, as a share of the largest logit: (rows,)."""
    logits = logits.float()
    apart = (logits - others.float()).abs().masked_fill(logits < _MASKED, 0)
    return apart.amax(1) / largest(logits).clamp(min=torch.finfo(logits.dtype).tiny)
