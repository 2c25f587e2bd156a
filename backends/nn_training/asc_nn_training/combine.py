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
    used = [(float(c), term) for c, term in zip(coefficients, terms, strict=True) if c]
    result = [torch.empty_like(tensor) for tensor in terms[-1]] if out is None else out
    if not used:
        torch._foreach_zero_(result)
        return result
    precise = all(tensor.dtype == target.dtype for _, term in used for tensor, target in zip(term, result, strict=True))
    if len(used) == 2 and precise and abs(used[0][0] + used[1][0] - 1) < 1e-12:
        (_, start), (share, end) = used
        for target, first, last in zip(result, start, end, strict=True):
            torch.lerp(first, last, share, out=target)
        return result
    coefficient, term = used[0]
    torch._foreach_copy_(result, list(term))
    if coefficient != 1:
        torch._foreach_mul_(result, coefficient)
    for coefficient, term in used[1:]:
        matching = term if precise else [tensor.to(target.dtype) for tensor, target in zip(term, result, strict=True)]
        torch._foreach_add_(result, list(matching), alpha=coefficient)
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
