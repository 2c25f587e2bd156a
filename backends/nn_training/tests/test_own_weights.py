"""Optimisers with weights of their own: a leap takes the weights along, or the optimiser is refused."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import pytest
import schedulefree
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from asc.errors import AscError
from asc.types import Combination, Plan, Transition
from asc_nn_training import Speculation
from asc_nn_training.computation import LeapConfig, TrainingComputation
from asc_nn_training.costs import Costs
from asc_nn_training.optimizers.leap_trace import LeapTrace, undone
from asc_nn_training.optimizers.own_weights import OwnWeights, require_reachable
from asc_nn_training.optimizers.state import leaping
from asc_nn_training.testing import Bigrams, Moves
from asc_nn_training.training.schedule import Schedule
from asc_nn_training.training.training import Training
from asc_nn_training.validators.gate import TokenGate

LR = 0.1


class MasterSGD(Optimizer):
    """Gradient descent on copies in float32, which are written over the parameters at each step."""

    def __init__(self, parameters: Any, lr: float = LR) -> None:
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                state = self.state[parameter]
                master = state.setdefault("master", parameter.detach().float().clone())
                master.sub_(parameter.grad.float(), alpha=group["lr"])
                parameter.copy_(master)


class HiddenMasterSGD(MasterSGD):
    """The same, with the copies where nothing can find them."""

    def __init__(self, parameters: Any, lr: float = LR) -> None:
        super().__init__(parameters, lr)
        self._hidden = self.state
        self.state = defaultdict(dict)

    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        shown, self.state = self.state, self._hidden
        super().step()
        self.state = shown


class ApexLike(Optimizer):
    """Copies as apex keeps them: groups beside the parameter groups."""

    def __init__(self, parameters: Any) -> None:
        super().__init__(parameters, {"lr": LR})
        self.param_groups_master = [
            {"params": [p.detach().float().clone() if p.dtype == torch.bfloat16 else None for p in group["params"]]}
            for group in self.param_groups
        ]


class Lookahead(Optimizer):
    """Slow weights, to which the fast ones return every second step."""

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer, self.param_groups = optimizer, optimizer.param_groups
        self.state: Any = defaultdict(dict)
        self.steps = 0
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["slow_params"] = parameter.detach().clone()

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        self.optimizer.step()
        self.steps += 1
        if self.steps % 2 == 0:
            for parameter, state in self.state.items():
                state["slow_params"].lerp_(parameter, 0.5)
                parameter.copy_(state["slow_params"])


def model_of(dtype: torch.dtype = torch.float32) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3)).to(dtype)


def give_gradients(parameters: Sequence[Tensor], size: float = 0.01) -> None:
    for number, parameter in enumerate(parameters):
        random = torch.Generator().manual_seed(number)
        parameter.grad = (size * torch.randn(parameter.shape, generator=random)).to(parameter.dtype)


def copies(parameters: Sequence[Tensor]) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in parameters]


def leap(optimizer: Any, parameters: Sequence[Tensor], by: float) -> list[Tensor]:
    before = copies(parameters)
    with leaping(optimizer, parameters, lambda: before), torch.no_grad():
        for parameter in parameters:
            parameter.add_(by)
    return before


@pytest.mark.integration("optimisers", "copies of the weights in float32 in the state: they leap along", "works")
def test_master_copies_are_found_and_leap_with_their_parameters() -> None:
    parameters = list(model_of(torch.bfloat16).parameters())
    optimizer = MasterSGD(parameters)
    assert OwnWeights(optimizer, parameters).masters == []  # before the first step
    give_gradients(parameters)
    optimizer.step()
    found = OwnWeights(optimizer, parameters).masters
    assert [index for index, _ in found] == [0, 1, 2, 3]
    assert all(torch.equal(master, optimizer.state[parameters[index]]["master"]) for index, master in found)
    leap(optimizer, parameters, by=1.0)
    landed = copies(parameters)
    assert all(torch.equal(optimizer.state[p]["master"], p.float()) for p in parameters)
    optimizer.step()
    for parameter, start in zip(parameters, landed, strict=True):
        assert torch.equal(parameter, (start.float() - LR * parameter.grad.float()).to(torch.bfloat16))


def test_a_leap_that_leaves_a_parameter_keeps_the_bits_that_it_has_no_room_for() -> None:
    parameters = list(model_of(torch.bfloat16).parameters())
    optimizer = MasterSGD(parameters)
    give_gradients(parameters)
    optimizer.step()
    before = {parameter: optimizer.state[parameter]["master"].clone() for parameter in parameters}
    assert any(not torch.equal(master, parameter.float()) for parameter, master in before.items())
    leap(optimizer, parameters, by=0.0)
    assert all(torch.equal(optimizer.state[parameter]["master"], before[parameter]) for parameter in parameters)


@pytest.mark.integration("optimisers", "apex FusedAdam with master_weights: the copies leap along", "works")
def test_master_copies_of_apex_are_reached() -> None:
    model = model_of(torch.bfloat16)
    model.append(nn.Linear(3, 3))  # in float32, without a copy
    parameters = list(model.parameters())
    optimizer = ApexLike(parameters)
    leap(optimizer, parameters, by=1.0)
    masters = optimizer.param_groups_master[0]["params"]
    assert all(torch.equal(m, p.float()) for m, p in zip(masters[:4], parameters[:4], strict=True))
    assert masters[4:] == [None, None]


@pytest.mark.integration("optimisers", "schedule-free: all its weights leap", "works")
@pytest.mark.parametrize(
    "kind", [schedulefree.AdamWScheduleFree, schedulefree.RAdamScheduleFree, schedulefree.SGDScheduleFree]
)
def test_all_weights_of_a_schedule_free_optimizer_leap(kind: Any) -> None:
    """Its parameters are y; z steps, and x, which evaluation uses, lies on the line through both."""
    parameters = list(model_of().parameters())
    optimizer = kind(parameters, lr=LR)
    optimizer.train()
    for _ in range(5):
        give_gradients(parameters)
        optimizer.step()
    optimizer.eval()
    averages = copies(parameters)
    optimizer.train()
    z = [optimizer.state[parameter]["z"].clone() for parameter in parameters]
    leap(optimizer, parameters, by=1.0)
    for parameter, old in zip(parameters, z, strict=True):
        assert torch.allclose(optimizer.state[parameter]["z"], old + 1, atol=1e-6)
    optimizer.eval()
    for parameter, old in zip(parameters, averages, strict=True):
        assert torch.allclose(parameter, old + 1, atol=1e-5)
    optimizer.train()
    optimizer.step()


def test_a_schedule_free_wrapper_leaps_as_well() -> None:
    parameters = list(model_of().parameters())
    optimizer = schedulefree.ScheduleFreeWrapper(torch.optim.SGD(parameters, lr=LR, momentum=0.9))
    optimizer.train()
    give_gradients(parameters)
    optimizer.step()
    z = optimizer.state[parameters[0]]["z"].clone()
    leap(optimizer, parameters, by=1.0)
    assert torch.allclose(optimizer.state[parameters[0]]["z"], z + 1, atol=1e-6)


@pytest.mark.integration("optimisers", "Lookahead of timm, pytorch_optimizer or torch_optimizer", "works")
def test_slow_weights_of_a_known_lookahead_leap() -> None:
    model = model_of()
    parameters = list(model.parameters())
    optimizer = type("Lookahead", (Lookahead,), {"__module__": "pytorch_optimizer.lookahead"})(
        torch.optim.SGD(parameters, lr=LR)
    )
    require_reachable(model, optimizer)
    give_gradients(parameters)
    optimizer.step()
    before = leap(optimizer, parameters, by=1.0)
    optimizer.step()  # returns half-way to the slow weights
    assert all(((now - old).mean() - 1).abs() < 0.01 for now, old in zip(parameters, before, strict=True))


@pytest.mark.integration("optimisers", "Lookahead of another origin", "refused")
def test_an_unknown_lookahead_is_refused(integration_refusal: Callable[[object], None]) -> None:
    model = model_of()
    optimizer = Lookahead(torch.optim.SGD(model.parameters(), lr=LR))
    with pytest.raises(AscError, match=r"Lookahead returns to slow weights .* Use the Lookahead of timm") as refused:
        require_reachable(model, optimizer)
    integration_refusal(refused.value)


def test_a_state_that_looks_like_weights_is_refused_before_anything_moves() -> None:
    parameters = list(model_of().parameters())
    optimizer = type("Outward", (Lookahead,), {})(torch.optim.SGD(parameters, lr=LR))
    for state in optimizer.state.values():
        state["anchor"] = state.pop("slow_params") * 0.9
    before = copies(parameters)
    with pytest.raises(AscError, match=r'keeps weights of its own, "anchor", .* undoes a leap'):
        leap(optimizer, parameters, by=1.0)
    assert all(map(torch.equal, before, parameters))


def test_states_that_are_no_weights_are_left_alone() -> None:
    """Zeros prove nothing: a parameter that is zero, with a state of zeros, has no copy."""
    parameters = [nn.Parameter(torch.zeros(3)), nn.Parameter(torch.randn(3))]
    optimizer = MasterSGD(parameters)
    optimizer.state[parameters[0]]["trace"] = torch.zeros(3)
    optimizer.state[parameters[1]]["trace"] = torch.randn(3)
    own = OwnWeights(optimizer, parameters)
    assert not own.found
    leap(optimizer, parameters, by=1.0)
    assert not optimizer.state[parameters[0]]["trace"].any()


class TestReachable:
    def test_a_usual_optimizer_is(self) -> None:
        model = model_of()
        model[0].requires_grad_(False)
        require_reachable(model, torch.optim.AdamW([*model[1].parameters(), nn.Parameter(torch.ones(3))]))
        require_reachable(model, torch.optim.AdamW(model[1].parameters()))

    @pytest.mark.integration("optimisers", "one over copies of the weights, as apex O2 makes it", "refused")
    def test_one_over_copies_in_float32_is_not(self, integration_refusal: Callable[[object], None]) -> None:
        model = model_of(torch.bfloat16)
        masters = [parameter.detach().float().requires_grad_() for parameter in model.parameters()]
        with pytest.raises(AscError, match=r"AdamW trains other tensors .* torch.autocast or FSDP2") as refused:
            require_reachable(model, torch.optim.AdamW(masters))
        integration_refusal(refused.value)

    def test_one_over_copies_of_some_parameters_is_not(self) -> None:
        """As with apex's O2, where normalisation stays in float32."""
        model = model_of(torch.bfloat16)
        model.append(nn.LayerNorm(3))
        masters = [p.detach().float().requires_grad_() for p in model.parameters() if p.dtype == torch.bfloat16]
        with pytest.raises(AscError, match="trains other tensors than the model's parameters"):
            require_reachable(model, torch.optim.AdamW([*masters, *model[2].parameters()]))

    def test_one_of_another_model_is_not(self) -> None:
        model = model_of()
        with pytest.raises(AscError, match="Make the optimiser from the parameters of this model"):
            require_reachable(deepcopy(model), torch.optim.AdamW(model.parameters()))

    @pytest.mark.integration(
        "several devices: DeepSpeed", "its engine, its optimisers, its partitioned weights", "refused"
    )
    def test_deepspeed_is_not(self, integration_refusal: Callable[[object], None]) -> None:
        model = model_of()
        usual = torch.optim.AdamW(model.parameters())
        engine = type("DeepSpeedEngine", (nn.Module,), {"__module__": "deepspeed.runtime.engine"})()
        zero = type("DeepSpeedZeroOptimizer", (Lookahead,), {"__module__": "deepspeed.runtime.zero.stage_1_and_2"})
        partitioned = model_of()
        for number, parameter in enumerate(partitioned.parameters()):
            parameter.ds_id = number  # type: ignore[attr-defined]
        for each, optimizer in ((engine, usual), (model, zero(usual)), (partitioned, usual)):
            with pytest.raises(AscError, match=r"DeepSpeed trains .* Train with FSDP2") as refused:
                require_reachable(each, optimizer)
            integration_refusal(refused.value)


def follow(optimizer: Any, parameters: Sequence[Tensor], by: float, size: float) -> bool:
    """Take three steps, leap, take two more; return whether the leap is found to be undone."""
    for _ in range(3):
        give_gradients(parameters, size)
        optimizer.step()
    before = copies(parameters)
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(by)
    trace = LeapTrace(before, parameters)
    optimizer.step()
    assert trace.note(parameters) is None
    optimizer.step()
    sums = trace.note(parameters)
    assert sums is not None
    return undone(sums)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize(
    ("kind", "by", "expected"),
    [
        (HiddenMasterSGD, 0.5, True),
        (torch.optim.SGD, 0.5, False),
        (torch.optim.SGD, -0.5, False),
        (HiddenMasterSGD, 1e-2, False),  # a step is as long: nothing can be said
        (torch.optim.SGD, 1e-2, False),
        (torch.optim.SGD, 0.0, False),
    ],
)
def test_a_leap_that_was_undone_is_found(kind: Any, by: float, expected: bool, dtype: torch.dtype) -> None:
    parameters = list(model_of(dtype).parameters())
    assert follow(kind(parameters, lr=LR), parameters, by, size=0.5) == expected


def test_one_long_step_back_does_not_look_like_an_undone_leap() -> None:
    """A step as long as the leap, exactly back: the next step shows that steps are that long."""
    start = [torch.zeros(5)]
    trace = LeapTrace(start, [torch.ones(5)])
    assert trace.note([torch.zeros(5)]) is None
    sums = trace.note([torch.ones(5)])
    assert sums is not None
    assert sums.tolist() == [0, 5, 5]
    assert not undone(sums)


def test_parts_of_sharded_weights_add_up() -> None:
    """Each rank has sums of its own part, and none of them decides alone."""
    before, after, first, second = (torch.randn(6, generator=torch.Generator().manual_seed(seed)) for seed in range(4))
    sums = []
    for part in (slice(6), slice(2), slice(2, 6), slice(6, 6)):
        trace = LeapTrace([before[part]], [after[part]])
        trace.note([first[part]])
        found = trace.note([second[part]])
        assert found is not None
        sums.append(found)
    assert torch.allclose(sums[0], sums[1] + sums[2] + sums[3])


def test_only_samples_of_large_tensors_are_kept() -> None:
    trace = LeapTrace([torch.zeros(100_000)], [torch.ones(100_000)])
    assert all(each.numel() < 10_000 for each in (*trace._before, *trace._after))


def test_a_speculation_refuses_what_a_leap_cannot_reach() -> None:
    model = nn.Linear(2, 2)
    optimizer: Any = Lookahead(torch.optim.SGD(model.parameters(), lr=LR))
    with pytest.raises(AscError, match="Lookahead returns to slow weights"):
        Speculation(model, optimizer, gate=[torch.ones(2, 2)] * 4, loss=lambda model, batch: model(batch).mean(1))


class TestATraining:
    def training(self, kind: Any, dtype: torch.dtype = torch.float32, **settings: Any) -> TrainingComputation:
        torch.manual_seed(0)
        model = Bigrams().to(dtype)
        training = Training(model, kind([model.embedding.weight]), Schedule(LR), Moves(), 50)
        gate = TokenGate(torch.stack([Moves().batch(10_000 + look) for look in range(4)]))
        config = LeapConfig.model_validate(settings)
        return TrainingComputation(training, gate, None, Costs(24, 24, 0, 88, 352), config)

    def test_takes_master_copies_along(self) -> None:
        subject = self.training(MasterSGD, torch.bfloat16)
        subject.advance(5)
        before = subject.observe()
        subject.advance(5)
        candidate = subject.materialise(Combination((-4, 5)), (before, subject.observe()), Plan("linear", 20))
        assert candidate is not None
        subject.apply(Transition(candidate.start, candidate.horizon, candidate.state, candidate.nbytes, "test"))
        landed = subject.weights.copy()[0]
        assert not torch.equal(landed, before.state.weights.values()[0])
        master = subject.training.optimizer.state[subject.weights.parameters[0]]["master"]
        assert torch.equal(master.to(torch.bfloat16), landed)

    def test_refuses_what_a_leap_cannot_reset(self) -> None:
        with pytest.raises(AscError, match=r"leap_moments=reset .* state of MasterSGD means is not known"):
            self.training(MasterSGD, leap_moments="reset")

    def test_offers_moments_only_where_the_steps_follow_from_them(self) -> None:
        assert "optimizer" in self.training(torch.optim.AdamW).provides
        assert "optimizer" not in self.training(torch.optim.SGD).provides
