"""Whether the steps after a leap went on from it, or from the weights before it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

_SAMPLES = 4096  # elements of a tensor that are compared, at most


class LeapTrace:
    """A sample of the weights on both sides of a leap, to be compared with those after the next two steps.

    An optimiser that keeps other weights than the model's, where nothing can find them, writes them back at its next
    step. Then this step begins at the weights before the leap. The second step shows how long a step is: after a leap
    that is not much longer, nothing can be said.
    """

    def __init__(self, before: Sequence[Tensor], after: Sequence[Tensor]) -> None:
        self._before, self._after = _sampled(before), _sampled(after)
        self._first: list[Tensor] | None = None

    def note(self, now: Sequence[Tensor]) -> Tensor | None:
        """Take the weights after a step; after the second step return three sums for `undone`, otherwise None.

        They are squared lengths over this rank's parts, (3,), in float64, to be summed over ranks if weights are
        sharded: from the weights before the leap to those after the first step, of the leap, and of the second step.
        """
        here = _sampled(now)
        if self._first is None:
            self._first = here
            return None
        return torch.stack(
            [_squared(self._first, self._before), _squared(self._after, self._before), _squared(here, self._first)]
        )


def undone(sums: Tensor) -> bool:
    """Whether the first step ended near the weights before the leap, though a step is short compared with the leap."""
    back, leap, step = sums.tolist()
    return bool(leap > 0 and 4 * back < leap and 16 * step < leap)


def _sampled(values: Sequence[Tensor]) -> list[Tensor]:
    return [each.detach().flatten()[:: max(1, each.numel() // _SAMPLES)].clone() for each in values]


def _squared(some: Sequence[Tensor], others: Sequence[Tensor]) -> Tensor:
    pairs = zip(some, others, strict=True)
    return torch.stack([(one.double() - other.double()).square().sum() for one, other in pairs]).sum()
