"""Next-token cross-entropy in nats, and the evaluation mode in which it is measured."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from asc_nn_training.training.device import device_of, preserved_randomness

IGNORED = -100  # the target that torch's cross-entropy ignores


def token_losses(model: nn.Module, batch: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the loss of each token after the first: (batch, length - 1), fp32, nats.

    `batch` holds token numbers (batch, length); `mask`, of the same shape, is true at real tokens. A padded token, and
    a token that is predicted from a padded one, has the loss 0 and no gradient. The model returns logits
    (batch, length, vocabulary), or an object with such `logits`. The caller chooses the autocast context.
    """
    logits = _logits(model, batch, mask)
    # The targets are shifted, because shifting the large logits would copy them.
    targets = torch.full_like(batch, IGNORED)
    targets[:, :-1] = batch[:, 1:] if mask is None else batch[:, 1:].masked_fill(~counted(mask), IGNORED)
    flat = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), reduction="none")
    return flat.view(batch.shape)[:, :-1]


def counted(mask: Tensor) -> Tensor:
    """Return which losses count, (batch, length - 1): those of real tokens that follow a real token."""
    real = mask.bool()
    return real[:, 1:] & real[:, :-1]


def mean_loss(model: nn.Module, batch: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean over all tokens that count: a scalar, nats a token; 0 if none counts."""
    if mask is not None:
        return token_losses(model, batch, mask).sum() / counted(mask).sum().clamp(min=1)
    logits = _logits(model, batch, None)[:, :-1]  # the reduction within the kernel halves its time
    return functional.cross_entropy(logits.float().flatten(0, 1), batch[:, 1:].flatten())


def _logits(model: nn.Module, batch: Tensor, mask: Tensor | None) -> Tensor:
    output = model(batch) if mask is None else model(batch, attention_mask=mask)
    logits: Tensor = output if isinstance(output, Tensor) else output.logits
    return logits


def sequence_losses(model: nn.Module, batch: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the mean over each sequence's tokens that count: (batch,), nats a token; 0 if none counts."""
    losses = token_losses(model, batch, mask)
    return losses.mean(1) if mask is None else losses.sum(1) / counted(mask).sum(1).clamp(min=1)


@contextmanager
def evaluation(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, without gradients.

    Each module's mode, the buffers and all random states are restored, even when it raises: some models count calls or
    keep statistics in buffers whenever they are called.
    """
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with preserved_randomness(device_of(model)), _preserved_buffers(model), torch.no_grad():
            yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def _preserved_buffers(model: nn.Module) -> Iterator[None]:
    """Within, buffers may change or be replaced; afterwards they are the same tensors with the same content."""
    kept = [
        (module, name, buffer, buffer._version, buffer.clone())
        for module in model.modules()
        for name, buffer in module._buffers.items()
        if buffer is not None
    ]
    try:
        yield
    finally:
        with torch.no_grad():
            for module, name, buffer, version, content in kept:
                if module._buffers.get(name) is not buffer:
                    module._buffers[name] = buffer
                if buffer._version != version:
                    buffer.copy_(content)
