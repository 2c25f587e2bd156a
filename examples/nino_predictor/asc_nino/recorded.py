"""Examples to learn from: how weights of recorded runs went on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

from asc import AscError
from asc.run.replay.positions import KeptPosition, kept_positions
from asc_nino.network import LOOK_BACK
from asc_nn_training.training import checkpoint


def examples(run: Path, ahead: int, weights: int, seed: int) -> Tensor:
    """Return consecutive values, 5 to learn from and `ahead` that came after: (places, weights, 5 + ahead).

    The weights, at most as many as given, are drawn by `seed`. A place is a kept position of the run that enough others
    follow at equal distances. Raises AscError where there is none.
    """
    kept, length = kept_positions(run), LOOK_BACK + ahead
    starts = [start for start in range(len(kept) - length + 1) if _equally_spaced(kept[start : start + length])]
    if not starts:
        raise AscError(
            f"The run {run} has kept {len(kept)} of its positions; expected {length} or more at equal distances, of "
            "which no two have a leap between them: record one with asc run nn_training --shadow --keep-trajectory "
            f"{max(30, 2 * length)}."
        )
    values = torch.stack(list(_values(kept, weights, seed)), 1)
    return torch.stack([values[:, start : start + length] for start in starts])


def _equally_spaced(kept: Sequence[KeptPosition]) -> bool:
    gap = kept[1].position - kept[0].position
    return all(a.segment == b.segment and b.position - a.position == gap for a, b in pairwise(kept))


def _values(kept: Sequence[KeptPosition], weights: int, seed: int) -> Iterator[Tensor]:
    """Yield the values of the same weights at each position."""
    drawn: Tensor | None = None
    for here in kept:
        found = checkpoint.load(here.folder)
        if found is None:
            raise AscError(f"The folder {here.folder} has no checkpoint: remove it to do without this position.")
        tensors = [tensor for tensor in found[1]["model"].values() if tensor.is_floating_point()]
        flat = torch.cat([tensor.flatten().float() for tensor in tensors])
        if drawn is None:
            drawn = torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))[:weights]
        yield flat[drawn]
