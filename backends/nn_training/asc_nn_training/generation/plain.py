"""The plain path: one prompt alone, one token a pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from asc_nn_training.generation.prompts import config_of


class PlainPath:
    """Returns the logits that transformers' `generate` has for this prompt alone, after any text that follows it.

    Its passes are those of the plain path, so they have the same bits. Nothing is computed before the first question.
    """

    def __init__(self, model: nn.Module, device: torch.device, prompt: Sequence[int]) -> None:
        self._model, self._device, self._prompt = model, device, list(prompt)
        self._cache: Any = None
        self._fed = 0  # tokens in the cache
        self.passes = 0

    def logits(self, text: Sequence[int]) -> Tensor:
        """Return the logits after prompt and text, (1, vocabulary). A text begins with the one asked before."""
        from transformers import DynamicCache  # noqa: PLC0415 -- seconds to import

        if self._cache is None:
            self._cache = DynamicCache(config=config_of(self._model))  # as generate makes it
            logits = self._pass(self._prompt)
        for token in text[max(0, self._fed - len(self._prompt)) :]:
            logits = self._pass([token])
        return logits

    def _pass(self, tokens: Sequence[int]) -> Tensor:
        fed = torch.tensor([tokens], device=self._device)
        end = self._fed + len(tokens)
        output: Any = self._model(
            input_ids=fed,
            attention_mask=torch.ones(1, end, dtype=torch.long, device=self._device),
            position_ids=torch.arange(self._fed, end, device=self._device)[None],
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        self._fed = end
        self.passes += 1
        logits: Tensor = output.logits
        return logits[:, -1]
