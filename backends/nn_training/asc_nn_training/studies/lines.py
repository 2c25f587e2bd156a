"""The straight line between the weights of two trainings: low all along it, the two are in one valley."""

from __future__ import annotations

import math
from collections.abc import Sequence

from asc_nn_training.computation import TrainingComputation
from asc_nn_training.studies.candidates import gate_loss
from asc_nn_training.weights.candidate import CandidateWeights


def shares(points: int) -> list[float]:
    """Return the shares of the second end at so many points between two ends, evenly spaced, the ends excluded."""
    return [number / (points + 1) for number in range(1, points + 1)]


def losses_between(one: TrainingComputation, other: TrainingComputation, points: int) -> list[float]:
    """Return the held-out losses at points between two trainings of one model, nats a token. Both stay as they are."""
    return [gate_loss(one, mixture((one, other), (1 - share, share))) for share in shares(points)]


def mixture(members: Sequence[TrainingComputation], coefficients: Sequence[float]) -> CandidateWeights:
    """Return a weighted sum of the present weights of trainings, as a candidate for the first one."""
    terms = tuple(member.present() for member in members)
    return CandidateWeights(tuple(coefficients), terms, version=0, start=terms[0], own=True)


def mean(members: Sequence[TrainingComputation]) -> CandidateWeights:
    """Return the mean of the present weights of trainings, as a candidate for the first one."""
    return mixture(members, [1 / len(members)] * len(members))


def barrier(between: Sequence[float | None], one: float, other: float) -> float:
    """Return by how much a line rises at most above the straight line through the losses of its two ends, in nats.

    `between` are the losses at evenly spaced points without the ends; None stands for a loss that is not finite. The
    barrier is negative if the loss is below that straight line at every point. Source: the error barrier of Frankle et
    al. (2020), "Linear mode connectivity and the lottery ticket hypothesis", for losses and relative to both ends.
    """
    pairs = zip(between, shares(len(between)), strict=True)
    return max(math.inf if loss is None else loss - (1 - share) * one - share * other for loss, share in pairs)
