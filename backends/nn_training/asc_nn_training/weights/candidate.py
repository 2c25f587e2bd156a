"""Candidate weights: weighted sums of past ones."""

from __future__ import annotations

from typing import NamedTuple

from asc_nn_training.training.onward import Way
from asc_nn_training.weights.combine import combine
from asc_nn_training.weights.store import LazyWeights, StoredWeights
from asc_nn_training.weights.weights import Weights


class Past(NamedTuple):
    """Weights that the training had some steps ago."""

    weights: StoredWeights
    steps: int


class CandidateWeights(NamedTuple):
    """Predicted weights as a weighted sum of past ones, with the version of the weights that they were predicted from.

    The sum is written straight into the module. So a candidate needs no memory of its own, and neither a validator nor
    a leap copies anything twice.
    """

    coefficients: tuple[float, ...]
    terms: tuple[StoredWeights, ...]
    version: int
    start: StoredWeights  # the weights of that version
    own: bool = False  # whether only this candidate refers to the terms, and no history does
    way: Way | None = None  # with the present weights as the sum: another way of going on from them
    past: Past | None = None  # with a way: the average of increments begins with the mean one since then

    def put(self, weights: Weights, here: StoredWeights | None = None) -> None:
        """Write the sum into the module. `here`, if given, is the copy of what the module holds now."""
        held = next((index for index, term in enumerate(self.terms) if term is here), None)
        combine(self.coefficients, LazyWeights(self.terms), weights.tensors, held)
