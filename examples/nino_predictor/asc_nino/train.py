"""Trains the network on recorded runs: `python -m asc_nino.train RUN... --out nino.safetensors`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from asc import AscError
from asc.records.folders import find_run
from asc_nino.network import LOOK_BACK, Network, scaled
from asc_nino.recorded import examples

_BATCH = 1024
_RATE = 3e-3


def fit(rows: Tensor, steps: int, seed: int) -> Network:
    """Train a network on rows of values, (rows, 5 + ahead): Adam at a falling rate, on the mean absolute error.

    The error is in the units of `scaled`, so that each weight counts alike; weights that did not move are left out.
    Raises AscError where none has moved.
    """
    inputs, changes = _moving(rows)
    if not len(inputs):
        raise AscError("No weight of these runs has moved, so there is nothing to learn: record a longer run.")
    random = torch.Generator().manual_seed(seed)
    network = Network.drawn(changes.shape[1], random)
    layers = [layer.requires_grad_() for layer in network.layers]
    optimizer = torch.optim.Adam(layers, _RATE)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = _RATE * (1 - step / steps)
        batch = torch.randint(len(inputs), (_BATCH,), generator=random)
        loss = (network(inputs[batch]) - changes[batch]).abs().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return Network([layer.detach() for layer in layers])


def errors(network: Network, rows: Tensor) -> dict[str, list[float]]:
    """Return mean absolute errors, over that of standing still, at each superstep: the network's and a line's."""
    inputs, changes = _moving(rows)
    lines = -inputs[:, -1:] * torch.arange(1, network.ahead + 1)
    still = changes.abs().mean(0)
    with torch.no_grad():
        found = {"network": network(inputs), "linear": lines}
    return {name: ((one - changes).abs().mean(0) / still).tolist() for name, one in found.items()}


def _moving(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return inputs and changes, both scaled, of the rows in which something moves at first."""
    inputs, unit = scaled(rows[:, :LOOK_BACK])
    moving = unit[:, 0] > 0
    changes = (rows[:, LOOK_BACK:] - rows[:, LOOK_BACK - 1 : LOOK_BACK]) / unit
    return inputs[moving], changes[moving]


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, print the errors on weights that were not trained on, and write the network."""
    parser = argparse.ArgumentParser(prog="python -m asc_nino.train", description="Trains nino-mlp on recorded runs.")
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a recorded run: a folder, an id, or latest")
    parser.add_argument("--out", type=Path, required=True, help="file to write, such as nino.safetensors")
    parser.add_argument("--folder", type=Path, default=Path("runs"), help="folder of the runs (default: runs)")
    parser.add_argument("--ahead", type=int, default=4, help="supersteps to look ahead (default: 4)")
    parser.add_argument(
        "--weights", type=int, default=20_000, help="weights to learn from in each run (default: 20000)"
    )
    parser.add_argument("--steps", type=int, default=1500, help="steps of training (default: 1500)")
    parser.add_argument("--seed", type=int, default=0, help="what weights and batches are drawn from (default: 0)")
    given = parser.parse_args(arguments)
    try:
        for name, least in (("ahead", 1), ("weights", 10), ("steps", 1)):
            if (number := getattr(given, name)) < least:
                raise AscError(f"--{name} was given {number}; expected {least} or more.")
        found = [examples(find_run(given.folder, run), given.ahead, given.weights, given.seed) for run in given.runs]
        learnt, tested = map(torch.cat, zip(*(_split(rows) for rows in found), strict=True))
        network = fit(learnt, given.steps, given.seed)
        network.save(given.out)
    except AscError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{given.out}: trained on {len(learnt):,} rows of {len(found)} run{'s' * (len(found) > 1)}.")
    print("Mean absolute error on weights that were held out, over that of standing still:")
    print(f"{'supersteps ahead':18}" + "".join(f"{ahead + 1:7}" for ahead in range(network.ahead)))
    for name, ratios in errors(network, tested).items():
        print(f"{name:18}" + "".join(f"{ratio:7.2f}" for ratio in ratios))
    return 0


def _split(rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the rows of nine tenths of the weights, to learn from, and those of the rest, to measure the error on."""
    held_out = max(1, rows.shape[1] // 10)
    return rows[:, held_out:].flatten(0, 1), rows[:, :held_out].flatten(0, 1)


if __name__ == "__main__":
    sys.exit(main())
