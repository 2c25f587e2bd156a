"""Snapshots of a training, and how a history of them is written into a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from asc.types import Snapshot
from asc_nn_training.training.onward import Onward
from asc_nn_training.weights.store import StoredWeights, WeightStore


class RestOfTraining(NamedTuple):
    """What a full snapshot holds beside the weights."""

    state: dict[str, Any]  # a copy of `TrainingComputation.training_state`
    losses: tuple[float, ...]
    buffers: list[Tensor]  # of the module, such as running means
    onward: Onward | None = None  # a copy


class WeightSnapshot(NamedTuple):
    """A snapshot's state: the weights, and in a full snapshot everything else."""

    weights: StoredWeights
    rest: RestOfTraining | None = None


def pack(history: Iterable[Snapshot]) -> list[dict[str, Any]]:
    """Return a history of weights as a checkpoint can hold it: dictionaries, numbers and tensors."""
    return [
        {"position": s.position, "segment": s.segment, "nbytes": s.nbytes, "weights": s.state.weights.peek()}
        for s in history
    ]


def unpack(packed: Iterable[Mapping[str, Any]], store: WeightStore) -> tuple[Snapshot, ...]:
    """Return the history that `pack` was given. The store takes over its tensors, and moves them to its device."""
    return tuple(
        Snapshot(s["position"], s["segment"], WeightSnapshot(store.take_over(s["weights"])), s["nbytes"])
        for s in packed
    )
