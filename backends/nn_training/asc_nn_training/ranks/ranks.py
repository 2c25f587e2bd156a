"""The processes of a distributed training: the one place that communicates between them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, distributed

from asc.errors import AscError
from asc.group import Group

T = TypeVar("T")
_DIMENSIONS = 4  # of tensors that are sent, at most
_PLACE = re.compile(r"^\[[^\]]*\] *")  # where in torch's sources an error arose


class RanksError(AscError):
    """The ranks of a training are no longer together, so none of them can continue."""


class Ranks(Group):
    """All ranks of a training decide alike: what steers comes from the first rank, or is made of all ranks' values.

    Without `torch.distributed` there is one rank, and nothing is sent. Every method is a collective call: all ranks
    call the same methods in the same order. `device` is where the ranks' tensors are, as the process group needs it.
    Each method raises RanksError on the remaining ranks if a rank has ended.
    """

    def __init__(self, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)

    @property
    def count(self) -> int:
        """How many ranks train together."""
        return distributed.get_world_size() if _initialised() else 1

    @property
    def number(self) -> int:
        """This rank's number, from 0 on."""
        return distributed.get_rank() if _initialised() else 0

    @property
    def first(self) -> bool:
        """Whether this is the first rank."""
        return self.number == 0

    def from_first(self, values: Tensor) -> Tensor:
        """Return the first rank's values on every rank. The shapes may differ, and have at most four dimensions."""
        if self.count == 1:
            return values
        with _together():
            shape = torch.tensor([values.ndim, *values.shape, *[0] * _DIMENSIONS][: _DIMENSIONS + 1])
            shape = shape.to(self.device)
            distributed.broadcast(shape, 0)
            dimensions, *sizes = shape.tolist()
            if list(values.shape) != sizes[:dimensions]:
                values = values.new_empty(sizes[:dimensions])
            values = values.contiguous()
            distributed.broadcast(values, 0)
        return values

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum over ranks of values of the same shape. The values themselves do not change."""
        if self.count > 1:
            with _together():
                values = values.clone()
                distributed.all_reduce(values)
        return values

    def mean(self, values: Tensor) -> Tensor:
        """Return the mean over ranks of values of the same shape, in single precision or more."""
        values = values.to(torch.promote_types(values.dtype, torch.float32))
        return self.sum(values) / self.count

    def largest(self, number: int) -> int:
        """Return the largest of the ranks' numbers."""
        return max(row[0] for row in self.gather([number]))

    def any(self, flag: bool) -> bool:
        """Return whether the flag is set on any rank."""
        return flag if self.count == 1 else bool(self.largest(int(flag)))

    def gather(self, numbers: list[int]) -> list[list[int]]:
        """Return the whole numbers of every rank, by rank."""
        if self.count == 1:
            return [numbers]
        with _together():
            own = torch.tensor(numbers, dtype=torch.int64, device=self.device)
            everyone = [torch.empty_like(own) for _ in range(self.count)]
            distributed.all_gather(everyone, own)
        return [row.tolist() for row in everyone]

    def agree(self, value: T) -> T:
        """Return the first rank's value, of what JSON can hold, on every rank."""
        if self.count == 1:
            return value
        written = torch.tensor(list(json.dumps(value).encode()), dtype=torch.uint8, device=self.device)
        agreed: T = json.loads(bytes(self.from_first(written).tolist()))
        return agreed

    @contextmanager
    def failing_together(self, doing: str) -> Iterator[None]:
        """Raise on all ranks what raises within on one: the others would wait for it. `doing` says what it was."""
        failed: Exception | None = None
        try:
            yield
        except Exception as error:  # noqa: BLE001 -- it is raised again below
            failed = error
        if self.any(failed is not None):
            raise failed or AscError(f"{doing} failed on another rank, whose output says why.")

    def require_together(self, position: int, leaps: int) -> None:
        """Raise RanksError, on every rank, if the ranks are not at the same position after the same number of leaps."""
        everyone = self.gather([position, leaps])
        if any(row != everyone[0] for row in everyone):
            where = "; ".join(f"rank {rank}: step {row[0]}, {row[1]} leaps" for rank, row in enumerate(everyone))
            raise RanksError(
                f"The ranks of this training are no longer together ({where}). Every rank calls the speculation after "
                "each optimiser step, with the same settings. Resume all ranks from the last checkpoint."
            )


def _initialised() -> bool:
    return distributed.is_available() and distributed.is_initialized()


@contextmanager
def passing() -> Iterator[None]:
    """Say in a sentence why a pass through a model that ranks share has failed, where the reason is the sharing."""
    try:
        yield
    except RuntimeError as error:
        if "finished reduction" in str(error):  # DistributedDataParallel waits for a gradient that does not come
            raise AscError(
                "Some of the model's parameters had no gradient in the last step, which replicas of a model cannot "
                "have: add --shard fsdp2, or train in one process."
            ) from error
        if isinstance(error, distributed.DistError) or any(name in str(error) for name in ("gloo", "NCCL")):
            raise _lost(error) from error
        raise


@contextmanager
def _together() -> Iterator[None]:
    """Say in a sentence that another rank has ended, where a collective call fails."""
    try:
        yield
    except RuntimeError as error:  # torch's DistBackendError is one
        raise _lost(error) from error


def _lost(error: RuntimeError) -> RanksError:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    first = _PLACE.sub("", first).partition(". ")[0]
    return RanksError(
        f"Another rank of this training does not answer ({first}): it has ended, or it runs other code. Look at the "
        "output of the other ranks, and resume all ranks from the last checkpoint."
    )
