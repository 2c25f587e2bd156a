"""The cross-entropy that transformers models compute of their own logits and labels, as one loss a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from asc.errors import AscError
from asc_nn_training.training.loss import IGNORED


def alignment(model: nn.Module, batch: Any) -> int | None:
    """Return by how much labels are shifted in a model's own loss: 1 where each position predicts the next label, or 0.

    None if the model's own loss is not the cross-entropy of its logits. Of the two shifts, the one whose cross-entropy
    is nearer to the model's own loss counts: with random weights, both are near.
    """
    answer, nearest, found = _answer(model, batch), 1e-4, None
    for shift in (1, 0):
        if answer is not None and answer.labels.shape[1] > shift:
            _, whole = _cross_entropy(answer, shift)
            apart = float((whole - answer.own).abs() / answer.own.abs().clamp(min=0.1))
            if apart < nearest:
                nearest, found = apart, shift
    return found


def sample_losses(model: nn.Module, batch: Any, *, shift: int) -> Tensor:
    """Return a model's own cross-entropy as one loss a sequence or sample, (n,). Labels of -100 never count.

    Raises AscError if the model's own loss turns out to be another.
    """
    answer = _answer(model, batch)
    if answer is not None:
        losses, whole = _cross_entropy(answer, shift)
        if torch.isclose(whole, answer.own, rtol=1e-3, atol=1e-4, equal_nan=True):
            return losses
    raise AscError(
        "The model's own loss was the cross-entropy of its logits at first, and no longer is: give SpeculationCallback "
        "a loss=function, which is called with the model and a batch."
    )


class _Answer(NamedTuple):
    labels: Tensor  # (n, positions)
    logits: Tensor  # (n, positions, classes)
    own: Tensor  # the model's own loss


def _answer(model: nn.Module, batch: Any) -> _Answer | None:
    """Return what a model answers to a batch; None if it is not what classifiers and language models answer."""
    if not isinstance(batch, Mapping):
        return None
    output = model(**batch)
    labels, logits, own = batch.get("labels"), _part(output, "logits"), _part(output, "loss")
    if labels is None or logits is None or own is None:
        return None
    if labels.shape != logits.shape[:-1] or labels.ndim > 2 or not labels.numel():
        return None
    if labels.is_floating_point() or labels.max() >= logits.shape[-1]:
        return None
    if labels.ndim == 1:  # one label a sample, like one position of a sequence
        labels, logits = labels[:, None], logits[:, None]
    return _Answer(labels, logits, own.detach().float().mean())


def _part(output: Any, name: str) -> Tensor | None:
    found = output.get(name) if isinstance(output, Mapping) else getattr(output, name, None)
    return found if isinstance(found, Tensor) else None


def _cross_entropy(answer: _Answer, shift: int) -> tuple[Tensor, Tensor]:
    """Return the loss of each sample, (n,), and of the batch, both means over the labels that count."""
    targets = answer.labels[:, shift:]
    scores = answer.logits[:, : targets.shape[1]].float().flatten(0, 1)
    flat = functional.cross_entropy(scores, targets.flatten(), reduction="none", ignore_index=IGNORED)
    sums, counted = flat.view(targets.shape).sum(1), (targets != IGNORED).sum(1)
    return sums / counted.clamp(min=1), sums.sum() / counted.sum().clamp(min=1)
