"""Fingerprints: a model's final hidden states on a fixed set of short texts."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule

from asc.errors import AscError
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.ranks.rows import Rows
from asc_nn_training.training.device import Autocast

LEAST = 100  # distinct probes, after Leap+Verify


class Probes:
    """Fixed texts, int64 (probes, length); a call with a model returns the fingerprint, (probes, d).

    A row is the mean of one text's final hidden states over its real tokens, where `mask` is true. At least 100 of the
    texts must be distinct. The ranks, if any are given, divide the texts among themselves. Source: Leap+Verify, Eq. 1,
    whose single cosine of all rows joined is the recognizer's `probes=joined`.
    """

    def __init__(
        self,
        texts: Tensor,
        mask: Tensor | None = None,
        autocast: Autocast = nullcontext,
        size: int = 64,
        ranks: Ranks | None = None,
    ) -> None:
        distinct = len(torch.unique(texts, dim=0))
        if distinct < LEAST:
            raise AscError(
                f"A fingerprint needs {LEAST} distinct probe texts or more, and {distinct} of the {len(texts)} given "
                "are distinct: give more text, or a longer --probe-length."
            )
        self._rows = Rows(len(texts), ranks)
        self._texts, self._mask = self._rows.part(texts), None if mask is None else self._rows.part(mask)
        self._autocast, self._size = autocast, size
        self.tokens = texts.numel()
        """Tokens of one fingerprint."""

    def __call__(self, model: nn.Module) -> Tensor:
        """Return the fingerprint, fp32 (probes, d). The caller sets evaluation mode."""
        rows = []
        for start in range(0, len(self._texts), self._size):
            part = slice(start, start + self._size)
            mask = None if self._mask is None else self._mask[part]
            with self._autocast():
                states = hidden(model, self._texts[part], mask).float()
            rows.append(states.mean(1) if mask is None else _mean(states, mask))
        return self._rows.whole(torch.cat(rows))


def hidden(model: nn.Module, texts: Tensor, mask: Tensor | None) -> Tensor:
    """Return the final hidden states, (texts, length, d), of a transformers model: the input of its head.

    Raises AscError for any other module.
    """
    body = getattr(model, "base_model", None)
    if not isinstance(body, nn.Module):
        raise AscError(
            f"{type(model).__name__} is no transformers model, so its final hidden states cannot be found: give a "
            "function of the module that returns a fingerprint of shape (probes, d)."
        )
    extra = {} if mask is None else {"attention_mask": mask}
    if isinstance(model, FSDPModule):  # only a call of the whole module gathers its parameters
        found: list[Tensor] = []
        hook = body.register_forward_hook(lambda _module, _inputs, output: found.append(output.last_hidden_state))
        try:
            model(input_ids=texts, **extra)
        finally:
            hook.remove()
        return found[0]
    states: Tensor = body(input_ids=texts, **extra).last_hidden_state
    return states


def _mean(states: Tensor, mask: Tensor) -> Tensor:
    real = mask.to(states.dtype).unsqueeze(-1)
    return (states * real).sum(1) / real.sum(1).clamp(min=1)
