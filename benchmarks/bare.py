"""A plain training loop to compare ours with, over the same model and batches."""

from __future__ import annotations

from collections.abc import Callable

import torch

from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.training.schedule import Schedule


def bare(settings: NetworkConfig, steps: int, reads: bool = True) -> Callable[[], None]:
    """Return a call that takes so many steps of the paper's recipe; it reads every step's loss, or none."""
    computation = NetworkBackend(settings).computation(plain=True)
    training, data = computation.training, computation.data
    model, device, autocast = training.model, training.device, training.autocast
    fused = True if device.type == "cuda" else None
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01, fused=fused)
    schedule = Schedule(5e-5, settings)

    def loop() -> None:
        model.train()
        for step in range(steps):
            optimizer.param_groups[0]["lr"] = schedule.rate(step, settings.steps)
            batch = data.train.batch(step).to(device, non_blocking=True)
            with autocast():
                logits = model(batch).logits[:, :-1].float()
                loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
            if reads:
                float(loss.detach())

    return loop
