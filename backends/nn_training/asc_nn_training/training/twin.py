"""Twins: how far a training that is almost equal to this one drifts away from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from asc_nn_training.training.training import NonFiniteError
from asc_nn_training.weights.store import StoredWeights

if TYPE_CHECKING:
    from asc_nn_training.computation import TrainingComputation

_EXCURSION = 12.0  # passes over the weights that a copy of everything, and its restoration, are worth


def drift(computation: TrainingComputation, marks: Sequence[int], size: float) -> NDArray[np.float64] | None:
    """Return the distances, (marks,), of a twin from this training, at these numbers of steps; undo all steps.

    Both take one step. The twin then continues from `size` times that step further ahead, with the same batches and the
    same random numbers. Distances are L2, relative to the length of the weights; `marks` ascend. Returns None where
    fewer steps are left, where the weights do not move, or where a step leads to numbers that are not finite.
    """
    total = computation.total()
    if total is not None and computation.position() + 1 + marks[-1] > total:
        return None
    kept, distances = list[StoredWeights](), list[float]()
    computation.owe("recognise", 0.0, passes=2 * _EXCURSION + len(marks))
    try:
        with computation.excursion():
            kept.extend(computation.store.keep(computation.weights.copy()) for _ in _marked(computation, marks, 0.0))
        with computation.excursion():
            for stored, _ in zip(kept, _marked(computation, marks, size), strict=True):
                distances.append(computation.distance(stored, "recognise"))
    except NonFiniteError:
        return None
    return np.array(distances) if all(distances) else None


def _marked(computation: TrainingComputation, marks: Sequence[int], ahead: float) -> Iterator[None]:
    """Train, and stop at each mark; after the first step, go `ahead` times that step further."""
    training, weights, here = computation.training, computation.weights, computation.present().values()
    for step in range(marks[-1] + 1):
        training.step()
        computation.stepped()
        computation.owe("recognise", 1.0)
        if step == 0 and ahead:
            with computation.moving(), torch.no_grad():
                torch._foreach_lerp_(weights.tensors, here, -ahead)
        if step in marks:
            yield
