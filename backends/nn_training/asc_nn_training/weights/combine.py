"""Weighted sums of weights: what finite-difference, averaging and mixing predictors ask for, at memory speed."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from asc_nn_training.weights.weights import Values

Share = tuple[float, int]  # a coefficient other than 0, and the index of its term


@torch.no_grad()
def combine(
    coefficients: Sequence[float],
    terms: Sequence[Sequence[Tensor]],
    out: Values | None = None,
    held: int | None = None,
) -> Values:
    """Return the sum of coefficients[i] · terms[i], in `out` if that is given; `out` must be none of the terms.

    Two terms whose coefficients add up to 1, as in every linear extrapolation and every average of two, take one pass:
    two reads and one write of each element. Each further term takes one more read of its own and one of the sum. Terms
    that are less precise than `out` are summed in the precision of `out`. If `out` holds the same numbers as
    `terms[held]` beforehand, that term is not read, and the sum is made in place by few launches over all tensors.
    """
    used = [(float(c), index) for index, c in enumerate(coefficients) if c]
    if len(coefficients) != len(terms):
        raise ValueError(f"{len(coefficients)} coefficients were given for {len(terms)} terms")
    result = [torch.empty_like(tensor) for tensor in terms[-1]] if out is None else out
    if held is not None and coefficients[held]:
        return _in_place(float(coefficients[held]), [pair for pair in used if pair[1] != held], terms, result)
    if not used:
        torch._foreach_zero_(result)
        return result
    if len(used) == 2 and abs(used[0][0] + used[1][0] - 1) < 1e-12:
        (_, earlier), (share, later) = used
        for target, first, last in zip(result, terms[earlier], terms[later], strict=True):
            torch.lerp(first.to(target.dtype), last.to(target.dtype), share, out=target)
        return result
    coefficient, index = used[0]
    torch._foreach_copy_(result, list(terms[index]))
    if coefficient != 1:
        torch._foreach_mul_(result, coefficient)
    _add(used[1:], terms, result)
    return result


def _in_place(own: float, others: Sequence[Share], terms: Sequence[Sequence[Tensor]], out: Values) -> Values:
    if len(others) == 1 and abs(own + others[0][0] - 1) < 1e-12:
        share, index = others[0]
        torch._foreach_lerp_(out, _like(terms[index], out), share)
        return out
    if own != 1:
        torch._foreach_mul_(out, own)
    _add(others, terms, out)
    return out


def _add(used: Sequence[Share], terms: Sequence[Sequence[Tensor]], out: Values) -> None:
    for coefficient, index in used:  # one term at a time: it may have to be fetched from host memory or disk
        torch._foreach_add_(out, _like(terms[index], out), alpha=coefficient)


def _like(term: Sequence[Tensor], out: Values) -> Values:
    """Return the term in the precision of the sum that it is added to."""
    if all(tensor.dtype == target.dtype for tensor, target in zip(term, out, strict=True)):
        return list(term)
    return [tensor.to(target.dtype) for tensor, target in zip(term, out, strict=True)]


@torch.no_grad()
def gram(terms: Sequence[Sequence[Tensor]], shares: Sequence[float] | None = None) -> Tensor:
    """Inner products, (n-1, n-1) float64, of the differences of n terms to the last; accumulated tensor by tensor.

    `shares` says by what each tensor counts in a sum over ranks (`Weights.shares`).
    """
    count = len(terms) - 1
    total = torch.zeros(count, count, dtype=torch.float64, device=terms[-1][0].device)
    for number, tensors in enumerate(zip(*terms, strict=True)):
        newest = tensors[-1]
        differences = torch.stack([(tensor - newest).flatten().double() for tensor in tensors[:-1]])
        total += (1.0 if shares is None else shares[number]) * (differences @ differences.T)
    return total
