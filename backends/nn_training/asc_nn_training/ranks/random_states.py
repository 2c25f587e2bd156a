"""The random states of all ranks: each rank draws its own dropout, and a checkpoint holds the states of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.device import preserved_randomness, random_state

_APART = 1_000_003  # a prime: the seeds of the ranks of two runs with neighbouring seeds are different


def seed_rank(seed: int, rank: int) -> None:
    """Seed torch's generators for a rank. Those of the first rank stay as they are: they are those of one process."""
    if rank:
        torch.manual_seed(seed + _APART * rank)


def of_all(state: Mapping[str, Any], ranks: Ranks) -> list[dict[str, Any]]:
    """Return the random states of all ranks from each rank's own. Python's and numpy's are the first rank's."""
    states = [dict(state) for _ in range(ranks.count)]
    for name, own in state.items():
        if isinstance(own, Tensor):  # torch's generators; only they are drawn from in a training step
            table = torch.zeros(ranks.count, len(own), dtype=own.dtype)
            table[ranks.number] = own
            for each, row in zip(states, ranks.sum(table), strict=True):
                each[name] = row.clone()  # torch cannot set a state that begins within a storage
    return states


def of_rank(states: Sequence[Mapping[str, Any]], rank: int, seed: int, device: torch.device) -> Mapping[str, Any]:
    """Return a rank's state among saved ones; a rank that there was not before is seeded anew."""
    if rank < len(states):
        return states[rank]
    with preserved_randomness(device):
        seed_rank(seed, rank)
        return {**states[0], **{name: own for name, own in random_state(device).items() if isinstance(own, Tensor)}}
