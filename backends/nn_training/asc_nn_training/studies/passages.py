"""Text as the published code of Leap+Verify has it: one passage a sequence, the rest of it padding."""

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
    """Return the first `most` pieces between blank lines, cut at `length` tokens and padded with the end token.

    Those of fewer than 4 tokens are left out. Raises AscError where fewer than two remain.
    """
    pieces = (piece for text in texts for piece in text.split("\n\n") if piece.strip())
    rows = [row[:length] for row in tokenizer.encode(list(islice(pieces, most))) if len(row) >= _LEAST]
    if len(rows) < 2:
        raise AscError(f"The text has {len(rows)} passages between blank lines, and 2 or more are needed: give more.")
    tokens = torch.full((len(rows), length), tokenizer.end, dtype=torch.int64)
    mask = torch.zeros(len(rows), length, dtype=torch.bool)
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = torch.from_numpy(row.astype("int64"))
        mask[place, : len(row)] = True
    return Passages(tokens, mask)


class PaddedBatches:
    """Passages drawn at random, each time from all of them: a batch is a pure function of the seed and its number."""

    def __init__(self, tokens: Tensor, batch: int, seed: int) -> None:
        self._tokens, self._batch, self._seed = tokens, batch, seed

    def batch(self, step: int) -> Tensor:
        """Return token numbers, int64 (batch, length)."""
        random = torch.Generator().manual_seed(self._seed * 1_000_003 + step)
        return self._tokens[torch.randint(len(self._tokens), (self._batch,), generator=random)]


def losses(model: nn.Module, held_out: Passages, size: int, autocast: Autocast = nullcontext) -> tuple[float, float]:
    """Return the mean loss over all positions, padding scored, and over the tokens of text alone; nats a token.

    At most `size` passages are taken in one forward pass, in the context that `autocast` makes.
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
