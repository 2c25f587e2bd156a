"""Loops as other people write them: what is refused when a speculation is made, and what must not end a training."""

from __future__ import annotations

import random
import signal
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from asc.errors import AscError
from asc.plugins import Plugins, load
from asc_nn_training import Speculation, attach

Batch = tuple[Tensor, Tensor]

PLUGIN = """
import asc

class Reject(asc.Validator):
    def judge(self, computation, candidate):
        computation.score(None, 0)
        computation.score(candidate.state, 0)
        return asc.Verdict(False, 0.0, "rejects everything")

class Wrong(asc.Validator):
    def judge(self, computation, candidate):
        return candidate.horizon > 3

class Accept(asc.Validator):
    def judge(self, computation, candidate):
        return asc.Verdict(True, 1.0, "accepts everything")

class Fragile(asc.Recognizer):
    def next_boundary(self, position, computation):
        return position + 5

    def recognise(self, computation):
        if computation.position() > 10:
            raise KeyError("regime")
        return asc.Recognition(True, "good", 1.0)

@asc.hookimpl
def asc_register(registry):
    registry.add("validator", "reject", "foreign:Reject", "rejects everything")
    registry.add("validator", "wrong", "foreign:Wrong", "answers a bool")
    registry.add("validator", "accept", "foreign:Accept", "accepts everything")
    registry.add("recognizer", "fragile", "foreign:Fragile", "raises after a while")
"""


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    (tmp_path / "foreign.py").write_text(PLUGIN)
    return load([tmp_path / "foreign.py"])


def batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=generator)
    return x, (x[:, :3].sum(1) > 0).long()


def gate() -> list[Batch]:
    return [batch(10_000 + i) for i in range(8)]


def loss(model: nn.Module, given: Any) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Dropout(0.1), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 2))


class Loop:
    """A plain loop; what is given replaces its usual parts."""

    def __init__(
        self, model: nn.Module | None = None, optimizer: torch.optim.Optimizer | None = None, **settings: Any
    ) -> None:
        self.model = model or network()
        self.optimizer = optimizer or torch.optim.AdamW(self.model.parameters(), lr=3e-3)
        usual = {"gate": gate(), "every": 5, "horizons": (5, 20), "overdraft": 1.0}
        if "score" not in settings:
            usual["loss"] = loss
        self.speculation = Speculation(self.model, self.optimizer, **{**usual, **settings})

    def run(self, first: int, last: int, told: Callable[[Tensor], Any] = lambda value: value) -> Loop:
        torch.manual_seed(first)  # for dropout
        for step in range(first, last):
            value = loss(self.model, batch(step)).mean()
            self.optimizer.zero_grad()
            value.backward()
            self.optimizer.step()
            self.speculation.step(told(value))
        return self

    def report(self) -> dict[str, Any]:
        return self.speculation.report()


def equal(left: Mapping[str, Tensor], right: Mapping[str, Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def refused_row(what: str) -> pytest.MarkDecorator:
    return pytest.mark.integration("plain loop", what, "refused")


def misspelt(model: nn.Module, given: Any) -> Tensor:
    return nn.functional.cross_entropi(model(given[0]), given[1])  # type: ignore[attr-defined,no-any-return]


def swapped(given: Any, model: nn.Module) -> Tensor:
    return loss(model, given)


def unreadable() -> Iterator[Batch]:
    yield gate()[0]
    raise FileNotFoundError("no held-out data")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"loss": misspelt},
            r"Judging was tried once before the training, and that failed: the gate's loss raised "
            r"AttributeError: .*cross_",
        ),
        ({"score": swapped}, r"that failed: the gate's score raised TypeError: .*test_foreign_loops\.py, line \d+"),
        ({"loss": swapped}, r"that failed: the gate's loss raised TypeError: .*test_foreign_loops\.py, line \d+"),
        pytest.param(
            {"loss": lambda model, given: {"loss": 1.0}},
            r"The gate's loss answered a dict; expected one loss a sample",
            marks=refused_row("a loss that answers no losses"),
        ),
        ({"loss": lambda model, given: None}, r"answered a NoneType; expected one loss a sample"),
        ({"loss": lambda model, given: model(given[0])}, r"answered a Tensor of shape \(16, 2\)"),
        pytest.param(
            {"loss": None}, r"give loss=function or score=function", marks=refused_row("neither a loss nor a score")
        ),
        ({"score": loss, "loss": loss}, r"give loss=function or score=function"),
        pytest.param(
            {"gate": TensorDataset(*batch(0))},
            r"The gate is a TensorDataset, which gives single samples.*DataLoader",
            marks=refused_row("a gate of single samples"),
        ),
        ({"gate": batch(0)[0]}, r"The gate is a Tensor, which gives single samples: give batches"),
        ({"gate": 3}, r"The gate is a int: give a list of held-out batches"),
        pytest.param(
            {"gate": [batch(1)]}, r"given 1 batches: give 2 or more", marks=refused_row("a gate of one batch")
        ),
        ({"gate": iter([])}, r"given 0 batches: give 2 or more"),
        ({"gate": gate()[:2], "loss": lambda m, g: loss(m, g).mean()}, r"paired needs 2 different held-out sequences"),
        pytest.param(
            {"validator": "probation"},
            r"probation.*needs.* trial, which this backend does not provide",
            marks=refused_row("the validator probation, which takes steps on trial"),
        ),
        ({"fingerprint": lambda model: model(torch.zeros(1, 7))}, r"that failed: RuntimeError: mat1 and mat2"),
        ({"fingerprint": lambda model: torch.zeros(3)}, r"The fingerprint answered a Tensor of shape \(3,\); expected"),
        ({"gate": dict(enumerate(gate()))}, r"The gate is a dict: give a list .*list\(gate\.values\(\)\)"),
        pytest.param(
            {"gate": unreadable()},
            r"batches of the gate could not be read: FileNotFoundError: no held-out data",
            marks=refused_row("a gate that cannot be read"),
        ),
        pytest.param(
            {"loss": lambda model, given: torch.where(given[1] > 0, loss(model, given), torch.nan)},
            r"The gate's loss is nan or infinite for \d+ of 128 held-out samples",
            marks=refused_row("losses that are not finite, such as those of samples without labels"),
        ),
    ],
)
def test_what_cannot_judge_is_refused_at_the_start(
    settings: dict[str, Any], expected: str, integration_refusal: Callable[[object], None]
) -> None:
    with pytest.raises(AscError, match=expected) as refused:
        Loop(**settings)
    integration_refusal(refused.value)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"lr_scheduler": "cosine"}, r"The lr_scheduler is of type str: give one of torch\.optim\.lr_scheduler"),
        ({"position": -1}, r"position is -1: give a whole number of steps, at least 0"),
        ({"total": 1.5}, r"total is 1\.5: give a whole number of steps"),
        ({"step_size": 0}, r"step_size is 0: give a whole number of tokens or samples, at least 1"),
        ({"plugins": 3}, r"plugins is of type int: give what asc\.plugins\.load\(\) returned"),
        ({"leap": "reset"}, r"leap is 'reset': give a table of settings, such as leap="),
        ({"cache": 3}, r"cache is 3: give a table of settings"),
    ],
)
def test_a_setting_of_another_kind_is_refused_at_the_start(settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(AscError, match=expected):
        Loop(**settings)


OPTIMISER = torch.optim.SGD(nn.Linear(1, 1).parameters())


@pytest.mark.parametrize("make", [Speculation, attach])
@pytest.mark.parametrize(
    ("model", "optimizer", "expected"),
    [
        (OPTIMISER, network(), r"The model is of type SGD: give one torch\.nn\.Module, and then its optimiser"),
        (None, OPTIMISER, r"The model is of type NoneType"),
        (network(), torch.optim.SGD, r"The optimiser is the class SGD: give one optimiser that is made already"),
        (network(), [OPTIMISER], r"The optimiser is of type list: .*several optimisers has a speculation of its own"),
        (network(), network().parameters(), r"The optimiser is of type generator"),
    ],
)
def test_what_is_no_model_or_no_optimiser_is_refused(
    make: Callable[..., object], model: Any, optimizer: Any, expected: str
) -> None:
    with pytest.raises(AscError, match=expected):
        make(model, optimizer, gate=gate(), loss=loss)


@pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
def test_a_scripted_model_cannot_be_attached_to_but_speculates() -> None:
    model = torch.jit.script(nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 2)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    with pytest.raises(AscError, match=r"A model of torch\.jit\.script has no hooks.*make a Speculation"):
        attach(model, optimizer, gate=gate(), loss=loss)
    assert Loop(model, optimizer).run(0, 60).report()["leaps"] > 0


def test_attach_names_the_nearest_setting() -> None:
    model = network()
    with pytest.raises(AscError, match="attach has no setting horizon; did you mean horizons"):
        attach(model, torch.optim.SGD(model.parameters()), gate=gate(), loss=loss, horizon=5)


def test_one_predictor_and_one_horizon_need_no_list() -> None:
    bare, listed = Loop(predictors="linear", horizons=5), Loop(predictors=["linear"], horizons=[5])
    assert equal(bare.run(0, 40).model.state_dict(), listed.run(0, 40).model.state_dict())
    assert bare.report()["leaps"] > 0


def test_a_validator_that_answers_something_else_is_refused_at_the_start(plugins: Plugins) -> None:
    with pytest.raises(AscError, match=r"The validator answered False; expected asc\.Verdict"):
        Loop(validator="wrong", plugins=plugins)


@refused_row("a loss that changes its batch in place")
def test_a_loss_that_changes_its_batch_is_refused(integration_refusal: Callable[[object], None]) -> None:
    def scaling(model: nn.Module, given: Batch) -> Tensor:
        return loss(model, (given[0].mul_(0.5), given[1]))

    with pytest.raises(AscError, match="changed a tensor of its batch in place") as refused:
        Loop(loss=scaling)
    integration_refusal(refused.value)


def test_a_gate_may_be_made_in_inference_mode() -> None:
    with torch.inference_mode():
        given = gate()
    assert equal(Loop(gate=given).run(0, 60).model.state_dict(), Loop().run(0, 60).model.state_dict())


def test_a_loss_may_take_entries_out_of_its_batch() -> None:
    def popping(model: nn.Module, given: dict[str, Tensor]) -> Tensor:
        return loss(model, (given.pop("x"), given.pop("y")))

    mappings = [{"x": x, "y": y} for x, y in gate()]
    popped, usual = Loop(gate=mappings, loss=popping).run(0, 60), Loop().run(0, 60)
    assert popped.report()["leaps"] == usual.report()["leaps"] > 0
    assert all(set(each) == {"x", "y"} for each in mappings)


@pytest.mark.integration("plain loop", "a gate as list, DataLoader, iterator or generator", "works")
@pytest.mark.parametrize("kind", ["loader", "iterator", "generator"])
def test_a_gate_may_be_a_loader_or_an_iterator(kind: str) -> None:
    def generator() -> Iterator[Batch]:
        yield from gate()

    loader = DataLoader(TensorDataset(*map(torch.cat, zip(*gate(), strict=True))), batch_size=16)
    given = {"loader": loader, "iterator": iter(gate()), "generator": generator()}[kind]
    assert equal(Loop(gate=given).run(0, 60).model.state_dict(), Loop().run(0, 60).model.state_dict())


def test_making_a_speculation_draws_no_random_numbers() -> None:
    torch.manual_seed(3), random.seed(3), np.random.seed(3)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters())
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    loader = DataLoader(TensorDataset(*batch(0)), batch_size=4, shuffle=True)
    Speculation(model, optimizer, gate=loader, loss=loss)
    after = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()  # type: ignore[union-attr]
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]


class Counting(nn.Module):
    """Counts its passes in an attribute, and draws noise by a generator of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.inner, self.passes, self.noise = network(), 0, torch.Generator().manual_seed(0)

    def forward(self, x: Tensor) -> Tensor:
        self.passes += 1
        answer: Tensor = self.inner(x + 1e-3 * torch.randn(x.shape, generator=self.noise))
        return answer


def test_a_model_whose_passes_change_more_than_buffers_is_warned_of() -> None:
    (warning,) = Loop(Counting()).report()["warnings"]
    assert warning.startswith("Each pass of the model changes passes, noise, also on held-out data")


@refused_row("a loss that calls backward()")
def test_a_loss_that_computes_gradients_is_refused(integration_refusal: Callable[[object], None]) -> None:
    def training(each: nn.Module, given: Batch) -> Tensor:
        with torch.enable_grad():
            losses = loss(each, given)
            losses.mean().backward()
        return losses

    model = network()
    with pytest.raises(AscError, match=r"The gate's loss calls backward\(\)") as refused:
        Loop(model, loss=training)
    integration_refusal(refused.value)
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_loss_of_another_model_is_warned_of() -> None:
    other = network().eval()
    report = Loop(loss=lambda model, given: loss(other, given)).run(0, 60).report()
    assert report["leaps"] == 0
    assert report["warnings"][0].startswith("Predicted weights moved no held-out loss at all")


def test_few_losses_are_warned_of() -> None:
    loop = Loop(gate=gate()[:4], loss=lambda model, given: loss(model, given).mean())
    (warning,) = loop.report()["warnings"]
    assert warning.startswith("The gate has 3 losses to judge by")


@pytest.mark.parametrize("kind", [float, np.float32])
def test_a_mean_loss_may_be_a_plain_number(kind: type) -> None:
    mean = Loop(loss=lambda model, given: loss(model, given).mean()).run(0, 60)
    plain = Loop(loss=lambda model, given: kind(loss(model, given).mean().item())).run(0, 60)
    assert equal(plain.model.state_dict(), mean.model.state_dict())


def test_a_score_may_be_a_list_of_numbers_as_rewards_are() -> None:
    listed = Loop(score=lambda model, given: (-loss(model, given)).tolist()).run(0, 60)
    usual = Loop(score=lambda model, given: -loss(model, given)).run(0, 60)
    assert listed.report()["leaps"] > 0
    assert equal(listed.model.state_dict(), usual.model.state_dict())


def test_a_score_is_a_loss_with_its_sign_changed() -> None:
    by_score = Loop(score=lambda model, given: -loss(model, given)).run(0, 100)
    by_loss = Loop().run(0, 100, told=lambda value: None)  # no training loss says how fast a score rises
    assert by_score.report()["leaps"] == by_loss.report()["leaps"] > 0
    assert equal(by_score.model.state_dict(), by_loss.model.state_dict())


@pytest.mark.integration(
    "plain loop", "a gate or validator that raises midway: training continues without speculation", "works"
)
def test_a_validator_that_raises_later_switches_speculation_off(plugins: Plugins) -> None:
    class Fails:
        calls = 0

        def __call__(self, model: nn.Module, given: Batch) -> Tensor:
            self.calls += 1
            if self.calls > 40:
                raise KeyError("labels")
            return loss(model, given)

    loop = Loop(loss=Fails()).run(0, 200)
    report = loop.report()
    first, *_, last = report["warnings"]
    assert "held-out-loss" in first
    assert "KeyError: 'labels'" in first
    assert "switched off" in last
    assert "switched off after the validator held-out-loss raised GateError" in report["reason"]
    assert "KeyError: 'labels' (test_foreign_loops.py, line" in report["reason"]
    assert report["outcomes"]["not judged"] >= 3
    assert loop.speculation.position == 200


def test_what_an_alarm_of_the_user_raises_while_the_gate_is_asked_reaches_the_user() -> None:
    class Rings:
        calls = 0

        def __call__(self, model: nn.Module, given: Batch) -> Tensor:
            self.calls += 1
            if self.calls == 41:
                signal.raise_signal(signal.SIGALRM)
            return loss(model, given)

    def ring(*_: object) -> None:
        raise TimeoutError("the user's")

    before = signal.signal(signal.SIGALRM, ring)
    try:
        with pytest.raises(TimeoutError, match="the user's"):
            Loop(loss=Rings()).run(0, 200)
        assert signal.getsignal(signal.SIGALRM) is ring
    finally:
        signal.signal(signal.SIGALRM, before)


def test_a_recognizer_that_was_switched_off_is_said_to_be_so(plugins: Plugins) -> None:
    report = Loop(recognizer="fragile", plugins=plugins).run(0, 100).report()
    assert any("fragile" in warning and "KeyError: 'regime'" in warning for warning in report["warnings"])
    assert "peculation was switched off after the recognizer fragile raised KeyError: 'regime'" in report["reason"]


class Restless(nn.Module):
    """A model that counts its calls in buffers, and draws from every generator, whenever it is called."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = network()
        self.register_buffer("calls", torch.zeros(()))
        self.register_buffer("mean", torch.zeros(6))

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        self.mean = 0.9 * self.mean + 0.1 * x.mean(0)  # another tensor each time
        noise = random.random() + np.random.rand() + torch.rand(())
        answer: Tensor = self.inner(x + 1e-3 * noise)
        return answer


def test_a_rejection_restores_buffers_and_all_generators(plugins: Plugins) -> None:
    """Law 3, for a model whose forward pass changes more than its weights."""

    def trained(**settings: Any) -> tuple[Mapping[str, Tensor], Any]:
        random.seed(1), np.random.seed(1)
        loop = Loop(model=Restless(), plugins=plugins, **settings).run(0, 60)
        drawn = torch.rand(3).tolist(), random.random(), np.random.rand()
        return {**loop.model.state_dict()}, drawn

    plain, rejected = trained(every=1000), trained(validator="reject")
    assert equal(plain[0], rejected[0])
    assert plain[1] == rejected[1]


def test_standing_still_is_never_accepted(plugins: Plugins) -> None:
    """A noisy loss would accept it by chance: the noise is the same in every look."""

    def noisy(model: nn.Module, given: Batch) -> Tensor:
        return loss(model, given) + 0.1 * torch.randn(16)

    for criterion in ("strict", "proximity"):
        validator = {"name": "held-out-loss", "criterion": criterion}
        report = Loop(predictors=["last-value"], validator=validator, loss=noisy).run(0, 100).report()
        assert report["leaps"] == 0
        assert report["outcomes"]["rejected"] > 0


def test_a_loss_in_a_reused_buffer_is_copied() -> None:
    buffer = torch.zeros(())
    reused = Loop().run(0, 60, told=lambda value: buffer.copy_(value.detach()))
    usual = Loop().run(0, 60)
    assert reused.speculation.computation.progress.losses == usual.speculation.computation.progress.losses


@pytest.mark.parametrize(
    "told", [lambda value: value.reshape(1), lambda value: value.item(), lambda value: value.expand(4), np.float32]
)
def test_a_loss_of_any_usual_kind_is_taken(told: Callable[[Tensor], Any]) -> None:
    given, usual = Loop(), Loop()
    given.run(0, 30, told=lambda value: told(value.detach()))
    usual.run(0, 30)
    assert given.speculation.computation.progress.losses == pytest.approx(usual.speculation.computation.progress.losses)


def test_losses_that_are_not_finite_are_left_out() -> None:
    loop = Loop()
    for step in range(50):
        loop.speculation.step(float("nan") if step % 7 == 3 else float("inf") if step % 7 == 5 else 1.0 - step / 100)
    losses = loop.speculation.computation.progress.losses
    assert np.isfinite(losses).all()
    assert len(losses) == 50 - 7 - 7


def test_several_noted_losses_of_a_step_count_by_their_mean() -> None:
    loop = Loop()
    for _ in range(5):
        loop.speculation.note(1.0)
        loop.speculation.note(torch.tensor(3.0))
        loop.speculation.step()
    assert loop.speculation.computation.progress.losses == (2.0,) * 5


def test_a_loss_that_is_no_number_is_refused() -> None:
    with pytest.raises(AscError, match=r"The training loss of a step is 'low': give a number"):
        Loop().speculation.step("low")  # type: ignore[arg-type]


@pytest.mark.integration("plain loop", "layers that are frozen midway do not leap", "works")
def test_layers_that_are_frozen_later_do_not_move() -> None:
    loop = Loop(predictors=["linear", {"name": "nesterov-outer", "momentum": 0.5}]).run(0, 60)
    before = loop.report()["leaps"]
    assert before > 0
    loop.model[0].requires_grad_(False)  # type: ignore[index]
    loop.optimizer.zero_grad()
    frozen = deepcopy(loop.model[0].state_dict())  # type: ignore[index]
    loop.run(60, 160)
    assert loop.report()["leaps"] > before
    assert equal(frozen, loop.model[0].state_dict())  # type: ignore[index]
    assert loop.report()["warnings"] == []


@pytest.mark.integration("plain loop", "layers that are unfrozen midway leap", "works")
def test_layers_that_are_unfrozen_later_are_taken_in() -> None:
    model = network()
    model[0].requires_grad_(False)
    loop = Loop(model=model).run(0, 40)
    assert "0.weight" not in loop.speculation.computation.weights.names
    model[0].requires_grad_(True)
    loop.run(40, 140)
    assert "0.weight" in loop.speculation.computation.weights.names
    assert loop.report()["leaps"] > 0
    assert loop.report()["warnings"] == []


def test_a_training_with_nothing_left_to_train_continues() -> None:
    loop = Loop().run(0, 20)
    loop.model.requires_grad_(False)
    for _ in range(20):
        loop.speculation.step(1.0)
    assert loop.speculation.position == 40
    assert "no trainable parameter that its optimiser moves" in loop.report()["reason"]


@pytest.fixture(scope="module")
def saved() -> Any:
    """The state of speculation of another training."""
    return Loop().run(0, 47).speculation.state_dict()


@pytest.fixture(scope="module")
def undisturbed() -> Loop:
    """A training that has ended."""
    return Loop().run(0, 22).run(22, 90)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            lambda state: {},
            r"has last, losses, next, parts, position, rank, speculation, weights, and this one has not",
        ),
        (lambda state: None, r"and this one has nothing"),
        (lambda state: {"position": 5}, r"and this one has position"),
        (
            lambda state: state | {"weights": ["0.weight float32 [9, 9]"]},
            r"other trainable weights \(0\.weight float32",
        ),
        (lambda state: state | {"parts": state["parts"] | {"predictors": ["mean"]}}, r"of predictors \['mean'\]"),
        (lambda state: state | {"parts": state["parts"] | {"validator": "strict"}}, r"of validator strict"),
        (lambda state: state | {"speculation": {"losses": []}}, r"is damaged \(KeyError"),
        (lambda state: state | {"speculation": state["speculation"] | {"engine": {}}}, r"is damaged \("),
        (lambda state: state | {"weights": None}, r"is damaged \(TypeError"),
        (lambda state: state | {"position": "late"}, r"is damaged \(ValueError"),
    ],
)
def test_a_state_of_something_else_is_refused_before_anything_changes(
    change: Callable[[Any], Any], expected: str, saved: Any, undisturbed: Loop
) -> None:
    loop = Loop().run(0, 22)
    with pytest.raises(AscError, match=expected):
        loop.speculation.load_state_dict(change(deepcopy(saved)))
    assert equal(loop.run(22, 90).model.state_dict(), undisturbed.model.state_dict())
    assert loop.report()["ledger"].keys() == undisturbed.report()["ledger"].keys()


class Masters(torch.optim.Optimizer):
    """SGD on copies in float32 that nothing else can reach, like the optimisers of some mixed-precision libraries."""

    def __init__(self, parameters: Any, lr: float) -> None:
        super().__init__(parameters, {"lr": lr})
        self._hidden = [[p.detach().clone().float() for p in group["params"]] for group in self.param_groups]

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]
        for group, hidden in zip(self.param_groups, self._hidden, strict=True):
            for parameter, master in zip(group["params"], hidden, strict=True):
                master.add_(parameter.grad, alpha=-group["lr"])
                parameter.copy_(master)


@pytest.mark.integration(
    "optimisers", "hidden copies of the weights, which undo a leap: found after the first leap", "refused"
)
def test_an_optimiser_that_undoes_leaps_switches_speculation_off(
    plugins: Plugins, integration_refusal: Callable[[object], None]
) -> None:
    model = network()
    loop = Loop(model, Masters(model.parameters(), 0.1), horizons=(200,), validator="accept", plugins=plugins)
    loop.run(0, 100)
    report = loop.report()
    assert report["leaps"] == 1
    assert "keeps weights of its own" in report["reason"]
    integration_refusal(report["reason"])
    assert report["ledger"]["apply"]["count"] == 1
    assert loop.speculation.engine.ledger.gained == 0
    assert loop.speculation.position == 100


def test_a_model_with_a_number_as_parameter_is_trained() -> None:
    class Scaled(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.scale = network(), nn.Parameter(torch.tensor(1.0))

        def forward(self, x: Tensor) -> Tensor:
            answer: Tensor = self.scale * self.inner(x)
            return answer

    loop = Loop(model=Scaled()).run(0, 60)
    assert loop.report()["leaps"] > 0
    assert len(loop.speculation.computation.digest()) == 64


@refused_row("a model with lazy layers, before its first batch")
def test_a_lazy_model_is_refused_before_its_first_batch(integration_refusal: Callable[[object], None]) -> None:
    model = nn.Sequential(nn.LazyLinear(4), nn.Linear(4, 2))
    with pytest.raises(AscError, match=r"0\.weight is not initialised yet.*run one batch through the model") as refused:
        Loop(model, torch.optim.SGD(model.parameters(), lr=0.1))
    integration_refusal(refused.value)


@refused_row("a model on the meta device")
def test_a_model_on_the_meta_device_is_refused(integration_refusal: Callable[[object], None]) -> None:
    model = nn.Sequential(network(), nn.Linear(2, 2, device="meta"))
    with pytest.raises(AscError, match=r"The parameter 1\.weight is on the meta device") as refused:
        Loop(model, torch.optim.SGD(model.parameters(), lr=0.1), loss=lambda each, given: loss(each[0], given))
    integration_refusal(refused.value)


class Interfering(nn.Module):
    """Adds waves whose weights are complex, or pairs of real numbers."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        pairs = torch.randn(6, 2, 2, generator=torch.Generator().manual_seed(0))
        self.waves = nn.Parameter(torch.view_as_complex(pairs) if kind == "complex" else pairs)

    def forward(self, x: Tensor) -> Tensor:
        waves = self.waves if self.waves.is_complex() else torch.view_as_complex(self.waves)
        return ((x + x.roll(1, 1) * 1j) @ waves).abs()


@pytest.mark.integration("plain loop", "complex parameters", "works")
@pytest.mark.parametrize("predictor", ["linear", "anderson", "rank-one", "momentum"])
def test_complex_weights_leap_as_pairs_of_real_ones_do(predictor: str, plugins: Plugins) -> None:
    chosen = {"predictors": predictor, "validator": "accept", "plugins": plugins, "horizons": 5, "overdraft": 1e6}
    loops = [Loop(Interfering(kind), **chosen).run(0, 30) for kind in ("complex", "real")]
    waves = [loop.model.get_parameter("waves").detach() for loop in loops]
    torch.testing.assert_close(torch.view_as_real(waves[0]), waves[1], rtol=1e-3, atol=1e-4)
    assert loops[0].report()["outcomes"] == loops[1].report()["outcomes"]
    assert loops[0].report()["leaps"] > 0


@refused_row("an optimiser of another model")
def test_an_optimiser_of_another_model_is_refused(integration_refusal: Callable[[object], None]) -> None:
    with pytest.raises(AscError, match="trains other tensors than the model's parameters") as refused:
        Loop(network(), torch.optim.AdamW(network().parameters()))
    integration_refusal(refused.value)
