"""Speculation that an optimiser calls by itself: no line in the loop changes."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from asc.errors import AscError
from asc.plugins import Plugins
from asc_nn_training import Speculation, attach
from asc_nn_training.integrations.attach import Attached

Batch = tuple[Tensor, Tensor]
USUAL: dict[str, Any] = {"every": 5, "horizons": (5, 20), "overdraft": 0.5}


def batch(seed: int) -> Batch:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(16, 6, generator=random)
    return x, (x[:, :3].sum(1) > 0).long()


def loss(model: nn.Module, given: Batch) -> Tensor:
    return nn.functional.cross_entropy(model(given[0]), given[1], reduction="none")


def gate() -> list[Batch]:
    return [batch(10_000 + i) for i in range(8)]


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 2))


def adam(model: nn.Module) -> Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-3)


def train(model: nn.Module, optimizer: Optimizer, first: int, last: int, attached: Attached | None = None) -> None:
    for step in range(first, last):
        value = loss(model, batch(step)).mean()
        optimizer.zero_grad()
        value.backward()
        if attached is not None:
            attached.note(value)
        optimizer.step()


def equal(left: nn.Module, right: nn.Module) -> bool:
    others = right.state_dict()
    return all(torch.equal(value, others[name]) for name, value in left.state_dict().items())


class Answer:
    """What a transformers model returns."""

    def __init__(self, loss: Tensor) -> None:
        self.loss = loss


class WithLoss(nn.Module):
    """A model that answers its own loss, as those of transformers do."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(6, 2)

    def forward(self, x: Tensor, labels: Tensor) -> Answer:
        return Answer(nn.functional.cross_entropy(self.layer(x), labels))


def own_loss(model: nn.Module, given: Batch) -> Tensor:
    found: Tensor = model(*given).loss
    return found


@pytest.mark.integration("attach", "a loop that does not change", "works")
def test_an_attached_speculation_does_what_one_called_by_hand_does() -> None:
    model = network()
    optimizer = adam(model)
    attached = attach(model, optimizer, gate=gate(), loss=loss, **USUAL)
    train(model, optimizer, 0, 120, attached)
    other = network()
    by_hand = adam(other)
    speculation = Speculation(other, by_hand, gate=gate(), loss=loss, **USUAL)
    for step in range(120):
        value = loss(other, batch(step)).mean()
        by_hand.zero_grad()
        value.backward()
        by_hand.step()
        speculation.step(value)
    assert attached.position == 120
    assert attached.report()["leaps"] == speculation.report()["leaps"] > 0
    assert attached.report()["outcomes"] == speculation.report()["outcomes"]
    assert equal(model, other)


def test_an_attached_speculation_whose_candidates_are_rejected_changes_nothing(rejecting: Plugins) -> None:
    """Weights, buffers, moments and random numbers included."""
    ends = []
    for speculate in (True, False):
        model = network()
        optimizer = adam(model)
        attached = None
        if speculate:
            attached = attach(model, optimizer, gate=gate(), loss=loss, validator="reject", plugins=rejecting, **USUAL)
        train(model, optimizer, 0, 60, attached)
        if attached is not None:
            assert attached.report()["outcomes"]["rejected"] > 0
        ends.append((model, optimizer.state_dict()["state"], torch.get_rng_state()))
    (one, moments, drawn), (other, other_moments, other_drawn) = ends
    assert equal(one, other)
    assert all(torch.equal(moments[key]["exp_avg"], other_moments[key]["exp_avg"]) for key in moments)
    assert torch.equal(drawn, other_drawn)


@pytest.mark.integration("attach", "a model whose answer has a loss: the training loss is known by itself", "works")
def test_the_loss_in_a_model_s_answer_is_noted() -> None:
    """The mean over the micro-batches of a step. What is evaluated meanwhile does not count."""
    model = WithLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attached = attach(model, optimizer, gate=gate(), loss=own_loss, every=2, horizons=(2,), overdraft=100.0)
    expected = []
    for step in range(8):
        seen = []
        for part in range(2):
            found = model(*batch(2 * step + part)).loss
            seen.append(found.item())
            found /= 2  # in place
            found.backward()
        model.eval()
        model(*batch(77))
        model.train()
        with torch.no_grad():
            model(*batch(78))
        expected.append(sum(seen) / 2)
        optimizer.step()
        optimizer.zero_grad()
    assert attached.speculation.computation.progress.losses == pytest.approx(expected)
    assert not any("loss is known" in warning for warning in attached.report()["warnings"])


def test_a_loop_without_a_known_loss_is_warned() -> None:
    model = network()
    optimizer = adam(model)
    attached = attach(model, optimizer, gate=gate(), loss=loss, **USUAL)
    train(model, optimizer, 0, 20)
    (warning,) = attached.report()["warnings"]
    assert "Tell the loss of each step with note(loss), before optimizer.step()." in warning


@pytest.mark.integration("attach", "a score, such as a reward, judges", "works")
def test_where_a_score_judges_the_model_s_loss_does_not_count() -> None:
    model = WithLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attached = attach(model, optimizer, gate=gate(), score=lambda model, given: -own_loss(model, given), **USUAL)
    for step in range(20):
        model(*batch(step)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert sum(attached.report()["outcomes"].values()) > 0
    assert attached.speculation.computation.progress.losses == ()
    assert not any("loss is known" in warning for warning in attached.report()["warnings"])


def test_a_noted_loss_replaces_that_of_the_answer() -> None:
    model = WithLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attached = attach(model, optimizer, gate=gate(), loss=own_loss, every=2, horizons=(2,), overdraft=100.0)
    for step in range(4):
        model(*batch(step)).loss.backward()
        attached.note(float(step))
        optimizer.step()
    assert attached.speculation.computation.progress.losses == (0.0, 1.0, 2.0, 3.0)


@pytest.mark.integration("attach", "GradScaler that skips steps", "works")
def test_a_step_that_a_grad_scaler_skips_is_no_step() -> None:
    model = network()
    optimizer = adam(model)
    scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
    attached = attach(model, optimizer, gate=gate(), loss=loss, **USUAL)
    for step in range(12):
        value = loss(model, batch(step)).mean() * (float("inf") if step % 3 == 0 else 1.0)
        optimizer.zero_grad()
        scaler.scale(value).backward()
        scaler.step(optimizer)
        scaler.update()
    assert attached.position == 8


@pytest.mark.integration("attach", "optimizer.step(closure), L-BFGS", "works")
def test_a_step_with_a_closure_is_one_step() -> None:
    """Although the closure is called several times in it."""
    model = network()[:1].append(nn.Linear(8, 2))
    optimizer = torch.optim.LBFGS(model.parameters(), lr=0.1, max_iter=4)
    attached = attach(model, optimizer, gate=gate(), loss=loss, **{**USUAL, "overdraft": 5.0})
    losses = []
    for step in range(20):

        def closure(step: int = step) -> Tensor:
            optimizer.zero_grad()
            value = loss(model, batch(step)).mean()
            value.backward()
            return value

        value = optimizer.step(closure)
        attached.note(value)
        losses.append(value.item())
    assert attached.position == 20
    assert sum(attached.report()["outcomes"].values()) > 0
    assert losses[-1] < losses[0] / 2


@pytest.mark.integration("attach", "two optimisers, as in a GAN: each trained network has its own", "works")
def test_two_optimisers_have_a_speculation_each() -> None:
    generator, critic = network(), network()
    of_generator, of_critic = adam(generator), adam(critic)
    one = attach(generator, of_generator, gate=gate(), loss=loss, **USUAL)
    two = attach(critic, of_critic, gate=gate(), loss=loss, **{**USUAL, "every": 7})
    for step in range(30):
        train(generator, of_generator, step, step + 1, one)
        if step % 2 == 0:
            train(critic, of_critic, step, step + 1, two)
    assert (one.position, two.position) == (30, 15)


@pytest.mark.integration("attach", "one network, whose layers have two optimisers", "works")
def test_layers_of_another_optimiser_do_not_leap() -> None:
    model = network()
    first = torch.optim.AdamW(model[:2].parameters(), lr=1e-3)
    rest = torch.optim.SGD(model[2:].parameters(), lr=0.0)
    before = model[4].weight.detach().clone()
    attached = attach(model, first, gate=gate(), loss=loss, **USUAL)
    for step in range(60):
        value = loss(model, batch(step)).mean()
        value.backward()
        attached.note(value)
        first.step()
        rest.step()
        first.zero_grad()
        rest.zero_grad()
    assert attached.report()["leaps"] > 0
    assert torch.equal(model[4].weight, before)


def test_several_parameter_groups_leap() -> None:
    model = network()
    groups = [{"params": model[0].parameters(), "lr": 1e-3}, {"params": model[4].parameters(), "lr": 1e-2}]
    optimizer = torch.optim.AdamW(groups)
    attached = attach(model, optimizer, gate=gate(), loss=loss, **USUAL)
    train(model, optimizer, 0, 60, attached)
    assert attached.report()["leaps"] > 0


@pytest.mark.integration("attach", "a second speculation for one optimiser", "refused")
def test_one_optimiser_has_one_speculation(integration_refusal: Callable[[object], None]) -> None:
    model = network()
    optimizer = adam(model)
    first = attach(model, optimizer, gate=gate(), loss=loss)
    with pytest.raises(AscError, match="This AdamW has a speculation already") as refused:
        attach(model, optimizer, gate=gate(), loss=loss)
    integration_refusal(refused.value)
    first.close()
    attach(model, optimizer, gate=gate(), loss=loss)


@pytest.mark.integration("attach", "an optimiser without step hooks", "refused")
def test_an_optimiser_without_step_hooks_is_refused(integration_refusal: Callable[[object], None]) -> None:
    class Own(Optimizer):
        """Made without torch's own initialisation, as some optimisers of one's own are."""

        def __init__(self, parameters: Any) -> None:
            self.param_groups, self.state = [{"params": list(parameters), "lr": 0.1}], {}  # type: ignore[assignment]

        def step(self, closure: Any = None) -> None:  # type: ignore[override]
            pass

    model = network()
    with pytest.raises(AscError, match=r"The optimiser Own has no step hooks.* call its step\(\)") as refused:
        attach(model, Own(model.parameters()), gate=gate(), loss=loss)
    integration_refusal(refused.value)


@pytest.mark.parametrize("kind", ["schedule-free", "lookahead"])
def test_a_wrapper_that_moves_weights_after_the_step_is_not_looked_through(kind: str) -> None:
    """The step of what is inside is not the whole step, and these wrappers have no hooks."""
    model = network()
    inner = torch.optim.SGD(model.parameters(), lr=0.1)
    if kind == "schedule-free":
        wrapper = pytest.importorskip("schedulefree").ScheduleFreeWrapper(inner)
    else:
        from .test_own_weights import Lookahead

        wrapper = type("Lookahead", (Lookahead,), {"__module__": "pytorch_optimizer.lookahead"})(inner)
    with pytest.raises(AscError, match=f"The optimiser {type(wrapper).__name__} has no step hooks"):
        attach(model, wrapper, gate=gate(), loss=loss)


def test_close_takes_the_hooks_away() -> None:
    model = WithLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attached = attach(model, optimizer, gate=gate(), loss=own_loss)
    attached.close()
    attached.close()
    assert not model._forward_hooks
    assert not optimizer._optimizer_step_post_hooks
    model(*batch(1)).loss.backward()
    optimizer.step()
    assert attached.position == 0


def test_a_copy_of_the_model_is_a_model_without_speculation() -> None:
    """By deepcopy, as for a running average, and by pickle; the state dict has nothing of the hooks."""
    model = WithLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attached = attach(model, optimizer, gate=gate(), loss=own_loss, every=1, horizons=(1,), overdraft=100.0)
    assert set(model.state_dict()) == {"layer.weight", "layer.bias"}
    kept = io.BytesIO()
    torch.save(model, kept)
    kept.seek(0)
    for copied in (deepcopy(model), pickle.loads(pickle.dumps(model)), torch.load(kept, weights_only=False)):
        copied(*batch(5)).loss.backward()
    deepcopy(optimizer).step()
    model(*batch(1)).loss.backward()
    optimizer.step()
    assert attached.position == 1
    assert len(attached.speculation.computation.progress.losses) == 1


@pytest.mark.integration("attach", "stopped and resumed, state by torch.save", "works")
@pytest.mark.parametrize("stop", [52, 60])
def test_a_resumed_loop_ends_as_an_uninterrupted_one(stop: int) -> None:
    whole = network()
    optimizer = adam(whole)
    attached = attach(whole, optimizer, gate=gate(), loss=loss, **USUAL)
    train(whole, optimizer, 0, 120, attached)
    first = network()
    optimizer = adam(first)
    attached = attach(first, optimizer, gate=gate(), loss=loss, **USUAL)
    train(first, optimizer, 0, stop, attached)
    states = {"model": first.state_dict(), "optimizer": optimizer.state_dict(), "asc": attached.state_dict()}
    kept = io.BytesIO()
    torch.save(states | {"random": torch.get_rng_state()}, kept)
    kept.seek(0)
    saved = torch.load(kept)  # weights only
    second = network()
    optimizer = adam(second)
    attached = attach(second, optimizer, gate=gate(), loss=loss, **USUAL)
    second.load_state_dict(saved["model"])
    optimizer.load_state_dict(saved["optimizer"])
    attached.load_state_dict(saved["asc"])
    torch.set_rng_state(saved["random"])
    train(second, optimizer, stop, 120, attached)
    assert equal(second, whole)
    assert attached.report()["leaps"] > 0


@pytest.mark.integration("attach", "torch.compile, before or after", "works")
@pytest.mark.parametrize("when", ["before", "after", "in place"])
@pytest.mark.filterwarnings("ignore")
def test_a_compiled_model_is_heard(when: str) -> None:
    """`torch.compile(model)` before or after the speculation is attached, or `model.compile()`."""
    model: Any = WithLoss()
    if when == "before":
        model = torch.compile(model, backend="eager")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    attached = attach(model, optimizer, gate=gate(), loss=own_loss, every=1, horizons=(1,), overdraft=100.0)
    if when == "after":
        model = torch.compile(model, backend="eager")
    elif when == "in place":
        model.compile(backend="eager")
    expected = []
    for step in range(4):
        found = model(*batch(step)).loss
        expected.append(found.item())
        found.backward()
        optimizer.step()
    assert attached.speculation.computation.progress.losses == pytest.approx(expected)
