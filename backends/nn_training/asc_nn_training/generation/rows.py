"""The keys and values of several texts of different lengths, which end at the same column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asc_nn_training.generation.prompts import positions_of


class Rows:
    """A model's key-value cache for a batch of texts. Columns before a shorter text are empty; none within a text is.

    So the columns of a text follow each other, as models with a sliding window of attention need it.
    """

    def __init__(self, model: nn.Module, device: torch.device) -> None:
        from transformers import DynamicCache  # noqa: PLC0415 -- seconds to import

        self._model, self._device, self._positions = model, device, positions_of(model)
        self._cache: Any = DynamicCache()
        self._columns = 0
        self._first: list[int] = []  # each text's first column

    @property
    def room(self) -> int | None:
        """Columns that the model's positions have left, for all rows alike; None if they are not limited."""
        return None if self._positions is None else self._positions - self._columns

    def begin(self, prompts: Sequence[Sequence[int]], drafts: Sequence[Sequence[int]]) -> Tensor:
        """Feed prompts, each with a draft; return the logits after the prompt and after each token of a draft.

        Their shape is (rows, 1 + length of the longest draft, vocabulary). Those after a shorter draft mean nothing.
        """
        longest = max(map(len, prompts))
        self._first = [longest - len(prompt) for prompt in prompts]
        padded = [[prompt[0]] * empty + list(prompt) for prompt, empty in zip(prompts, self._first, strict=True)]
        return self._fed(padded, drafts)

    def add(self, last: Sequence[int], drafts: Sequence[Sequence[int]]) -> Tensor:
        """Feed each row's last token, and a draft; return the logits as `begin` does."""
        return self._fed([[token] for token in last], drafts)

    def keep(self, rows: Sequence[int], dropped: Sequence[int]) -> None:
        """Keep these rows, without the last columns of each: `dropped` of them, by row."""
        lengths = [self._columns - dropped[row] - self._first[row] for row in rows]
        columns = max(lengths, default=0)
        starts = [self._columns - dropped[row] - columns for row in rows]  # column that becomes the first one
        whole = len(rows) == len(self._first)
        if not whole or columns < self._columns or any(starts):
            chosen = None if whole else rows
            for layer in self._cache.layers:
                layer.keys = _moved(layer.keys, chosen, starts, columns)
                layer.values = _moved(layer.values, chosen, starts, columns)
        self._first, self._columns = [columns - length for length in lengths], columns

    def _fed(self, known: Sequence[Sequence[int]], drafts: Sequence[Sequence[int]]) -> Tensor:
        longest = max(map(len, drafts))
        rows = [
            [*tokens, *draft, *[tokens[-1]] * (longest - len(draft))]
            for tokens, draft in zip(known, drafts, strict=True)
        ]
        fed = torch.tensor(rows, device=self._device)
        columns = torch.arange(self._columns + fed.shape[1], device=self._device)
        first = torch.tensor(self._first, device=self._device)[:, None]
        output: Any = self._model(
            input_ids=fed,
            attention_mask=(columns >= first).long(),
            position_ids=(columns[self._columns :] - first).clamp(min=0),
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1 + longest,
        )
        self._columns = len(columns)
        logits: Tensor = output.logits[:, -1 - longest :]  # some models return those of all columns
        return logits


def _moved(of: Tensor, rows: Sequence[int] | None, starts: Sequence[int], columns: int) -> Tensor:
    """Return columns of rows (rows, heads, columns, size), from a start for each; by default of all rows."""
    if rows is None and len(set(starts)) == 1 and starts[0] >= 0:
        return of[:, :, starts[0] : starts[0] + columns]
    whole, heads, width, size = of.shape
    chosen = torch.arange(whole) if rows is None else torch.tensor(rows)
    index = (torch.arange(columns) + torch.tensor(starts)[:, None]).clamp(min=0)
    flat = (chosen[:, None, None] * heads + torch.arange(heads)[:, None]) * width + index[:, None]  # row, head, column
    return of.reshape(-1, size).index_select(0, flat.flatten().to(of.device)).view(-1, heads, columns, size)
