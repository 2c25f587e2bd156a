"""Text as in the published code of Leap+Verify: one passage a sequence, filled up with padding."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from itertools import islice
from typing import NamedTuple

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.data.tokenizer import Tokenizer
from asc_nn_training.training.device import Autocast, device_of
from asc_nn_training.training.loss import counted, evaluation, token_losses

_LEAST = 4  # tokens a passage


class Passages(NamedTuple):
    """Padded sequences, int64 (passages, length), and a mask, bool of the same shape, of the tokens that are text."""

    tokens: Tensor
    mask: Tensor

    @property
    def padding(self) -> float:
        """The share of positions that are padding."""
        return 1 - float(self.mask.float().mean())


def split_passages(texts: Sequence[str], tokenizer: Tokenizer, length: int, most: int) -> Passages:
    """Return the first `most` pieces between blank lines, cut at `length` tokens and padded with the end token.

    Pieces of fewer than 4 tokens are left out. Raises AscError if fewer than two remain.
    """
    pieces = (piece for text in texts for piece in text.split("\n\n") if piece.strip())
    rows = [row[:length] for row in tokenizer.encode(list(islice(pieces, most))) if len(row) >= _LEAST]
    if len(rows) < 2:
        raise AscError(
            f"The text has {len(rows)} passages between blank lines, and 2 or more are needed: give more text."
        )
    tokens = torch.full((len(rows), length), tokenizer.end, dtype=torch.int64)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = torch.from_numpy(row.astype("int64"))
        mask[number, : len(row)] = True
    return Passages(tokens, mask)


class PaddedBatches:
    """Passages drawn at random with replacement: a batch depends on the seed and its number only."""

    def __init__(self, tokens: Tensor, batch: int, seed: int) -> None:
        self._tokens, self._batch, self._seed = tokens, batch, seed

    def batch(self, step: int) -> Tensor:
        """Return the tokens of a step's batch, int64 (batch, length)."""
        random = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        return self._tokens[torch.randint(len(self._tokens), (self._batch,), generator=random)]


def passage_losses(
    model: nn.Module, held_out: Passages, size: int, autocast: Autocast = nullcontext
) -> tuple[float, float]:
    """Return the mean loss over all positions, padding included, and over the tokens of text; nats a token.

    One forward pass takes `size` passages at most, in the context that `autocast` makes.
    """
    every = text = 0.0
    positions = words = 0
    with evaluation(model):
        for tokens, mask in zip(torch.split(held_out.tokens, size), torch.split(held_out.mask, size), strict=True):
            with autocast():
                found = token_losses(model, tokens.to(device_of(model))).cpu().double()
            real = counted(mask)
            every, positions = every + float(found.sum()), positions + found.numel()
            text, words = text + float(found[real].sum()), words + int(real.sum())
    return every / positions, text / max(1, words)
