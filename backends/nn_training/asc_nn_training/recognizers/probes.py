"""Fingerprints: how a model answers a fixed set of short texts, as its final hidden states."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.training.device import Autocast

LEAST = 100  # distinct probes, after Leap+Verify


class Probes:
    """Fixed texts, int64 (probes, length); called with a model it answers with the fingerprint, (probes, d).

    A row is the mean of one text's final hidden states over its real tokens, those where `mask` is true. The texts must
    differ: a repeated one only counts twice. Source: Leap+Verify, Eq. 1, whose one cosine of everything put end to end
    is the recognizer's `probes=joined`.
    """

    def __init__(
        self, texts: Tensor, mask: Tensor | None = None, autocast: Autocast = nullcontext, size: int = 64
    ) -> None:
        distinct = len(torch.unique(texts, dim=0))
        if distinct < LEAST:
            raise AscError(
                f"A fingerprint takes {LEAST} distinct probe texts or more, and of {len(texts)} given {distinct} "
                "differ: give more text, or a longer --probe-length."
            )
        self._texts, self._mask, self._autocast, self._size = texts, mask, autocast, size

    @property
    def tokens(self) -> int:
        """Tokens of one fingerprint."""
        return self._texts.numel()

    def __call__(self, model: nn.Module) -> Tensor:
        """Return the fingerprint, fp32 (probes, d); the caller sees to evaluation mode."""
        rows = []
        for start in range(0, len(self._texts), self._size):
            part = slice(start, start + self._size)
            mask = None if self._mask is None else self._mask[part]
            with self._autocast():
                states = hidden(model, self._texts[part], mask).float()
            rows.append(states.mean(1) if mask is None else _mean(states, mask))
        return torch.cat(rows)


def hidden(model: nn.Module, texts: Tensor, mask: Tensor | None) -> Tensor:
    """Return the final hidden states, (texts, length, d), of a transformers model: those that its head would be given.

    Raises AscError for any other module, whose fingerprint only its author knows.
    """
    body = getattr(model, "base_model", None)
    if not isinstance(body, nn.Module):
        raise AscError(
            f"{type(model).__name__} is no transformers model, so where its final hidden states are is not known: give "
            "a call that takes the module and answers with a fingerprint of shape (probes, d)."
        )
    extra = {} if mask is None else {"attention_mask": mask}
    states: Tensor = body(input_ids=texts, **extra).last_hidden_state
    return states


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    real = mask.to(states.dtype).unsqueeze(-1)
    return (states * real).sum(1) / real.sum(1).clamp(min=1)
