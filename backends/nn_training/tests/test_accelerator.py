"""What must hold for training on an accelerator; skipped on a machine without one."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Hashable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from asc.config.run import Component
from asc.plugins import load
from asc.predictor import Predictor
from asc.predictors.linear import Linear
from asc.run.run import Run
from asc.testing import ReferenceRun
from asc.testing.chance import global_randomness
from asc.testing.stand_ins import Reject
from asc.trajectory import SegmentHistory
from asc.types import Boundary, Combination, Plan, Transition, Verdict
from asc_nn_training import Speculation
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.predictors.momentum import Momentum
from asc_nn_training.studies.recipe import RecipeConfig, backend
from asc_nn_training.studies.resumable import ResumableTraining, StoppedError
from asc_nn_training.testing import WeightPredictorLaws, training_runs
from asc_nn_training.training.device import be_deterministic, choose, random_state
from asc_nn_training.training.loss import mean_loss
from asc_nn_training.weights.candidate import CandidateWeights
from asc_nn_training.weights.combine import combine
from asc_nn_training.weights.store import WeightStore
from asc_nn_training.weights.weights import Values

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS reads it at its start, which is not yet

Make = Callable[..., NetworkConfig]
DEVICE = choose("auto")
ON_DEVICE = (pytest.mark.gpu, pytest.mark.skipif(DEVICE.type == "cpu", reason="there is no accelerator here"))
cuda = pytest.mark.skipif(DEVICE.type != "cuda", reason="it is about CUDA, which is not here")

# Warnings of torch and its compiler, such as about algorithms that are not deterministic, are shown and fail nothing.
pytestmark = pytest.mark.filterwarnings("default")

EXTRAPOLATED, SUMMED = (-1.0, 2.0), (0.1, -0.4, 0.9, -2.5, 2.9)
ALL = ("linear", "momentum", "line-search", "nesterov-outer")
TAKEN = Component(name="held-out-loss", criterion="proximity", epsilon=1.0)
"""A validator that accepts what does no great harm, so that a run is sure to leap."""


@pytest.fixture(params=[pytest.param(DEVICE, marks=ON_DEVICE, id=DEVICE.type)])
def device(request: pytest.FixtureRequest) -> torch.device:
    """The accelerator; tests that ask for it are skipped without one."""
    found: torch.device = request.param
    return found


@pytest.fixture
def deterministic() -> Iterator[None]:
    """Only algorithms that give the same bits each time; the settings are restored afterwards."""
    fill: Any = torch.utils.deterministic
    before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    filled, attention = fill.fill_uninitialized_memory, torch.backends.cuda
    kernels = {
        attention.enable_flash_sdp: attention.flash_sdp_enabled(),
        attention.enable_mem_efficient_sdp: attention.mem_efficient_sdp_enabled(),
        attention.enable_cudnn_sdp: attention.cudnn_sdp_enabled(),
    }
    be_deterministic()
    yield
    torch.use_deterministic_algorithms(before[0], warn_only=before[1])
    fill.fill_uninitialized_memory = filled
    for enable, enabled in kernels.items():
        enable(enabled)


@pytest.fixture
def on_device(small: Make, device: torch.device) -> Make:
    """Make the configuration of a small training on the accelerator, without dropout unless it is asked for."""

    def make(every: int = 5, **settings: Any) -> NetworkConfig:
        given = {"model": "gpt2-nano", "scheduler": {"horizons": (5,), "overdraft": 20}, **settings}
        made = small(device=str(device), **given)
        return made.model_copy(update={"recognizer": Component(name="every", steps=every)})

    return make


def run(config: NetworkConfig, folder: Path | None = None, speculate: bool = True, resume: bool = False) -> Run:
    return Run(NetworkBackend(config), "nn_training", load(), folder=folder, speculate=speculate, resume=resume)


def computation(config: NetworkConfig) -> NetworkComputation:
    return NetworkBackend(config).computation(plain=False)


def everything(made: NetworkComputation) -> dict[str, Any]:
    """Everything that training continues from, by name, so that a difference has a name; tensors as digests."""
    training, state = made.training, made.training_state()
    found = {**dict(training.model.named_parameters()), **dict(training.model.named_buffers())}
    for name, parameter in zip(made.weights.names, made.weights.parameters, strict=True):
        found |= {f"{kind} of {name}": value for kind, value in training.optimizer.state[parameter].items()}
    found |= {f"generator of {kind}": value for kind, value in state["random"].items()}
    numbers = {"position": state["position"], "losses": made.progress.losses}
    return numbers | {name: digest(value) for name, value in found.items()}


def digest(value: Tensor) -> str:
    return sha256(value.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes()).hexdigest()[:16]


def generators(device: torch.device) -> dict[str, Any]:
    """The states of the generators that all code shares, of Python, numpy and torch."""
    return {"process": global_randomness()} | {kind: digest(value) for kind, value in random_state(device).items()}


def same(left: Values, right: Values) -> bool:
    return all(torch.equal(a, b) and a.device == b.device for a, b in zip(left, right, strict=True))


class Look(Reject):
    """Judges as others do, by held-out losses, and then rejects."""

    def judge(self, computation: Any, candidate: Any) -> Verdict:
        computation.score(candidate.state, 0)
        return super().judge(computation, candidate)


def rejected(done: Boundary) -> set[str]:
    """The predictors whose candidates were judged, and not skipped because judging has failed."""
    return {
        decision.plan.predictor for decision in done.decisions if decision.reason == "this validator rejects everything"
    }


def rejecting(config: NetworkConfig) -> Run:
    """A run whose every candidate is judged and rejected."""
    made = run(config)
    made.engine.speculator._judge.validator = Look()  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize("precision", ["bf16", pytest.param("auto", marks=cuda)])
def test_forward_passes_are_in_bfloat16_and_all_else_in_fp32(on_device: Make, precision: str) -> None:
    """By default on CUDA, and where it is asked for; training and gate losses are nearly those of fp32."""
    coarse, fine = computation(on_device(precision=precision)), computation(on_device(precision="fp32"))
    seen, training = set[torch.dtype](), coarse.training
    training.model.register_forward_hook(lambda module, given, answer: seen.add(answer.logits.dtype))
    training._gradient()
    weights = coarse.weights.parameters
    assert {parameter.dtype for parameter in weights} == {torch.float32}
    assert {parameter.grad.dtype for parameter in weights if parameter.grad is not None} == {torch.float32}
    training.optimizer.zero_grad()
    for _ in range(10):
        assert training.step() == pytest.approx(fine.training.step(), rel=0.02)
    moments = [training.optimizer.state[parameter] for parameter in weights]
    assert {state[name].dtype for state in moments for name in ("exp_avg", "exp_avg_sq")} == {torch.float32}
    assert coarse.score(None, 0) == pytest.approx(fine.score(None, 0), rel=0.02)
    assert seen == {torch.bfloat16}


@cuda
def test_the_fused_optimiser_does_what_the_plain_one_does(on_device: Make, deterministic: None) -> None:
    fused, plain = (computation(on_device(precision="fp32")) for _ in range(2))
    assert all(group["fused"] for group in fused.training.optimizer.param_groups)
    for group in plain.training.optimizer.param_groups:
        group |= {"fused": False, "foreach": False}
    for made in (fused, plain):
        made.advance(20)
    assert fused.distance(plain.present()) < 1e-4


def terms(count: int, device: torch.device, dtype: torch.dtype = torch.float32) -> list[Values]:
    """Weights of many shapes, one of them larger than what a launch over all tensors takes at once."""
    draw = torch.Generator().manual_seed(count)
    shapes = ((1000, 257), (128,), (1,), (3, 5, 7), (384, 128), (0,), ())
    return [[torch.randn(shape, generator=draw).to(device, dtype) for shape in shapes] for _ in range(count)]


def place_for(past: list[Values], held: int | None) -> Values:
    """Where a sum goes: over a copy of the term that is held, or over what are no numbers."""
    if held is None:
        return [torch.full_like(tensor, torch.nan, dtype=torch.float32) for tensor in past[0]]
    return [tensor.to(torch.float32, copy=True) for tensor in past[held]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("held", [None, 0, -1])
@pytest.mark.parametrize("coefficients", [EXTRAPOLATED, (0.7, 0.6), SUMMED])
def test_a_sum_on_the_device_is_the_one_in_float64_but_for_rounding(
    device: torch.device, coefficients: tuple[float, ...], held: int | None, dtype: torch.dtype
) -> None:
    past = terms(len(coefficients), device, dtype)
    held = None if held is None else held % len(past)
    found = combine(coefficients, past, place_for(past, held), held)
    for place, got in enumerate(found):
        parts = [c * term[place].cpu().double() for c, term in zip(coefficients, past, strict=True)]
        exact, size = sum(parts), sum(part.abs() for part in parts)
        off = (got.cpu().double() - exact).abs()
        assert got.device.type == device.type
        assert bool((off <= len(parts) * 2**-23 * size).all())


@pytest.mark.parametrize("held", [None, 0, -1])
@pytest.mark.parametrize("coefficients", [EXTRAPOLATED, SUMMED])
def test_a_sum_tensor_by_tensor_has_the_bits_of_one_over_all_at_once(
    device: torch.device, coefficients: tuple[float, ...], held: int | None
) -> None:
    past = terms(len(coefficients), device)
    held = None if held is None else held % len(past)
    whole, parts = place_for(past, held), place_for(past, held)
    combine(coefficients, past, whole, held)
    for place, part in enumerate(parts):
        combine(coefficients, [[term[place]] for term in past], [part], held)
    assert same(whole, parts)


def test_a_rejected_candidate_leaves_everything_bit_for_bit(
    on_device: Make, device: torch.device, deterministic: None
) -> None:
    """Weights, buffers, moments, position and every generator, with dropout, whatever was computed to judge it."""
    made = rejecting(on_device(predictors=ALL, dropout=0.1, steps=40, deterministic=True))
    computation = made.computation
    seen = set[str]()
    for place in range(5, 30, 5):
        made.engine.run(until=place)
        made.engine.until = None
        before, drawn = everything(computation), generators(device)
        seen |= rejected(made.engine.boundary())
        assert everything(computation) == before
        assert generators(device) == drawn
    assert seen == set(ALL)


def test_steps_on_trial_are_undone_bit_for_bit(on_device: Make, device: torch.device, deterministic: None) -> None:
    """Those that a validator takes from a candidate and from the present weights, to compare the losses after."""
    made, twin = (computation(on_device(dropout=0.1, deterministic=True)) for _ in range(2))
    for each in (made, twin):
        each.advance(5)
    past = [made.observe()]
    for each in (made, twin):
        each.advance(5)
    past.append(made.observe())
    before, drawn = everything(made), generators(device)
    candidate = made.materialise(Combination((-1.0, 2.0)), past, Plan("linear", 5))
    assert candidate is not None
    for state in (candidate.state, None):
        made.trial(state, 2, (0, 1))
        assert everything(made) == before
        assert generators(device) == drawn
    for each in (made, twin):
        each.advance(5)
    assert everything(made) == everything(twin)


def test_a_run_whose_candidates_are_all_rejected_ends_bit_for_bit_as_a_plain_one(
    on_device: Make, deterministic: None
) -> None:
    config = on_device(every=10, predictors=ALL, dropout=0.1, steps=40, deterministic=True)
    speculative, plain = rejecting(config), run(config, speculate=False)
    summary = speculative.execute()
    plain.execute()
    assert len(summary["leaps"]) > 3
    assert {leap["reason"] for leap in summary["leaps"]} == {"this validator rejects everything"}
    assert everything(speculative.computation) == everything(plain.computation)


def test_a_rejection_in_an_own_loop_leaves_running_means_and_moments(device: torch.device, deterministic: None) -> None:
    def batch(seed: int) -> Tensor:
        return torch.randn(16, 6, generator=torch.Generator().manual_seed(seed)).to(device)

    def loss(model: nn.Module, given: Tensor) -> Tensor:
        found: Tensor = (model(given)[:, 0] - given.sum(1)).square()
        return found

    def trained(every: int) -> tuple[dict[str, str], set[str]]:
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 1)).to(
            device
        )
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
        gate = [batch(1000 + look) for look in range(8)]
        watched = Speculation(model, optimizer, gate=gate, loss=loss, every=every, predictors=ALL, overdraft=10)
        watched.engine.speculator._judge.validator = Look()  # type: ignore[attr-defined]
        seen = set[str]()
        for step in range(30):
            value = loss(model, batch(step)).mean()
            optimizer.zero_grad()
            value.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            done = watched.step(value)
            seen |= set() if done is None else rejected(done)
        moments = [value for state in optimizer.state.values() for value in state.values()]
        found = {**model.state_dict(), **{f"moment {i}": value for i, value in enumerate(moments)}}
        assert not watched.report()["warnings"]
        return {name: digest(value) for name, value in found.items()}, seen

    plain, asked = trained(every=1000), trained(every=5)
    assert asked[1] == set(ALL)
    assert asked[0] == plain[0]


@cuda
def test_dropout_draws_from_the_device_s_generator(on_device: Make, device: torch.device) -> None:
    """So that the tests of generators here are tests of the device's generator."""
    made = computation(on_device(dropout=0.1))
    before = made.training_state()["random"]
    made.advance(1)
    after = made.training_state()["random"]
    assert not torch.equal(before[device.type], after[device.type])


def test_what_happens_at_a_boundary_draws_nothing_from_training_s_generator(
    on_device: Make, device: torch.device
) -> None:
    """Fingerprints, held-out losses, predictors and evaluations, of a model with dropout."""
    made = computation(on_device(dropout=0.1))
    past = [made.observe()]
    for _ in range(2):
        made.advance(5)
        past.append(made.observe())
    before, drawn = everything(made), generators(device)
    assert made.read("fingerprint", ()).shape[0] >= 100
    made.score(None, 0)
    made.report(None)
    made.gram(past)
    create, history, spoke = load().registry.create, SegmentHistory(past, made), set[str]()
    for name in (*ALL, "anderson", "autoregression", "rank-one", "ema-increments", "tail-average", "momentum-as-coded"):
        predicted = create("predictor", name, {}).predict(history, 5)
        candidate = None if predicted is None else made.materialise(predicted, past, Plan(name, 5))
        if candidate is not None:
            spoke.add(name)
            made.score(candidate.state, 1)
            made.report(candidate.state)
    assert spoke >= {"linear", "momentum", "line-search", "momentum-as-coded"}
    made.watch.evaluate()
    assert everything(made) == before
    assert generators(device) == drawn


def test_draws_at_a_boundary_do_not_disturb_training(
    on_device: Make, device: torch.device, deterministic: None
) -> None:
    config = on_device(dropout=0.1, deterministic=True)
    alone, disturbed = computation(config), computation(config)
    for made in (alone, disturbed):
        made.advance(5)
    torch.manual_seed(99)
    torch.rand(1000, device=device)
    random.random()
    np.random.random()
    for made in (alone, disturbed):
        made.advance(5)
    assert everything(alone) == everything(disturbed)


@pytest.mark.parametrize(
    ("bounds", "places"),
    [
        ({}, ["device", "device", "device"]),
        ({"device_bytes": 0}, ["host", "host", "device"]),
        ({"device_bytes": 0, "host_bytes": 0}, ["disk", "disk", "device"]),
    ],
)
def test_past_weights_come_back_from_where_they_were_moved_with_the_same_bits(
    on_device: Make, device: torch.device, bounds: dict[str, int], places: list[str]
) -> None:
    """And a leap from them leads to the same bits as one from weights that stayed on the device."""
    made, stayed = computation(on_device(cache=bounds)), WeightStore(device)
    past, exact = [], list[Values]()
    for _ in range(3):
        made.advance(4)
        past.append(made.observe())
        exact.append(made.weights.copy())
    kept = [snapshot.state.weights for snapshot in past]
    assert [each.location for each in kept] == places
    assert all(same(each.values(), values) for each, values in zip(kept, exact, strict=True))
    prediction = Combination((1.0, -3.0, 3.0))
    candidate = made.materialise(prediction, past, Plan("quadratic", 4))
    assert candidate is not None
    made.apply(Transition(candidate.start, candidate.horizon, candidate.state, 0, "quadratic"))
    leapt = made.digest()
    made.weights.put(exact[-1])
    there = [stayed.keep(values) for values in exact]
    CandidateWeights((1.0, -3.0, 3.0), tuple(there), 0, there[-1]).put(made.weights, there[-1])
    assert made.digest() == leapt


@cuda
def test_past_weights_in_host_memory_are_pinned(device: torch.device) -> None:
    store = WeightStore(device, WeightStore.Config(device_bytes=0))
    kept = [store.keep(values) for values in terms(2, device)]
    assert kept[0].location == "host"
    assert all(value.is_pinned() for value in kept[0]._values or () if value.numel())


@pytest.mark.parametrize("precision", ["fp32", "auto"])
def test_a_deterministic_run_ends_twice_with_the_same_bits(
    on_device: Make, precision: str, deterministic: None
) -> None:
    """With sequences of a usual length, over which the sums of attention's gradients may be split among many."""
    given = {"length": 256, "batch": 8, "dropout": 0.1, "precision": precision, "deterministic": True}
    first, second = (computation(on_device(**given)) for _ in range(2))
    for made in (first, second):
        made.advance(6)
    assert everything(first) == everything(second)


@pytest.mark.parametrize("place", [23, 30])
def test_a_resumed_run_ends_with_the_bits_of_an_uninterrupted_one(
    on_device: Make, tmp_path: Path, place: int, deterministic: None
) -> None:
    """Between boundaries and at one, with dropout, whose generator is the device's."""
    predictors = ("linear", "nesterov-outer", "momentum")
    config = on_device(steps=60, predictors=predictors, validator=TAKEN, dropout=0.1, deterministic=True)
    whole = run(config, tmp_path / "whole")
    expected = whole.execute()
    assert expected["accepted"] > 0
    first = run(config, tmp_path / "cut")
    first.engine.run(until=place)
    first._checkpoint()
    second = run(config, tmp_path / "cut", resume=True)
    found = second.execute()
    assert found["resumed_from"] == place
    assert everything(second.computation) == everything(whole.computation)
    assert found["outcome"] == expected["outcome"]


def test_a_study_s_training_that_was_stopped_and_resumed_ends_in_the_bits_of_one_that_was_not(
    recipe: dict[str, Any], device: torch.device, tmp_path: Path, deterministic: None
) -> None:
    own = {"device": str(device), "steps": 20, "dropout": 0.1, "deterministic": True}
    network, reported = backend(RecipeConfig.model_validate(recipe | own), seed=3), list[int]()

    def training(stopped: Callable[[], bool] = lambda: False) -> ResumableTraining:
        return ResumableTraining(network, tmp_path, every_s=1e9, stopped=stopped, report=reported.append)

    whole = training()
    whole.train_to(20)
    reported.clear()
    first = training(stopped=lambda: 9 in reported)
    with pytest.raises(StoppedError):
        first.train_to(20)
    second = training()
    second.resume()
    assert second.computation.position() == 9
    second.train_to(20)
    assert everything(second.computation) == everything(whole.computation)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("cpu", marks=pytest.mark.slow),
        pytest.param(DEVICE.type, marks=(*ON_DEVICE, cuda), id="accelerator"),
    ],
)
def test_a_compiled_model_computes_with_the_weights_that_were_leapt_to(small: Make, place: str) -> None:
    """As the eager one does, and nothing is compiled a second time."""
    made = computation(small(model="gpt2-nano", device=place, compile=True, precision="fp32"))
    training = made.training

    def eager() -> float:
        batch = training.batches.batch(training.position).to(training.device)
        return float(mean_loss(training.model, batch).detach())

    past = [made.observe()]
    made.advance(20)
    past.append(made.observe())
    with torch.compiler.set_stance("fail_on_recompile"):
        expected = eager()
        assert training.step() == pytest.approx(expected, rel=1e-4)
        made.changed()
        old = eager()
        candidate = made.materialise(Combination((-2.0, 3.0)), past, Plan("linear", 40))
        assert candidate is not None
        made.apply(Transition(candidate.start, candidate.horizon, candidate.state, 0, "linear"))
        new = eager()
        assert abs(new - old) > 1e-2 * old
        assert training.step() == pytest.approx(new, rel=1e-4)


@cuda
def test_the_reported_peak_memory_is_the_device_s(on_device: Make, device: torch.device) -> None:
    torch.cuda.reset_peak_memory_stats(device)
    made = run(on_device(steps=20, predictors=("linear",)))
    peak = made.execute()["peak_memory_bytes"]
    assert 0 < 4 * made.computation.weights.nbytes < peak <= torch.cuda.max_memory_allocated(device)


@pytest.mark.usefixtures("device")
class OnDevice(WeightPredictorLaws):
    """The laws, of weights on the accelerator."""

    def reference_runs(self) -> Sequence[ReferenceRun]:
        return training_runs(DEVICE)

    def global_randomness(self) -> Hashable:
        return super().global_randomness(), digest(random_state(DEVICE)[DEVICE.type])


class TestLinear(OnDevice):
    def predictor(self) -> Predictor:
        return Linear()


class TestMomentum(OnDevice):
    least = 1

    def predictor(self) -> Predictor:
        return Momentum()
