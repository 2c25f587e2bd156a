"""Weighted sums of weights, and the weights themselves."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from asc.errors import AscError
from asc_nn_training.weights.combine import combine, gram
from asc_nn_training.weights.weights import Values, Weights

coefficients = st.lists(st.floats(-4, 4), min_size=1, max_size=5)


def terms(count: int, dtype: torch.dtype = torch.float64) -> list[Values]:
    random = torch.Generator().manual_seed(count)
    return [
        [torch.randn(3, 4, generator=random).to(dtype), torch.randn(7, generator=random).to(dtype)]
        for _ in range(count)
    ]


@given(coefficients, st.booleans())
def test_a_weighted_sum(given_coefficients: list[float], in_place: bool) -> None:
    past = terms(len(given_coefficients))
    out = [torch.full_like(tensor, torch.nan) for tensor in past[0]] if in_place else None
    found = combine(given_coefficients, past, out)
    assert out is None or all(target is result for target, result in zip(out, found, strict=True))
    for place in range(2):
        expected = sum(c * term[place] for c, term in zip(given_coefficients, past, strict=True))
        assert torch.allclose(found[place], torch.as_tensor(expected), rtol=1e-12, atol=1e-12)


@given(st.floats(-20, 20))
def test_an_extrapolation(share: float) -> None:
    before, now = terms(2)
    found = combine([-share, 1 + share], [before, now])
    for place in range(2):
        assert torch.allclose(found[place], now[place] + share * (now[place] - before[place]), rtol=1e-12, atol=1e-11)


@given(coefficients, st.integers(0, 4), st.floats(-20, 20) | st.none())
def test_a_sum_in_place_of_one_of_its_terms(
    given_coefficients: list[float], place: int, extrapolated: float | None
) -> None:
    if extrapolated is not None:  # the one that takes a single pass
        given_coefficients = [-extrapolated, 1 + extrapolated]
    past = terms(len(given_coefficients))
    held = place % len(past)
    out = [tensor.clone() for tensor in past[held]]
    found = combine(given_coefficients, past, out, held)
    assert all(target is result for target, result in zip(out, found, strict=True))
    for got, expected in zip(found, combine(given_coefficients, past), strict=True):
        assert torch.allclose(got, expected, rtol=1e-12, atol=1e-11)


def test_what_is_stored_coarsely_is_summed_precisely() -> None:
    coarse = terms(2, torch.bfloat16)
    found = combine([-1.0, 2.0], coarse, [torch.empty(3, 4), torch.empty(7)])
    assert found[0].dtype == torch.float32
    assert torch.allclose(found[0], 2 * coarse[1][0].float() - coarse[0][0].float())


def test_gram_of_differences_to_the_newest() -> None:
    past = terms(4)
    flat = torch.stack([torch.cat([tensor.flatten() for tensor in term]) for term in past])
    differences = flat[:-1] - flat[-1]
    assert torch.allclose(gram(past), differences @ differences.T)


def test_weights_are_unique_and_trainable() -> None:
    first, second = torch.nn.Linear(4, 4, bias=False), torch.nn.Linear(4, 4)
    second.weight = first.weight  # tied
    second.bias.requires_grad_(False)
    module = torch.nn.Sequential(first, torch.nn.BatchNorm1d(4), second)
    weights = Weights(module)
    assert weights.names == ["0.weight", "1.weight", "1.bias"]
    assert (weights.numel, weights.nbytes) == (24, 96)
    kept, held = weights.copy(), first.weight
    weights.put([value + 1 for value in kept])
    assert held is first.weight is second.weight
    assert not weights.same(kept)
    weights.put(kept)
    assert weights.same(kept)


def test_nothing_to_train_is_said() -> None:
    module = torch.nn.Linear(2, 2).requires_grad_(False)
    with pytest.raises(AscError, match="no trainable parameter that its optimiser moves"):
        Weights(module)
