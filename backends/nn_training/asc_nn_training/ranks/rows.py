"""Held-out rows that the ranks evaluate together, each its own."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import torch
from torch import Tensor

from asc_nn_training.ranks.ranks import Ranks


class Rows:
    """Rows of held-out data, evaluated by all ranks together: each rank evaluates its `own`, `whole` joins the results.

    All ranks evaluate the same number of rows, because sharded weights are gathered in each forward pass; so some ranks
    may evaluate a row that is another rank's. Without `ranks`, all rows are this process's own.
    """

    def __init__(self, count: int, ranks: Ranks | None = None) -> None:
        self._count, self._ranks, self._of = count, ranks or Ranks(), 1 if ranks is None else ranks.count
        self.own: Sequence[int] = range(count)
        if self._of > 1:
            self.own = [(self._ranks.number + self._of * i) % count for i in range(ceil(count / self._of))]

    def part(self, values: Tensor, dim: int = 0) -> Tensor:
        """Return this rank's own rows of a tensor."""
        if self._of == 1:
            return values
        return values.index_select(dim, torch.tensor(list(self.own), device=values.device))

    def whole(self, results: Tensor) -> Tensor:
        """Return the results of all rows from those of each rank's own rows, (own, …)."""
        if self._of == 1:
            return results
        found = results.new_zeros(self._count, *results.shape[1:])
        for row, result in zip(self.own, results, strict=True):
            if row % self._of == self._ranks.number:
                found[row] = result
        return self._ranks.sum(found)
