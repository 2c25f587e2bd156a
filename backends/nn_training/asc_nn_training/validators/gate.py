"""The gate set: held-out data that only judges, and is neither trained on nor reported."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.training.device import Autocast
from asc_nn_training.training.loss import sequence_losses


class Gate(Protocol):
    """Disjoint subsets of held-out data; one look evaluates one whole subset.

    The last subset never judges: predictors tune on it. With a single subset, no predictor can tune.
    """

    @property
    def subsets(self) -> int:
        """Return the number of subsets."""

    @property
    def tokens(self) -> int:
        """Return the size of the largest look, in the unit of a training step's size: tokens, or samples."""

    def losses(self, model: nn.Module, subset: int) -> Tensor:
        """Return one loss a sequence or sample, (n,). The caller sets evaluation mode and turns gradients off."""


class TokenGate:
    """Next-token losses over `sequences`, int64 (subsets, n, length), at most `size` of them in one forward pass."""

    def __init__(self, sequences: Tensor, autocast: Autocast = nullcontext, size: int = 8) -> None:
        if sequences.ndim != 3 or not sequences.numel():
            raise AscError(
                f"The gate set has shape {tuple(sequences.shape)}: give token numbers of shape (subsets, sequences, "
                "length)."
            )
        self._sequences, self._autocast, self._size = sequences, autocast, size
        self.subsets = len(sequences)
        self.tokens = sequences[0].numel()

    def losses(self, model: nn.Module, subset: int) -> Tensor:
        """Return each sequence's loss, nats a token."""
        with self._autocast():
            parts = [sequence_losses(model, part) for part in torch.split(self._sequences[subset], self._size)]
        return torch.cat(parts)


class BatchGate:
    """Any held-out batches and any loss: `loss(model, batch)` returns one loss a sample, (n,), or the batch's mean."""

    def __init__(self, batches: Sequence[Any], loss: Callable[[nn.Module, Any], Tensor], subsets: int = 4) -> None:
        if len(batches) < 2:
            raise AscError(f"The gate was given {len(batches)} batches: give 2 or more, held out from training.")
        subsets = min(subsets, len(batches))
        self._parts, self._loss = [batches[i::subsets] for i in range(subsets)], loss
        self.subsets = subsets
        self.tokens = max(sum(batch_size(batch) for batch in part) for part in self._parts)

    def losses(self, model: nn.Module, subset: int) -> Tensor:
        """Return the losses of all batches of a subset, in one tensor."""
        return torch.cat([self._loss(model, batch).reshape(-1) for batch in self._parts[subset]])


def batch_size(batch: Any) -> int:
    """Return the tokens of a batch (elements of its first integer matrix), or else its samples (rows)."""
    tensors = [part for part in _leaves(batch) if isinstance(part, Tensor)]
    if not tensors:
        return 1
    integers = [part for part in tensors if not part.is_floating_point() and part.ndim > 1]
    return integers[0].numel() if integers else max(1, len(tensors[0]) if tensors[0].ndim else 1)


def _leaves(batch: Any) -> Sequence[Any]:
    if isinstance(batch, Mapping):
        return list(batch.values())
    return list(batch) if isinstance(batch, list | tuple) else [batch]
