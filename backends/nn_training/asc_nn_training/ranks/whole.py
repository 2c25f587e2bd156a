"""States whose weights are sharded, in whole tensors: what a checkpoint holds, so that other ranks can resume it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.distributed.tensor import DTensor

from asc_nn_training.ranks.parallel import whole
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.tree import transformed
from asc_nn_training.weights.weights import Values, Weights


def to_whole(state: Any, weights: Weights) -> Any:
    """Return a state in which sharded tensors, and every list of the ranks' parts of weights, are whole tensors.

    Lists count as weights by their shapes: snapshots, and what predictors keep. All ranks call it. One tensor after the
    other is gathered, and moves to the CPU of the first rank; the other ranks, which write nothing, get empty ones.
    """
    if not weights.sharded:
        return state
    shapes, first = [tensor.shape for tensor in weights.tensors], Ranks().first

    def gathered(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, DTensor):
            return tensor
        found = whole(tensor)
        return found.cpu() if first else found.new_empty(0)

    joined = _mapped(state, lambda values: weights.joined(values) if _shapes(values) == shapes else None)
    return transformed(joined, gathered)


def to_parts(state: Any, weights: Weights) -> Any:
    """Return a state from `to_whole` with this rank's parts of weights."""
    if not weights.sharded:
        return state
    shapes = [parameter.shape for parameter in weights.parameters]
    return _mapped(state, lambda values: weights.part(values) if _shapes(values) == shapes else None)


def _shapes(values: Values) -> list[Any]:
    return [value.shape for value in values]


def _mapped(state: Any, change: Any) -> Any:
    if isinstance(state, Mapping):
        return {key: _mapped(value, change) for key, value in state.items()}
    if isinstance(state, list) and state and all(isinstance(value, Tensor) for value in state):
        changed = change(state)
        return state if changed is None else changed
    if isinstance(state, list | tuple):
        return type(state)(_mapped(value, change) for value in state)
    return state
