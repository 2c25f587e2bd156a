"""Whether a model's passes over blocks of several texts agree with the plain path."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.generation.plain import PlainPath
from asc_nn_training.generation.precision import difference, rounding, watched
from asc_nn_training.generation.prompts import EXPECTED, positions_of
from asc_nn_training.generation.rows import Rows

_TOKENS = 8  # of the longer text
_ROUNDING = 64.0  # times as large as expected is no rounding
_MOST = 0.25  # nor is such a share of the largest logit


@torch.no_grad()
def disagreement(model: nn.Module, device: torch.device, prompts: Sequence[Sequence[int]]) -> float:
    """Return how far the logits of both kinds of passes differ, as a share of the largest, for texts of a few tokens.

    Raises AscError if that is no rounding: the model does not take positions or a key-value cache from outside, or it
    has a state of another kind. Its texts would be wrong.
    """
    positions = positions_of(model)
    if positions is not None and positions < _TOKENS + 2:
        return 0.0
    known = [*max(prompts, key=len), *min(prompts, key=len)] * _TOKENS
    short, long = known[:1], known[:_TOKENS]
    right, wrong, then, last = known[1:5]
    name, rows, plain = type(model).__name__, Rows(model, device), PlainPath(model, device, short)
    dtypes: set[torch.dtype] = set()
    try:
        with watched(model, dtypes):
            first = rows.begin([short, long], [[right, wrong], []])
        rows.keep([0, 1], [1, 2])
        second = rows.add([then, last], [[last], []])
        expected = [plain.logits([right, then, last][:tokens]) for tokens in range(4)]
    except (AttributeError, IndexError, RuntimeError, TypeError, ValueError) as error:
        raise AscError(
            f"{name} does not take blocks of several texts with a key-value cache "
            f"({type(error).__name__}: {error}). {EXPECTED}"
        ) from error
    found: list[Tensor] = [first[:1, 0], first[:1, 1], second[:1, 0], second[:1, 1]]
    error_share = max(float(difference(one, other)) for one, other in zip(expected, found, strict=True))
    if error_share > min(_MOST, _ROUNDING * rounding({first.dtype, *dtypes}, device)):
        raise AscError(
            f"{name} gives other logits for a block of several texts than for a token of one text: they differ by "
            f"{100 * error_share:.2g} % of the largest logit, which is no rounding. {EXPECTED}"
        )
    return error_share
