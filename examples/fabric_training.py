"""Speculation in a loop by Lightning Fabric: `python fabric_training.py [--steps 600]`.

A small network learns to tell noisy rings apart, on a GPU if there is one. The lines with `attached` are the only ones
that a usual loop by Fabric does not have. Needs `pip install 'asc-nn-training[lightning]'`.
"""

from __future__ import annotations

import argparse
import textwrap
from collections.abc import Iterable
from typing import Any

import torch
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from asc_nn_training import attach

RINGS = 4


def rings(count: int, seed: int) -> TensorDataset:
    """Points of four rings, moved a little."""
    random = torch.Generator().manual_seed(seed)
    ring = torch.randint(RINGS, (count,), generator=random)
    angle = 2 * torch.pi * torch.rand(count, generator=random)
    points = (ring + 1)[:, None] * torch.stack([angle.cos(), angle.sin()], 1)
    return TensorDataset(points + 0.2 * torch.randn(count, 2, generator=random), ring)


def loss(model: nn.Module, batch: list[Tensor]) -> Tensor:
    """One loss a point."""
    points, ring = batch
    return nn.functional.cross_entropy(model(points), ring, reduction="none")


def train(fabric: Fabric, batches: Iterable[list[Tensor]], gate: Iterable[list[Tensor]]) -> dict[str, Any]:
    model = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, RINGS))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    model, optimizer = fabric.setup(model, optimizer)
    attached = attach(model, optimizer, gate=gate, loss=loss, every=25, horizons=(25, 50))
    for batch in batches:
        value = loss(model, batch).mean()
        optimizer.zero_grad()
        fabric.backward(value)
        attached.note(value)
        optimizer.step()
    attached.close()
    return attached.report()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=600)
    options = parser.parse_args()
    fabric = Fabric(devices=1)
    fabric.seed_everything(0, verbose=False)
    batches = DataLoader(rings(64 * options.steps, seed=1), batch_size=64)
    gate = DataLoader(rings(1024, seed=2), batch_size=64)
    report = train(fabric, fabric.setup_dataloaders(batches), gate)
    print(f"{report['position']} steps, {report['leaps']} leaps.")
    for sentence in (report["reason"], *report["warnings"]):
        print(textwrap.fill(sentence, 80))


if __name__ == "__main__":
    main()
