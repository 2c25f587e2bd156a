"""The batches of one rank."""

from __future__ import annotations

from torch import Tensor

from asc.errors import AscError
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.training import Batches


class RankBatches:
    """The batches of one rank: every rank's together are those of one process.

    If `accumulation`, the batches of a step, can be divided among the ranks, each rank takes whole batches, and
    `own_accumulation` is how many. Otherwise each rank takes rows of every batch, of `size` rows. Raises AscError if
    neither can be divided.
    """

    def __init__(self, batches: Batches, ranks: Ranks, *, accumulation: int, size: int) -> None:
        count = ranks.count
        self._batches, self._count, self._number = batches, count, ranks.number
        self._rows: slice | None = None
        self.own_accumulation = accumulation
        if accumulation % count == 0:
            self.own_accumulation //= count
        elif size % count == 0:
            each = size // count
            self._rows = slice(ranks.number * each, (ranks.number + 1) * each)
        else:
            raise AscError(
                f"A step has --accumulation {accumulation} batches of --batch {size} sequences, and {count} processes "
                f"cannot divide either number: give a multiple of {count} for one of them, or another number of "
                "processes."
            )

    def batch(self, step: int) -> Tensor:
        """Return this rank's batch of that number, int64 (rows, length)."""
        if self._rows is not None:
            return self._batches.batch(step)[self._rows]
        return self._batches.batch(step * self._count + self._number)
