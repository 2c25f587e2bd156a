"""Speculation in loops that Accelerate prepares: accumulated gradients, mixed precision, two processes."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from forked import run_ranks
from torch import Tensor, nn
from torch.utils.data import DataLoader

from asc_nn_training import Speculation, attach

USUAL: dict[str, Any] = {"every": 5, "horizons": (5, 20), "overdraft": 100.0}


@pytest.fixture(autouse=True)
def no_other_accelerator() -> Iterator[None]:
    """Accelerate keeps one state a process, which must not be that of another test."""
    forget_accelerator()
    yield
    forget_accelerator()


def forget_accelerator() -> None:
    AcceleratorState._reset_state(reset_partial_state=True)
    GradientState._reset_state()


def sample(seed: int) -> dict[str, Tensor]:
    x = torch.randn(6, generator=torch.Generator().manual_seed(seed))
    return {"x": x, "labels": (x[:3].sum() > 0).long()}


def gate() -> DataLoader[Any]:
    return DataLoader([sample(10_000 + i) for i in range(64)], batch_size=1)  # type: ignore[arg-type]


class Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))

    def forward(self, x: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"loss": nn.functional.cross_entropy(self.layers(x), labels)}


def own_loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    found: Tensor = model(**batch)["loss"]
    return found


@pytest.mark.integration("Accelerate", "accelerator.accumulate, mixed precision bf16, attach", "works")
def test_micro_batches_of_accelerate_are_no_steps() -> None:
    """The loss of a step is the mean of its micro-batches'; the prepared scheduler steps as before."""
    accelerator = Accelerator(cpu=True, mixed_precision="bf16", gradient_accumulation_steps=4)
    model = Model()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.5, 40)
    loader = DataLoader([sample(i) for i in range(640)], batch_size=4)  # type: ignore[arg-type]
    model, optimizer, loader, schedule = accelerator.prepare(model, optimizer, loader, schedule)
    attached = attach(model, optimizer, gate=gate(), loss=own_loss, lr_scheduler=schedule, **USUAL)
    losses: list[float] = []
    for batch in loader:
        with accelerator.accumulate(model):
            loss = own_loss(model, batch)
            losses.append(loss.item())
            accelerator.backward(loss)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    assert attached.position == 40
    means = [sum(losses[i : i + 4]) / 4 for i in range(0, 160, 4)]
    assert attached.speculation.computation.progress.losses == pytest.approx(means, rel=1e-5)
    assert attached.report()["leaps"] > 0
    assert optimizer.param_groups[0]["lr"] == pytest.approx(5e-4)


@pytest.mark.integration("Accelerate", "accelerator.accumulate, step() where gradients are synchronised", "works")
def test_steps_by_hand_are_counted_where_gradients_are_synchronised() -> None:
    accelerator = Accelerator(cpu=True, gradient_accumulation_steps=2)
    model, optimizer = accelerator.prepare(made := Model(), torch.optim.AdamW(made.parameters(), lr=1e-3))
    loader = accelerator.prepare(DataLoader([sample(i) for i in range(320)], batch_size=4))  # type: ignore[arg-type]
    speculation = Speculation(model, optimizer, gate=gate(), loss=own_loss, **USUAL)
    for batch in loader:
        with accelerator.accumulate(model):
            loss = own_loss(model, batch)
            accelerator.backward(loss)
            optimizer.step()
            optimizer.zero_grad()
        speculation.note(loss)
        if accelerator.sync_gradients:
            speculation.step()
    assert speculation.position == 40
    assert len(speculation.computation.progress.losses) == 40
    assert speculation.report()["leaps"] > 0


DISTRIBUTED = """
import hashlib, json, pathlib, sys, torch
from accelerate import Accelerator
from torch import nn
from asc_nn_training import Speculation, attach

def batch(seed):
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()

def loss(model, given):
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")

def leaps_of(attaching):
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model, optimizer = accelerator.prepare(model, optimizer)
    gate = [batch(10_000 + 100 * rank + i) for i in range(8 + rank)]  # other data on each rank, and not as much
    settings = dict(gate=gate, loss=loss, every=5, horizons=(5, 20), overdraft=0.5)
    attached = attach(model, optimizer, **settings) if attaching else None
    speculation = attached.speculation if attaching else Speculation(model, optimizer, **settings)
    for step in range(100):
        value = loss(model, batch(2 * step + rank)).mean()
        optimizer.zero_grad()
        accelerator.backward(value)
        speculation.note(value)
        optimizer.step()
        if not attaching:
            speculation.step()
        if step == 63 and rank == 0:
            speculation.state_dict()  # on the first rank alone, as for a checkpoint
    digest = hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
    report = speculation.report()
    return [digest, report["outcomes"], report["leaps"]]

accelerator = Accelerator(cpu=True)
rank = accelerator.process_index
found = [leaps_of(attaching=False), leaps_of(attaching=True), accelerator.num_processes]
pathlib.Path(sys.argv[1], f"rank{rank}.json").write_text(json.dumps(found))
accelerator.end_training()
"""


@pytest.mark.integration("Accelerate", "two processes, by hand and attached", "works")
def test_two_ranks_decide_alike(tmp_path: Path) -> None:
    """DistributedDataParallel over gloo, prepared by Accelerate, with other data on each rank."""
    script = tmp_path / "train.py"
    script.write_text(textwrap.dedent(DISTRIBUTED))
    found = run_ranks([script, tmp_path], tmp_path)
    ranks = sorted(tmp_path.glob("rank*.json"))
    assert len(ranks) == 2, found.stderr
    first, second = (json.loads(path.read_text()) for path in ranks)
    assert first == second
    by_hand, attached, processes = first
    assert by_hand == attached
    assert by_hand[2] > 0
    assert processes == 2
