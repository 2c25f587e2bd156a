"""Predictions from AdamW's state against what AdamW does."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from asc.errors import AscError
from asc.predictor import Predictor
from asc_nn_training.optimizers.moments import Moments, has_moments, moments_of
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded, MomentumAsPrinted, MomentumDecaying
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


def trained(steps: int) -> tuple[torch.nn.Module, torch.optim.AdamW, list[torch.Tensor]]:
    """A module after some steps whose gradient is always the same, ready for more."""
    torch.manual_seed(0)
    module = torch.nn.Linear(5, 3, dtype=torch.float64)
    groups = [{"params": [module.weight], "weight_decay": 0.3}, {"params": [module.bias], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=1e-3, eps=1e-12)
    gradients = [torch.randn_like(parameter) for parameter in module.parameters()]
    train(module, optimizer, gradients, steps, lambda step: 1e-3)
    return module, optimizer, gradients


def train(module: Any, optimizer: Any, gradients: Any, steps: int, rates: Any) -> None:
    for step in range(1, steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = rates(step)
        for parameter, gradient in zip(module.parameters(), gradients, strict=True):
            parameter.grad = gradient.clone()
        optimizer.step()


def read(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Moments | None:
    weights = Weights(module)
    return moments_of(optimizer, weights.parameters, weights.copy(), rate)


def moments(module: torch.nn.Module, optimizer: torch.optim.Optimizer) -> Moments:
    found = read(module, optimizer)
    assert found is not None
    return found


def test_exact_if_the_gradient_does_not_change() -> None:
    module, optimizer, gradients = trained(4)
    past = moments(module, optimizer)
    predicted = Momentum().predict(Past(past), HORIZON)
    train(module, optimizer, gradients, HORIZON, rate)
    assert predicted is not None
    for found, expected in zip(predicted.state, module.parameters(), strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)  # computed in fp32
    assert not torch.allclose(past.weights[0], module.weight, rtol=0, atol=1e-4)


def test_decaying_moves_less_far_in_the_same_direction() -> None:
    module, optimizer, _ = trained(4)
    past = moments(module, optimizer)._replace(decay=(0.0, 0.0), rate=lambda step: 1e-3)
    held, shrinking = (kind().predict(Past(past), HORIZON) for kind in (Momentum, MomentumDecaying))
    assert held is not None
    assert shrinking is not None
    share = sum(0.9**step for step in range(1, HORIZON + 1)) / HORIZON
    for weight, far, near in zip(past.weights, held.state, shrinking.state, strict=True):
        assert torch.allclose(near - weight, share * (far - weight), rtol=1e-3, atol=1e-7)


def test_published_forms_are_what_was_published() -> None:
    past = Moments(
        [torch.tensor([1.0])], [torch.tensor([0.5])], [torch.tensor([4.0])], (3,), (0.9, 0.999), 0.0, (0.0,), rate
    )
    printed = MomentumAsPrinted().predict(Past(past), 10)
    coded = MomentumAsCoded(MomentumAsCoded.Config(scale=0.8)).predict(Past(past), 10)
    assert printed is not None
    assert coded is not None
    assert printed.state[0].item() == pytest.approx(1 + 10 * 0.25)
    assert coded.state[0].item() == pytest.approx(1 - 0.8 * 10 * rate(1) * 0.25)


def test_half_precision_is_the_catastrophe() -> None:
    """A second moment under 2^-25 is zero in float16, so that the step is divided by epsilon."""
    past = Moments(
        [torch.zeros(1)], [torch.tensor([1e-5])], [torch.tensor([1e-9])], (3,), (0.9, 0.999), 1e-8, (0.0,), rate
    )
    far, near = (
        MomentumAsCoded(MomentumAsCoded.Config(snapshot_dtype=dtype)).predict(Past(past), 5)
        for dtype in ("float16", "float32")
    )
    assert far is not None
    assert near is not None
    assert abs(far.state[0].item()) > 1000 * abs(near.state[0].item())
    half = past._replace(second=[past.second[0].half()])
    with pytest.raises(AscError, match="second moments are in float16, where most of them are zero"):
        Momentum().predict(Past(half), 5)


def test_silent_before_there_are_moments() -> None:
    module, optimizer, _ = trained(1)
    fresh = moments(module, optimizer)._replace(steps=(0, 0))
    for kind in (Momentum, MomentumDecaying, MomentumAsPrinted, MomentumAsCoded):
        assert kind().predict(Past(fresh), 5) is None
        assert kind().predict(Past(None), 5) is None


@pytest.mark.parametrize("kind", [Momentum, MomentumDecaying, MomentumAsPrinted, MomentumAsCoded])
def test_moments_are_enough_without_earlier_snapshots(kind: type[Predictor]) -> None:
    module, optimizer, _ = trained(4)
    assert kind.depth == 1
    assert kind().predict(Past(moments(module, optimizer)), 5) is not None


def test_moments_can_be_changed_by_their_reader_only() -> None:
    module, optimizer, _ = trained(4)
    past, state = moments(module, optimizer), optimizer.state[module.weight]
    before = {name: value.clone() for name, value in state.items()}
    past.first[0].zero_()
    past.second[:1][0].zero_()
    for value in (*past.first, *past.second):
        value.mul_(2)
    assert all(torch.equal(state[name], value) for name, value in before.items())
    assert torch.equal(past.first[0], before["exp_avg"])
    assert (len(past.first), len(past.second)) == (2, 2)


def test_each_tensor_is_corrected_for_its_own_steps() -> None:
    """A layer that was unfrozen later has taken fewer steps; the counts may be of any type."""
    module, optimizer, gradients = trained(4)
    optimizer.state[module.bias].clear()
    train(module, optimizer, gradients, 2, lambda step: 1e-3)
    past = moments(module, optimizer)
    assert past.steps == (6, 2)
    predicted = Momentum().predict(Past(past), HORIZON)
    train(module, optimizer, gradients, HORIZON, rate)
    assert predicted is not None
    for found, expected in zip(predicted.state, module.parameters(), strict=True):
        assert torch.allclose(found, expected, rtol=0, atol=1e-6)
    optimizer.state[module.weight]["step"], optimizer.state[module.bias]["step"] = 6, 2.0
    assert moments(module, optimizer).steps == (6, 2)


def test_silent_while_a_parameter_has_not_moved() -> None:
    module, optimizer, _ = trained(4)
    optimizer.state[module.bias].clear()
    assert read(module, optimizer) is None
    assert read(module, torch.optim.AdamW(module.parameters())) is None


@pytest.mark.parametrize(
    ("optimizer", "reason"),
    [
        (lambda p: torch.optim.SGD(p, momentum=0.9), "this optimiser, SGD, takes other steps"),
        (torch.optim.NAdam, "this optimiser, NAdam, takes other steps"),
        (lambda p: torch.optim.AdamW(p, amsgrad=True), "takes other steps"),
        (lambda p: torch.optim.AdamW(p, maximize=True), "takes other steps"),
        (lambda p: torch.optim.Adam(p, weight_decay=0.1), "takes other steps"),
        (lambda p: torch.optim.AdamW([{"params": [q], "lr": 0.1**i} for i, q in enumerate(p, 1)]), "groups .* differ"),
    ],
)
def test_steps_that_do_not_follow_from_moments_are_refused(optimizer: Any, reason: str) -> None:
    made = optimizer(list(torch.nn.Linear(5, 3).parameters()))
    assert not has_moments(made)
    with pytest.raises(AscError, match=f"{reason}.*: choose a predictor that needs only weights, such as linear"):
        read(torch.nn.Linear(5, 3), made)


def test_a_rate_may_be_a_tensor_and_adam_may_decay_as_adamw() -> None:
    parameters = list(torch.nn.Linear(5, 3).parameters())
    groups = [{"params": [parameter], "lr": torch.tensor(0.1)} for parameter in parameters]
    assert has_moments(torch.optim.AdamW(groups))
    assert has_moments(torch.optim.Adam(parameters, weight_decay=0.1, decoupled_weight_decay=True))
    assert has_moments(torch.optim.Adam(parameters))
