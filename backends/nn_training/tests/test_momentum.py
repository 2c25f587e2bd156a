"""Predictions from AdamW's state against what AdamW does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from asc.errors import AscError
from asc.predictor import Predictor
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded, MomentumAsPrinted, MomentumDecaying
from asc_nn_training.training.moments import Moments, decays
from asc_nn_training.weights.weights import Weights

HORIZON = 7


class Past:
    positions = (0,)

    def __init__(self, moments: Moments | None) -> None:
        self.moments = moments

    def gram(self) -> Any:
        raise AssertionError("no predictor of this test needs the Gram matrix")

    def read(self, need: str) -> Any:
        assert need == "optimizer"
        return self.moments


def rate(step: int) -> float:
    return 1e-3 / (1 + step)


def trained(steps: int, vanish: bool = False) -> tuple[torch.nn.Module, torch.optim.AdamW, list[torch.Tensor], int]:
    """A module after some steps whose gradient is always the same, ready for more."""
    torch.manual_seed(0)
    module = torch.nn.Linear(5, 3, dtype=torch.float64)
    groups = [{"params": [module.weight], "weight_decay": 0.3}, {"params": [module.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, eps=1e-12)
    gradients = [torch.randn_like(parameter) for parameter in module.parameters()]
    train(module, optimizer, gradients, steps, lambda step: 1e-3)
    return module, optimizer, gradients, steps


def train(module: Any, optimizer: Any, gradients: Any, steps: int, rates: Any) -> None:
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rates(step)
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()


def moments_of(module: torch.nn.Module, optimizer: torch.optim.AdamW, steps: int) -> Moments:
    weights = Weights(module)
    state = [optimizer.state[parameter] for parameter in weights.parameters]
    return Moments(
        weights.copy(),
        [entry["exp_avg"] for entry in state],
        [entry["exp_avg_sq"] for entry in state],
        steps,
        (0.9, 0.999),
        1e-12,
        decays(optimizer.param_groups, weights.parameters),
        rate,
    )


def test_exact_if_the_gradient_does_not_change() -> None:
    module, optimizer, gradients, steps = trained(4)
    moments = moments_of(module, optimizer, steps)
    predicted = Momentum().predict(Past(moments), HORIZON)
    train(module, optimizer, gradients, HORIZON, rate)
    assert predicted is not None
    for found, expected in zip(predicted.state, module.parameters(), strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)  # computed in fp32
    assert not torch.allclose(moments.weights[0], module.weight, rtol=0, atol=1e-4)


def test_decaying_moves_less_far_in_the_same_direction() -> None:
    module, optimizer, _, steps = trained(4)
    moments = moments_of(module, optimizer, steps)._replace(decay=(0.0, 0.0), rate=lambda step: 1e-3)
    held, shrinking = (kind().predict(Past(moments), HORIZON) for kind in (Momentum, MomentumDecaying))
    assert held is not None
    assert shrinking is not None
    share = sum(0.9**step for step in range(1, HORIZON + 1)) / HORIZON
    for weight, far, near in zip(moments.weights, held.state, shrinking.state, strict=True):
        assert torch.allclose(near - weight, share * (far - weight), rtol=1e-3, atol=1e-7)


def test_published_forms_are_what_was_published() -> None:
    moments = Moments(
        [torch.tensor([1.0])], [torch.tensor([0.5])], [torch.tensor([4.0])], 3, (0.9, 0.999), 0.0, (0.0,), rate
    )
    printed = MomentumAsPrinted().predict(Past(moments), 10)
    coded = MomentumAsCoded(MomentumAsCoded.Config(scale=0.8)).predict(Past(moments), 10)
    assert printed is not None
    assert coded is not None
    assert printed.state[0].item() == pytest.approx(1 + 10 * 0.25)
    assert coded.state[0].item() == pytest.approx(1 - 0.8 * 10 * rate(1) * 0.25)


def test_half_precision_is_the_catastrophe() -> None:
    """A second moment under 2^-25 is zero in float16, so that the step is divided by epsilon."""
    moments = Moments(
        [torch.zeros(1)], [torch.tensor([1e-5])], [torch.tensor([1e-9])], 3, (0.9, 0.999), 1e-8, (0.0,), rate
    )
    far, near = (
        MomentumAsCoded(MomentumAsCoded.Config(snapshot_dtype=dtype)).predict(Past(moments), 5)
        for dtype in ("float16", "float32")
    )
    assert far is not None
    assert near is not None
    assert abs(far.state[0].item()) > 1000 * abs(near.state[0].item())
    half = moments._replace(second=[moments.second[0].half()])
    with pytest.raises(AscError, match="second moments are in float16, where most of them are zero"):
        Momentum().predict(Past(half), 5)


def test_silent_before_there_are_moments() -> None:
    module, optimizer, _, _ = trained(1)
    fresh = moments_of(module, optimizer, 1)._replace(steps=0)
    for kind in (Momentum, MomentumDecaying, MomentumAsPrinted, MomentumAsCoded):
        assert kind().predict(Past(fresh), 5) is None
        assert kind().predict(Past(None), 5) is None


@pytest.mark.parametrize("kind", [Momentum, MomentumDecaying, MomentumAsPrinted, MomentumAsCoded])
def test_moments_are_enough_without_earlier_snapshots(kind: type[Predictor]) -> None:
    module, optimizer, _, steps = trained(4)
    assert kind.depth == 1
    assert kind().predict(Past(moments_of(module, optimizer, steps)), 5) is not None
