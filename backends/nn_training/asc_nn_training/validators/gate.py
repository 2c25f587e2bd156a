"""The gate set: held-out data that only judges, and is neither trained on nor reported."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from copy import copy
from itertools import islice
from numbers import Real
from typing import Any, Literal, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from asc.errors import AscError, describe_error
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.ranks.rows import Rows
from asc_nn_training.training.device import Autocast, out_of_memory, preserved_randomness
from asc_nn_training.training.loss import sequence_losses

T = TypeVar("T")
Loss = Callable[[nn.Module, Any], Any]
"""Returns one loss a sample, a tensor of shape (n,), or the mean of a batch."""
MOST_BATCHES = 32  # that are taken of a loader or an iterator


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
    """Next-token losses over `sequences`, int64 (subsets, n, length), at most `size` of them in one forward pass.

    The ranks, if any are given, divide the sequences of each subset among themselves.
    """

    def __init__(
        self, sequences: Tensor, autocast: Autocast = nullcontext, size: int = 8, ranks: Ranks | None = None
    ) -> None:
        if sequences.ndim != 3 or not sequences.numel():
            raise AscError(
                f"The gate set has shape {tuple(sequences.shape)}: give token numbers of shape (subsets, sequences, "
                "length)."
            )
        self._rows = Rows(sequences.shape[1], ranks)
        self._sequences, self._autocast, self._size = self._rows.part(sequences, 1), autocast, size
        self.subsets = len(sequences)
        self.tokens = sequences[0].numel()

    def losses(self, model: nn.Module, subset: int) -> Tensor:
        """Return each sequence's loss, nats a token."""
        with self._autocast():
            parts = [sequence_losses(model, part) for part in torch.split(self._sequences[subset], self._size)]
        return self._rows.whole(torch.cat(parts))


class BatchGate:
    """Any held-out batches and any loss: `loss(model, batch)` returns one loss a sample, (n,), or the batch's mean.

    The loss gets a shallow copy of a batch, so that it may take entries out.
    """

    def __init__(
        self, batches: Sequence[Any], loss: Loss, subsets: int = 4, judged_by: Literal["loss", "score"] = "loss"
    ) -> None:
        """`judged_by` says whether lower values of the function are better, or higher ones."""
        if len(batches) < 2:
            raise AscError(f"The gate was given {len(batches)} batches: give 2 or more, held out from training.")
        subsets = min(subsets, len(batches))
        self._parts, self._function, self._judged_by = [batches[i::subsets] for i in range(subsets)], loss, judged_by
        self.subsets = subsets
        self.tokens = max(sum(batch_size(batch) for batch in part) for part in self._parts)

    def losses(self, model: nn.Module, subset: int) -> Tensor:
        """Return the losses of all batches of a subset, in one tensor."""
        return torch.cat([self._batch_losses(model, batch) for batch in self._parts[subset]])

    def _batch_losses(self, model: nn.Module, batch: Any) -> Tensor:
        versions = _versions(batch)
        values = _checked(self._answer(model, copy(batch)), self._judged_by)
        if _versions(batch) != versions:
            raise AscError(
                f"The gate's {self._judged_by} changed a tensor of its batch in place, so the next look would see "
                "other data: let it compute a new tensor."
            )
        return -values if self._judged_by == "score" else values

    def _answer(self, model: nn.Module, batch: Any) -> Any:
        try:
            return self._function(model, batch)
        except Exception as error:
            if out_of_memory(error) or isinstance(error, AscError):
                raise
            raise GateError(f"the gate's {self._judged_by} raised {_described(error)}") from error


class GateError(AscError):
    """The function by which a gate judges has raised."""


def held_out(gate: Any, device: torch.device) -> list[Any]:
    """Return the batches of a gate, a list, a loader or an iterator of batches, on the model's device.

    Of a loader or an iterator, the first 32 batches are taken. Raises AscError for anything else.
    """
    if isinstance(gate, dict):
        raise AscError("The gate is a dict: give a list of held-out batches, such as list(gate.values()).")
    if isinstance(gate, IterableDataset):
        raise AscError(
            f"The gate is a {type(gate).__name__}: give DataLoader(dataset, batch_size=8) or, where it gives batches "
            "already, DataLoader(dataset, batch_size=None), held out from training."
        )
    if isinstance(gate, Dataset) or (callable(getattr(gate, "__getitem__", None)) and not isinstance(gate, Sequence)):
        raise AscError(
            f"The gate is a {type(gate).__name__}, which gives single samples: give batches, such as "
            "DataLoader(dataset, batch_size=8), held out from training."
        )
    if not isinstance(gate, Iterable) or isinstance(gate, str | bytes | Tensor):
        raise AscError(
            f"The gate is a {type(gate).__name__}: give a list of held-out batches, or a DataLoader of such batches."
        )
    with preserved_randomness(device):  # a loader draws a seed
        try:
            taken = list(gate if isinstance(gate, Sequence) else islice(gate, MOST_BATCHES))
        except Exception as error:
            raise AscError(f"The batches of the gate could not be read: {_described(error)}.") from error
    return [_moved(batch, device) for batch in taken]


def _described(error: Exception) -> str:
    """Describe an error with the line that raised it beyond this file."""
    inner = error.__traceback__
    while inner is not None and inner.tb_frame.f_code.co_filename == __file__:
        inner = inner.tb_next
    return describe_error(error.with_traceback(inner))


def _checked(answer: object, what: str) -> Tensor:
    """Return the losses, or scores, of a batch, (n,). Raises AscError for an answer that is none."""
    if isinstance(answer, list | tuple) and all(isinstance(number, Real) for number in answer):
        answer = torch.tensor([float(number) for number in answer])
    if isinstance(answer, int | float | np.floating) and not isinstance(answer, bool):
        answer = torch.tensor(float(answer))
    if not isinstance(answer, Tensor) or answer.ndim > 1 or not answer.numel() or answer.is_complex():
        shape = f" of shape {tuple(answer.shape)}" if isinstance(answer, Tensor) else ""
        raise AscError(
            f"The gate's {what} answered a {type(answer).__name__}{shape}; expected one {what} a sample, a tensor of "
            "shape (n,), or the mean of the batch."
        )
    return answer.detach().reshape(-1).float()


def batch_size(batch: Any) -> int:
    """Return the tokens of a batch (elements of its first integer matrix), or else its samples (rows).

    Of a batch without tensors, the texts count, four characters as a token.
    """
    tensors = list(_leaves(batch, Tensor))
    if not tensors:
        return max(1, sum(map(len, _leaves(batch, str))) // 4)
    integers = [part for part in tensors if not part.is_floating_point() and part.ndim > 1]
    return integers[0].numel() if integers else max(1, len(tensors[0]) if tensors[0].ndim else 1)


def _moved(batch: Any, device: torch.device) -> Any:
    """Return a batch on a device: a tensor, an object that moves itself, or nested mappings, lists and tuples."""
    move, named = getattr(batch, "to", None), getattr(batch, "_fields", None) is not None
    if callable(move):
        return move(device)
    if isinstance(batch, Mapping):
        return {key: _moved(part, device) for key, part in batch.items()}
    if isinstance(batch, list | tuple):
        parts = [_moved(part, device) for part in batch]
        return type(batch)(*parts) if named else type(batch)(parts)
    return batch


def _versions(batch: Any) -> list[int]:
    """Return how often each tensor has been changed in place; tensors made in inference mode do not count."""
    return [tensor._version for tensor in _leaves(batch, Tensor) if not tensor.is_inference()]


def _leaves(batch: Any, kind: type[T]) -> Iterator[T]:
    """Yield what a batch has of a kind: a batch is one, or nested mappings, lists and tuples of them."""
    if isinstance(batch, kind):
        yield batch
    elif isinstance(batch, Mapping | list | tuple):
        for part in batch.values() if isinstance(batch, Mapping) else batch:
            yield from _leaves(part, kind)
