"""What snapshots and candidates are made of: weights that the store keeps, and sums of them."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor

from asc_nn_training.weights.combine import combine
from asc_nn_training.weights.store import Kept, Stored
from asc_nn_training.weights.weights import Weights


class Rest(NamedTuple):
    """What a full snapshot holds beside the weights."""

    state: dict[str, Any]  # `Training.state_dict`, copied
    losses: tuple[float, ...]
    buffers: list[Tensor]  # of the module, such as running means


class Frame(NamedTuple):
    """A snapshot's state: the weights, and in a full one everything else."""

    kept: Kept
    rest: Rest | None = None


class Proposal(NamedTuple):
    """Predicted weights as a weighted sum of past ones, and the version of the weights that it was predicted from.

    The sum is taken straight into the module, so that a candidate needs no memory of its own, and neither judging nor
    leaping copies anything twice.
    """

    coefficients: tuple[float, ...]
    terms: tuple[Kept, ...]
    version: int
    start: Kept  # the weights of that version
    own: bool = False  # whether the terms are held by this alone, and not by the history

    def put(self, weights: Weights, here: Kept | None = None) -> None:
        """Take the sum in place of the module's weights, which are those of `here` now, where that is given."""
        held = next((place for place, term in enumerate(self.terms) if term is here), None)
        combine(self.coefficients, Stored(self.terms), list[Tensor](weights.parameters), held)
