"""Speculation in a training loop of your own: a small convolutional network on generated pictures.

Speculation adds four lines to the loop: they make the object, call it after each step, and print each leap. Run it
with `python examples/train_cnn.py`; it takes some seconds.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from asc_nn_training import Speculation

Batch = tuple[Tensor, Tensor]


def pictures(seed: int, count: int = 32) -> Batch:
    """Noisy 12 × 12 pictures of horizontal bars, vertical bars, diagonals and rings, (count, 1, 12, 12)."""
    random = torch.Generator().manual_seed(seed)
    kind = torch.randint(0, 4, (count,), generator=random)
    phase = 6.3 * torch.rand(count, 1, 1, generator=random)
    y, x = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    waves = torch.stack([y, x, (x + y) / 1.4, ((x - 5.5) ** 2 + (y - 5.5) ** 2).sqrt()])[kind]
    clean = torch.sin(1.6 * waves + phase)
    return (clean + torch.randn(clean.shape, generator=random)).unsqueeze(1), kind


def loss(model: nn.Module, batch: Batch) -> Tensor:
    """One loss a picture, (count,)."""
    images, kinds = batch
    return functional.cross_entropy(model(images), kinds, reduction="none")


def main(steps: int = 1500) -> dict[str, object]:
    torch.set_num_threads(1)  # faster for a network this small
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.1), nn.Linear(512, 4)
    )
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    held_out = [pictures(1_000_000 + i, count=16) for i in range(16)]
    speculation = Speculation(model, optimizer, gate=held_out, loss=loss, step_size=32)
    for step in range(steps):
        value = loss(model, pictures(step)).mean()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        done = speculation.step(value)
        if done is not None and done.leaps:
            print(f"step {step + 1}: leapt by {done.leaps[0].source}, worth {done.leaps[0].gain_steps:.0f} steps")

    model.eval()
    with torch.no_grad():
        test = torch.cat([loss(model, pictures(2_000_000 + i)) for i in range(8)]).mean().item()
    report = speculation.report()
    print(f"test loss {test:.3f}, {report['leaps']} leaps, speed-up {report['estimated_speedup']:.2f}, estimated")
    return {"test_loss": test, **report}


if __name__ == "__main__":
    main()
