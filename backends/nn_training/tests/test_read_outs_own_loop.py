"""Read-outs in a loop of one's own: picked, put back, saved and loaded."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training import ReadOuts
from asc_nn_training.weights.averages import LIVE


class Scalar(nn.Module):
    """A model of one weight and one buffer."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([value]))
        self.register_buffer("calls", torch.zeros(()))


def trained(model: nn.Module, optimizer: torch.optim.Optimizer, read_outs: ReadOuts, steps: range) -> None:
    """Train in a loop of one's own, on batches that pull to -3 and to 3 in turns."""
    for step in steps:
        optimizer.zero_grad()
        ((model.weight + 3 * (-1) ** step) ** 2).sum().backward()
        optimizer.step()
        read_outs.update()


def own(**settings: Any) -> tuple[Scalar, torch.optim.Optimizer, ReadOuts]:
    model = Scalar(5.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    return model, optimizer, ReadOuts(model, optimizer, **{"spans": (5, 20), "every": 1, **settings})


def test_a_loop_of_one_s_own_reads_out_and_goes_on() -> None:
    model, optimizer, read_outs = own()
    trained(model, optimizer, read_outs, range(100))
    live = model.weight.item()

    def held_out(given: nn.Module) -> Tensor:
        assert given is model
        assert not given.training
        assert not torch.is_grad_enabled()
        given.calls += 1
        return given.weight**2

    with read_outs.best(held_out) as name:
        assert name.startswith("average of ")
        assert abs(model.weight.item()) < abs(live)
    assert model.weight.item() == live
    assert model.calls.item() == 0
    assert model.training
    again, other, fresh = own()
    trained(again, other, fresh, range(120))
    trained(model, optimizer, read_outs, range(100, 120))
    assert model.weight.item() == again.weight.item()


def test_the_state_of_a_loop_of_one_s_own_is_saved_and_loaded() -> None:
    model, optimizer, read_outs = own()
    trained(model, optimizer, read_outs, range(33))
    saved = deepcopy([model.state_dict(), optimizer.state_dict(), read_outs.state_dict()])
    trained(model, optimizer, read_outs, range(33, 50))
    again, other, loaded = own()
    for each, state in zip((again, other, loaded), saved, strict=True):
        each.load_state_dict(state)
    trained(again, other, loaded, range(33, 50))
    with read_outs.best(lambda given: given.weight**2) as name, loaded.best(lambda given: given.weight**2) as same:
        assert name == same
        assert model.weight.item() == again.weight.item()


def test_a_wrapped_model_is_read_out() -> None:
    model = Scalar(5.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    read_outs = ReadOuts(nn.DataParallel(model), optimizer, spans=5, every=1)
    trained(model, optimizer, read_outs, range(20))
    with read_outs.best(lambda given: given.weight**2) as name:
        assert name != LIVE


def test_averages_begin_anew_where_layers_are_unfrozen() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    read_outs = ReadOuts(model, torch.optim.SGD(model.parameters(), lr=0.1), spans=5, every=2)
    for _ in range(4):
        read_outs.update()
    model[0].requires_grad_(True)
    read_outs.update()
    assert len(read_outs.state_dict()["averages"]["averages"][0]["values"]) == 2
    read_outs.update()
    assert read_outs.state_dict()["averages"]["averages"][0]["values"] == []
    read_outs.update()
    assert len(read_outs.state_dict()["averages"]["averages"][0]["values"]) == 4


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"spans": ()}, r"^spans is \(\): give whole numbers of steps, such as \(50, 200\), at least 1\.$"),
        ({"spans": (0,)}, r"^spans is \(0,\): give whole numbers"),
        ({"spans": 2.5}, r"^spans is 2\.5: give whole numbers"),
        ({"every": 0}, r"^every is 0: give a whole number of steps, at least 1\.$"),
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        own(**settings)


def test_what_is_no_loss_is_refused_in_a_sentence() -> None:
    model, optimizer, read_outs = own()
    trained(model, optimizer, read_outs, range(3))
    live = model.weight.item()
    wrong: Any = 3.0
    with pytest.raises(AscError, match=r"is of type float: give a function that is called with the model"):
        read_outs.best(wrong).__enter__()
    with pytest.raises(AscError, match=r"answered a NoneType; expected a number, or a tensor of losses"):
        read_outs.best(lambda model: None).__enter__()  # type: ignore[arg-type,return-value]
    assert model.weight.item() == live


@pytest.mark.parametrize(
    ("state", "what"),
    [
        (None, "weights, spans, every, rank"),
        (own(spans=7)[2].state_dict(), "spans"),
        (own(every=2)[2].state_dict(), "every"),
    ],
)
def test_a_state_of_other_read_outs_is_refused(state: Any, what: str) -> None:
    with pytest.raises(AscError, match=f"does not suit these ones, because of their {what}: give what state_dict"):
        own()[2].load_state_dict(state)
