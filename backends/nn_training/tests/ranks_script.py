"""A training on several ranks, for `test_ranks.py`: the same loop on one process, under DDP and under FSDP2."""

from __future__ import annotations

import json
import os
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, distributed, nn
from torch.distributed.fsdp import FullyShardedDataParallel, fully_shard
from torch.nn.parallel import DistributedDataParallel

from asc.errors import AscError
from asc_nn_training import ReadOuts, Speculation
from asc_nn_training.ranks.ranks import Ranks, RanksError

Batch = tuple[Tensor, Tensor]
RANK, WORLD = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
PREDICTORS = ["linear", "anderson", {"name": "nesterov-outer", "momentum": 0.5}]


def batch(seed: int) -> Batch:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()


def loss(model: nn.Module, given: Batch) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


def make(kind: str) -> nn.Module:
    torch.manual_seed(0)
    layers = [nn.Linear(6, 9), nn.Tanh(), nn.Linear(9, 5), nn.Tanh(), nn.Linear(5, 2)]
    model = nn.Sequential(*layers)
    if kind == "ddp":
        return DistributedDataParallel(model)
    if kind == "fsdp2":
        for layer in model:
            if isinstance(layer, nn.Linear):
                fully_shard(layer)
        fully_shard(model)
    return model


class Loop:
    def __init__(self, kind: str, **settings: Any) -> None:
        self.model, self.alone = make(kind), kind == "alone"
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=3e-3)
        gate = [batch(10_000 + i) for i in range(8)]
        usual = {"every": 5, "horizons": (5, 20), "overdraft": 1.0, "predictors": PREDICTORS, "step_size": 16}
        self.speculation = Speculation(self.model, self.optimizer, gate=gate, loss=loss, **{**usual, **settings})
        self.read_outs = ReadOuts(self.model, self.optimizer, spans=20, every=2)
        self.decisions: list[Any] = []

    def run(self, first: int, last: int) -> Loop:
        for step in range(first, last):
            x, y = batch(step)
            part = slice(None) if self.alone else slice(RANK, None, WORLD)
            value = loss(self.model, (x[part], y[part])).mean()
            self.optimizer.zero_grad()
            value.backward()
            self.optimizer.step()
            self.read_outs.update()
            done = self.speculation.step(value)
            if done is not None:
                for decision in done.decisions:
                    self.decisions.append([done.position, *decision.plan, decision.outcome.value])
        return self

    def outcome(self) -> dict[str, Any]:
        weights = self.speculation.computation.weights
        whole = [value.tolist() for value in weights.whole(weights.copy())]
        losses = iter([3.0, 1.0, 2.0, 4.0] if self.alone or not RANK else [0.0, 1.0, 2.0, 4.0])
        with self.read_outs.best(lambda _: next(losses)) as name:
            read_out = [value.tolist() for value in weights.whole(weights.copy())]
        report = self.speculation.report()
        return {
            "read_out": name,
            "read_out_weights": read_out,
            "decisions": self.decisions,
            "leaps": report["leaps"],
            "digest": self.speculation.computation.digest(),
            "weights": whole,
            "local": weights.local_numel,
            "spent": self.speculation.engine.ledger.spent,
        }


def refused(make: Any) -> str:
    try:
        make()
    except AscError as error:
        return f"{type(error).__name__}: {error}"
    return ""


def resumed() -> dict[str, Any]:
    """Stop a sharded training, continue it in a new one, and compare it with one that did not stop."""
    whole, first = Loop("fsdp2").run(0, 90), Loop("fsdp2").run(0, 47)
    saved = deepcopy([first.model.state_dict(), first.optimizer.state_dict(), first.speculation.state_dict()])
    second = Loop("fsdp2")
    second.model.load_state_dict(saved[0])
    second.optimizer.load_state_dict(saved[1])
    second.speculation.load_state_dict(saved[2])
    other = deepcopy(saved[2]) | {"rank": [1 - RANK, WORLD]}
    return {
        "whole": whole.outcome()["digest"],
        "second": second.run(47, 90).outcome()["digest"],
        "other": refused(lambda: Loop("fsdp2").speculation.load_state_dict(other)),
    }


def main(folder: Path) -> None:
    found: dict[str, Any] = {"alone": Loop("alone").run(0, 120).outcome()}
    distributed.init_process_group("gloo")
    found["ddp"] = Loop("ddp").run(0, 120).outcome()
    found["fsdp2"] = Loop("fsdp2").run(0, 120).outcome()
    keep = {"keep": 4, "match": "distance", "tolerance": 0.5}
    found["kept"] = Loop("fsdp2", cache={**keep, "device_bytes": 0}).run(0, 60).outcome()
    found["resumed"] = resumed()
    flat = FullyShardedDataParallel(nn.Linear(4, 4), device_id=torch.device("cpu"))
    optimizer = torch.optim.SGD(flat.parameters())
    found["fsdp1"] = refused(lambda: Speculation(flat, optimizer, gate=[batch(0), batch(1)], loss=loss))
    found["settings"] = refused(lambda: Loop("ddp", every=5 + RANK))
    found["agreed"] = Ranks().agree({"rank": RANK, "text": "é"})
    found["gathered"] = Ranks().gather([RANK, 7])
    apart = Loop("ddp")
    apart.speculation._loop.position += RANK  # as if a rank had counted a step more
    found["apart"] = refused(apart.speculation._boundary)
    (folder / f"{RANK}.json").write_text(json.dumps(found))
    alone = Loop("ddp").run(0, 4)
    if RANK == 1:
        os._exit(0)  # as if it had been killed
    found["left"] = refused(alone.speculation._boundary)
    (folder / f"{RANK}.json").write_text(json.dumps(found))
    os._exit(0)


if __name__ == "__main__":
    assert issubclass(RanksError, AscError)
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
