"""Leaps and the state of every optimiser of torch, and of others: moments, counts, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, cast

import pytest
import schedulefree
import torch
from accelerate import Accelerator
from lightning.fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer
from transformers.optimization import Adafactor

from asc.errors import AscError
from asc_nn_training.optimizers.state import Policy, leaping, require_known

STEPS, HORIZON = 5, 3
LR = 0.01
Make = Callable[[list[nn.Parameter]], Optimizer]

OPTIMIZERS: dict[str, Make] = {
    "ASGD": lambda p: torch.optim.ASGD(p, lr=LR, t0=2),
    "Adadelta": lambda p: torch.optim.Adadelta(p, lr=LR),
    "Adafactor": lambda p: torch.optim.Adafactor(p, lr=LR),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=LR, lr_decay=0.1, initial_accumulator_value=0.5),
    "Adam": lambda p: torch.optim.Adam(p, lr=LR, amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=LR),
    "Adamax": lambda p: torch.optim.Adamax(p, lr=LR),
    "LBFGS": lambda p: torch.optim.LBFGS(p, lr=LR, max_iter=2),
    "Muon": lambda p: torch.optim.Muon(p, lr=LR),
    "NAdam": lambda p: torch.optim.NAdam(p, lr=LR),
    "RAdam": lambda p: torch.optim.RAdam(p, lr=LR),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=LR, momentum=0.7, centered=True),
    "Rprop": lambda p: torch.optim.Rprop(p, lr=LR),
    "SGD": lambda p: torch.optim.SGD(p, lr=LR, momentum=0.8, dampening=0.3),
    "SparseAdam": lambda p: torch.optim.SparseAdam(p, lr=LR),
}
FIRST = {"RMSprop": 0.7, "SGD": 0.8, "Muon": 0.95}  # the factor of a first moment, if it is not 0.9
MOMENTS = {"exp_avg", "momentum_buffer"}
AFTER_RESET = {"mu_product": 1.0, "sum": 0.5, "eta": LR, "mu": 1.0}  # the value before the first step, if it is not 0
KEPT = {
    "Rprop": {"step_size"},
    "ASGD": {"ax"},
    "LBFGS": {"al", "d", "old_dirs", "old_stps", "ro", "H_diag", "prev_flat_grad", "prev_loss", "t"},
}
POLICIES: tuple[Policy, ...] = ("keep", "reset", "decay")


class Regression(nn.Module):
    """Two matrices, which every optimiser of torch can train."""

    def __init__(self, sparse: bool = False) -> None:
        super().__init__()
        self.embedding = nn.Embedding(6, 4, sparse=sparse)
        self.head = nn.Linear(4, 3, bias=False)
        self.head.requires_grad_(not sparse)

    def loss(self, seed: int) -> Tensor:
        random = torch.Generator().manual_seed(seed)
        tokens, targets = torch.randint(6, (8,), generator=random), torch.randn(8, 3, generator=random)
        found: Tensor = (self.head(self.embedding(tokens)) - targets).square().mean()
        return found


def prepared(make: Make, sparse: bool = False) -> tuple[Regression, Any, list[nn.Parameter]]:
    torch.manual_seed(0)
    model = Regression(sparse)
    parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return model, make(parameters), parameters


def train(model: Regression, optimizer: Any, steps: range | list[int]) -> None:
    for step in steps:

        @torch.enable_grad()  # type: ignore[untyped-decorator]
        def closure(seed: int = step) -> Tensor:
            optimizer.zero_grad()
            loss = model.loss(seed)
            loss.backward()
            return loss

        optimizer.step(closure)


def leap(optimizer: Any, parameters: list[nn.Parameter], policy: Policy = "keep", by: float = 0.1) -> list[Tensor]:
    before = [parameter.detach().clone() for parameter in parameters]
    with leaping(optimizer, parameters, lambda: before, policy, HORIZON), torch.no_grad():
        for parameter in parameters:
            parameter.add_(by)
    return before


def states(optimizer: Any) -> list[dict[str, Any]]:
    return [optimizer.state[parameter] for group in optimizer.param_groups for parameter in group["params"]]


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor) or isinstance(other, Tensor):
        return torch.equal(torch.as_tensor(one), torch.as_tensor(other))
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def test_every_optimizer_of_torch_is_tested() -> None:
    kinds = {name: kind for name, kind in vars(torch.optim).items() if isinstance(kind, type)}
    assert set(OPTIMIZERS) == {n for n, k in kinds.items() if issubclass(k, Optimizer) and k is not Optimizer}


@pytest.mark.integration("optimisers", "all of torch.optim; moments kept, reset or decayed", "works")
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_leap_leaves_exactly_the_right_state_and_training_goes_on(name: str, policy: Policy) -> None:
    model, optimizer, parameters = prepared(OPTIMIZERS[name], sparse=name == "SparseAdam")
    require_known(optimizer, policy)
    train(model, optimizer, range(STEPS))
    before = deepcopy(states(optimizer))
    leap(optimizer, parameters, policy)
    for old, new in zip(before, states(optimizer), strict=True):
        assert old.keys() - new.keys() == ({"momentum_buffer"} if (name, policy) == ("SGD", "reset") else set())
        for entry, value in new.items():
            assert type(value) is type(old[entry])
            if entry == "t":
                assert value == 0
            elif policy == "reset" and entry not in KEPT.get(name, ()):
                first = AFTER_RESET.get(entry, 0.0)
                assert same(value, torch.full_like(value, first) if isinstance(value, Tensor) else first), entry
            elif policy == "decay" and entry in MOMENTS:
                factor = FIRST.get(name, 0.9) ** HORIZON
                assert torch.allclose(value, old[entry] * factor, rtol=1e-6, atol=0), entry
                assert value.any()
            else:
                assert same(value, old[entry]), entry
    at = [parameter.detach().clone() for parameter in parameters]
    train(model, optimizer, [STEPS])
    assert all(parameter.isfinite().all() for parameter in parameters)
    assert not any(map(torch.equal, at, parameters))


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS if name != "Rprop"])  # its step sizes are kept
def test_a_reset_optimizer_takes_the_steps_of_a_new_one(name: str) -> None:
    model, optimizer, parameters = prepared(OPTIMIZERS[name], sparse=name == "SparseAdam")
    train(model, optimizer, range(STEPS))
    leap(optimizer, parameters, "reset")
    twin = deepcopy(model)
    new = OPTIMIZERS[name]([parameter for parameter in twin.parameters() if parameter.requires_grad])
    train(model, optimizer, [7, 8, 9])
    train(twin, new, [7, 8, 9])
    assert all(map(torch.equal, model.parameters(), twin.parameters()))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_reset_before_the_first_step_and_a_second_reset_change_nothing(name: str) -> None:
    model, optimizer, parameters = prepared(OPTIMIZERS[name], sparse=name == "SparseAdam")
    once = deepcopy(states(optimizer))
    leap(optimizer, parameters, "reset", by=0.0)
    assert all(map(same_state, once, states(optimizer)))
    train(model, optimizer, range(STEPS))
    leap(optimizer, parameters, "reset", by=0.0)
    once = deepcopy(states(optimizer))
    leap(optimizer, parameters, "reset", by=0.0)
    assert all(map(same_state, once, states(optimizer)))


def same_state(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)


def test_decay_takes_each_groups_own_factor() -> None:
    model, _, parameters = prepared(OPTIMIZERS["AdamW"])
    groups = [{"params": [p], "betas": (beta, 0.99)} for p, beta in zip(parameters, (0.5, 0.9), strict=True)]
    optimizer = torch.optim.AdamW(groups, lr=LR)
    train(model, optimizer, range(STEPS))
    before = [state["exp_avg"].clone() for state in states(optimizer)]
    leap(optimizer, parameters, "decay")
    for state, old, beta in zip(states(optimizer), before, (0.5, 0.9), strict=True):
        assert torch.allclose(state["exp_avg"], old * beta**HORIZON, rtol=1e-6)


@pytest.mark.parametrize("count", [7, 7.0, torch.tensor(7), torch.tensor(7.0), torch.tensor([7.0])])
def test_counts_of_any_type_are_reset_in_their_type(count: Any) -> None:
    model, optimizer, parameters = prepared(OPTIMIZERS["AdamW"])
    train(model, optimizer, [0])
    for state in states(optimizer):
        state["step"] = deepcopy(count)
    leap(optimizer, parameters, "reset")
    for state in states(optimizer):
        assert type(state["step"]) is type(count)
        assert state["step"] == 0
        assert not isinstance(count, Tensor) or (state["step"].dtype, state["step"].shape) == (count.dtype, count.shape)


def test_parameters_that_are_not_the_models_keep_their_moments() -> None:
    model, _, parameters = prepared(OPTIMIZERS["AdamW"])
    other = nn.Parameter(torch.ones(2))
    optimizer = torch.optim.AdamW([*parameters, other], lr=LR)
    other.grad = torch.ones(2)
    model.loss(0).backward()
    optimizer.step()
    leap(optimizer, parameters, "reset")
    assert optimizer.state[other]["step"] == 1
    assert optimizer.state[other]["exp_avg"].all()
    assert [optimizer.state[parameter]["step"].item() for parameter in parameters] == [0, 0]


def test_lbfgs_does_not_learn_from_the_way_of_a_leap() -> None:
    """A pair of gradients with a leap between them belongs to no step of the optimiser."""
    model, optimizer, parameters = prepared(lambda p: torch.optim.LBFGS(p, lr=LR, max_iter=1))
    train(model, optimizer, [0] * STEPS)
    pairs = len(optimizer.state[parameters[0]]["old_dirs"])
    leap(optimizer, parameters)
    train(model, optimizer, [0])
    assert len(optimizer.state[parameters[0]]["old_dirs"]) == pairs > 0
    train(model, optimizer, [0])
    assert len(optimizer.state[parameters[0]]["old_dirs"]) == pairs + 1


def test_adafactor_of_transformers() -> None:
    model, optimizer, parameters = prepared(
        lambda p: Adafactor(p, lr=LR, beta1=0.8, relative_step=False, scale_parameter=False)
    )
    train(model, optimizer, range(STEPS))
    first, size = states(optimizer)[0]["exp_avg"].clone(), states(optimizer)[0]["RMS"]
    leap(optimizer, parameters, "decay")
    assert torch.allclose(states(optimizer)[0]["exp_avg"], first * 0.8**HORIZON)
    leap(optimizer, parameters, "reset")
    for state in states(optimizer):
        assert state["step"] == 0
        assert not any(state[name].any() for name in ("exp_avg", "exp_avg_sq_row", "exp_avg_sq_col"))
    assert states(optimizer)[0]["RMS"] == size


@pytest.mark.parametrize("kind", ["AdamW8bit", "PagedAdamW8bit"])
def test_code_books_of_eight_bit_states_stay(kind: str) -> None:
    """Such a moment is book[code] times the largest value of its block: without the book nothing is left."""
    _, _, parameters = prepared(OPTIMIZERS["AdamW"])
    optimizer = torch.optim.SGD(parameters, lr=LR)
    optimizer.__class__ = type(kind, (Optimizer,), {"__module__": "bitsandbytes.optim.adamw", "step": None})
    book, codes = torch.linspace(-1, 1, 256), torch.arange(12, dtype=torch.uint8)
    optimizer.param_groups[0]["betas"] = (0.9, 0.999)
    for parameter in parameters:
        optimizer.state[parameter] = {"step": 4, "state1": codes.clone(), "state2": codes.clone()} | {
            "qmap1": book, "qmap2": book, "absmax1": torch.full((2,), 8.0), "absmax2": torch.full((2,), 4.0)
        }  # fmt: skip
    leap(optimizer, parameters, "decay")
    assert torch.allclose(states(optimizer)[0]["absmax1"], torch.full((2,), 8.0 * 0.9**HORIZON))
    assert same(states(optimizer)[0]["state1"], codes)
    leap(optimizer, parameters, "reset")
    for state in states(optimizer):
        assert state["step"] == 0
        assert not any(state[name].any() for name in ("state1", "state2", "absmax1", "absmax2"))
        assert torch.equal(book, torch.linspace(-1, 1, 256))
        assert state["qmap1"] is state["qmap2"] is book


def test_counts_of_a_group_are_reset_with_its_moments() -> None:
    model, optimizer, parameters = prepared(lambda p: schedulefree.AdamWScheduleFree(p, lr=LR))
    optimizer.train()
    train(model, optimizer, range(STEPS))
    leap(optimizer, parameters, "reset")
    assert optimizer.param_groups[0]["k"] == 0
    assert not any(state["exp_avg_sq"].any() for state in states(optimizer))
    at = [parameter.detach().clone() for parameter in parameters]
    train(model, optimizer, [STEPS])
    assert max((now - old).abs().max().item() for now, old in zip(parameters, at, strict=True)) < 2 * LR


@pytest.mark.parametrize("policy", ["reset", "decay"])
def test_wrappers_are_looked_through(policy: Policy) -> None:
    for wrap in (Accelerator(cpu=True).prepare, Fabric(accelerator="cpu", devices=1).setup_optimizers):
        model, inner, parameters = prepared(OPTIMIZERS["AdamW"])
        wrapped = cast(Any, wrap)(inner)
        require_known(wrapped, policy)
        train(model, inner, range(STEPS))
        before = [state["exp_avg"].clone() for state in states(inner)]
        leap(wrapped, parameters, policy)
        for state, old in zip(states(inner), before, strict=True):
            assert state["exp_avg"].any() == (policy == "decay")
            assert policy == "reset" or torch.allclose(state["exp_avg"], old * 0.9**HORIZON)
            assert state["step"] == (0 if policy == "reset" else STEPS)


class Signs(Optimizer):
    """An optimiser that nobody knows."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": LR})

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter].setdefault("agreement", torch.zeros_like(parameter)).add_(parameter.grad.sign())
                parameter.data.add_(parameter.grad.sign(), alpha=-LR)


class Compensated(torch.optim.AdamW):
    """A known optimiser with a state of its own."""

    def step(self, closure: Any = None) -> Any:
        found = super().step(closure)
        for state in states(self):
            state["compensation"] = torch.ones(1)
        return found


@pytest.mark.integration("optimisers", "one that is not known, with leap_moments reset or decay", "refused")
@pytest.mark.parametrize("policy", ["reset", "decay"])
def test_an_unknown_optimizer_is_refused_at_construction(
    policy: Policy, integration_refusal: Callable[[object], None]
) -> None:
    _, optimizer, _ = prepared(Signs)
    with pytest.raises(
        AscError, match=f"leap_moments={policy} .* what the state of Signs means .*leap_moments=keep"
    ) as refused:
        require_known(optimizer, policy)
    integration_refusal(refused.value)
    require_known(optimizer, "keep")


@pytest.mark.parametrize("policy", ["reset", "decay"])
def test_an_unknown_entry_is_refused_before_anything_moves(policy: Policy) -> None:
    model, optimizer, parameters = prepared(Compensated)
    require_known(optimizer, policy)
    train(model, optimizer, [0])
    before = deepcopy((states(optimizer), list(parameters)))
    with pytest.raises(AscError, match=r"what 'compensation' in the state of Compensated means .*leap_moments=keep"):
        leap(optimizer, parameters, policy)
    assert all(map(same_state, before[0], states(optimizer)))
    assert all(map(torch.equal, before[1], parameters))


def test_the_state_of_an_unknown_optimizer_is_kept() -> None:
    model, optimizer, parameters = prepared(Signs)
    train(model, optimizer, range(STEPS))
    before = deepcopy(states(optimizer))
    leap(optimizer, parameters)
    assert all(map(same_state, before, states(optimizer)))
    train(model, optimizer, [0])
