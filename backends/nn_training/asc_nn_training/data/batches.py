"""Training batches as a pure function of seed and step, so that a checkpoint need not hold any of them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from asc.errors import AscError
from asc_nn_training.data.tokens import Tokens


class PackedBatches:
    """Sequences of `length` tokens cut from a stream, `size` in a batch; each epoch has each sequence once, shuffled.

    Each epoch begins at another token, so that the cuts differ. Raises AscError if one batch needs more tokens.
    """

    def __init__(self, tokens: Tokens, length: int, size: int, seed: int = 0) -> None:
        self._tokens, self._length, self._size, self._seed = tokens, length, size, seed
        self._sequences = (len(tokens) - length) // length
        self.epoch_batches = self._sequences // size
        if self.epoch_batches < 1:
            raise AscError(
                f"The training set has {len(tokens):,} tokens, fewer than a batch of {size} sequences of {length} "
                "takes: give more text, or a smaller --length or --batch."
            )
        self._order: tuple[int, int, NDArray[np.int64]] | None = None  # epoch, its first token, its order

    def batch(self, step: int) -> Tensor:
        """Return the batch of that number, int64 (size, length)."""
        epoch, number = divmod(step, self.epoch_batches)
        if self._order is None or self._order[0] != epoch:
            random = np.random.default_rng([self._seed, epoch])
            self._order = epoch, int(random.integers(self._length)), random.permutation(self._sequences)
        _, offset, order = self._order
        starts = offset + order[number * self._size : (number + 1) * self._size] * self._length
        rows = [self._tokens[start : start + self._length] for start in starts]
        return torch.from_numpy(np.stack(rows).astype(np.int64))
