"""Weighted sums of weights: a finite-difference, averaging or mixing predictor carried out at memory speed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asc_nn_training.weights import Values


@torch.no_grad()
def combine(coefficients: Sequence[float], terms: Sequence[Sequence[Tensor]], out: Values | None = None) -> Values:
    """Return sum of coefficients[i] · terms[i], in `out` where that is given; it may be none of the terms.

    Two terms whose coefficients add up to 1, which every linear extrapolation and every average of two is, take one
    pass: two reads and one write of each element. Each further term takes one more read of its own and one of the sum.
    A sum of terms less precise than `out` is taken in the precision of `out`.
    """
    used = [(float(c), place) for place, c in enumerate(coefficients) if c]
    if len(coefficients) != len(terms):
        raise ValueError(f"{len(coefficients)} coefficients were given for {len(terms)} terms")
    result = [torch.empty_like(tensor) for tensor in terms[-1]] if out is None else out
    if not used:
        torch._foreach_zero_(result)
        return result
    if len(used) == 2 and abs(used[0][0] + used[1][0] - 1) < 1e-12:
        (_, earlier), (share, later) = used
        for target, first, last in zip(result, terms[earlier], terms[later], strict=True):
            torch.lerp(first.to(target.dtype), last.to(target.dtype), share, out=target)
        return result
    coefficient, place = used[0]
    torch._foreach_copy_(result, list(terms[place]))
    if coefficient != 1:
        torch._foreach_mul_(result, coefficient)
    for coefficient, place in used[1:]:  # one term at a time: it may have to be fetched from elsewhere
        term = [tensor.to(target.dtype) for tensor, target in zip(terms[place], result, strict=True)]
        torch._foreach_add_(result, term, alpha=coefficient)
    return result


@torch.no_grad()
def gram(terms: Sequence[Sequence[Tensor]]) -> Tensor:
    """Inner products, (n-1, n-1) float64, of the differences of n terms to the last; accumulated tensor by tensor."""
    count = len(terms) - 1
    total = torch.zeros(count, count, dtype=torch.float64)
    for tensors in zip(*terms, strict=True):
        newest = tensors[-1]
        differences = torch.stack([(tensor - newest).flatten().double() for tensor in tensors[:-1]])
        total += (differences @ differences.T).cpu()
    return total
