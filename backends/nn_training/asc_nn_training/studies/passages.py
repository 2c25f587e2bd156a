"""Text as the published code of Leap+Verify has it: one passage a sequence, the rest of it padding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.data.tokenizer import Tokenizer
from asc_nn_training.loss import counted, evaluation, token_losses

_LEAST = 4  # tokens of a passage


class Passages(NamedTuple):
    """Padded sequences, int64 (passages, length), and which of their tokens are text, bool of the same shape."""

    tokens: Tensor
    mask: Tensor

    @property
    def padding(self) -> float:
        """Share of positions that are padding."""
        return 1 - float(self.mask.float().mean())


def passages(texts: Sequence[str], tokenizer: Tokenizer, length: int, most: int) -> Passages:
    """Return what stands between blank lines, cut at `length` tokens and padded with the end token.

    Raises AscError where there are fewer than two.
    """
    pieces = (piece for text in texts for piece in text.split("\n\n") if piece.strip())
    chosen = [piece for piece, _ in zip(pieces, range(most), strict=False)]
    rows = [row[:length] for row in tokenizer.encode(chosen) if len(row) >= _LEAST]
    if len(rows) < 2:
        raise AscError(f"The text has {len(rows)} passages between blank lines, and 2 or more are needed: give more.")
    tokens = torch.full((len(rows), length), tokenizer.end, dtype=torch.int64)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = torch.from_numpy(row.astype("int64"))
        mask[place, : len(row)] = True
    return Passages(tokens, mask)


class PaddedBatches:
    """Passages in an order that depends on the seed alone; each batch a pure function of its number."""

    def __init__(self, tokens: Tensor, batch: int, seed: int) -> None:
        self._tokens, self._batch, self._seed = tokens, batch, seed

    def batch(self, step: int) -> Tensor:
        """Return token numbers, int64 (batch, length): any passages of all."""
        random = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        return self._tokens[torch.randint(len(self._tokens), (self._batch,), generator=random)]


def losses(model: nn.Module, held_out: Passages, size: int) -> tuple[float, float]:
    """Return the mean loss over all positions, padding scored, and over the tokens of text alone; nats a token."""
    device = next(model.parameters()).device
    every = text = 0.0
    positions = words = 0
    with evaluation(model):
        for tokens, mask in zip(torch.split(held_out.tokens, size), torch.split(held_out.mask, size), strict=True):
            found, real = token_losses(model, tokens.to(device)), counted(mask.to(device))
            every, positions = every + float(found.double().sum()), positions + found.numel()
            text, words = text + float(found[real].double().sum()), words + int(real.sum())
    return every / positions, text / max(1, words)
