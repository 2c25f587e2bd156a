"""Devices by name, and the states of generators on them."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
import torch

from asc.errors import AscError
from asc_nn_training.training.device import autocast, choose, random_state, set_random_state


def found(monkeypatch: pytest.MonkeyPatch, kind: str, count: int) -> None:
    """Let torch find so many accelerators of a kind."""
    monkeypatch.setattr(torch.accelerator, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda: torch.device(kind))
    monkeypatch.setattr(torch.accelerator, "device_count", lambda: count)


@pytest.mark.parametrize("kind", ["cuda", "mps", "xpu"])
def test_the_accelerator_is_taken_if_there_is_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, kind, 2)
    assert choose().type == choose("auto").type == choose(kind).type == kind
    assert choose(f"{kind}:1") == torch.device(kind, 1)
    assert choose("cpu") == torch.device("cpu")
    with pytest.raises(AscError, match=f"Available are: {kind}, cpu. Type --device auto"):
        choose(f"{kind}:2")


def test_the_cpu_is_taken_without_an_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    found(monkeypatch, "cuda", 0)
    assert choose() == torch.device("cpu")
    for name in ("cuda", "cuda:0", "mps"):
        with pytest.raises(AscError, match=f"The device '{name}' was asked for"):
            choose(name)


@pytest.mark.parametrize("name", ["gpu", "cuda:one", "", "cuda:-1"])
def test_a_name_that_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(AscError, match="There is no kind of device"):
        choose(name)


def test_generators_are_restored_from_states_on_any_device(monkeypatch: pytest.MonkeyPatch) -> None:
    """A checkpoint is read onto the device, and torch needs the states on the CPU."""

    class Module:
        given: Any = None

        def get_rng_state(self, device: torch.device) -> torch.Tensor:
            return torch.arange(8, dtype=torch.uint8)

        def set_rng_state(self, state: torch.Tensor, device: torch.device) -> None:
            self.given = state, device

    class Elsewhere(torch.Tensor):
        """A tensor that notes when it is copied to the CPU."""

    module, device = Module(), torch.device("cuda", 0)
    monkeypatch.setattr(torch, "get_device_module", lambda _: module)
    state = random_state(device)
    assert state.keys() == {"cpu", "cuda", "python", "numpy"}
    first = torch.rand(3), random.random(), np.random.rand()
    brought = list[int]()
    monkeypatch.setattr(Elsewhere, "cpu", lambda self: brought.append(1) or torch.Tensor(self).to(torch.uint8))
    moved = {kind: state[kind].as_subclass(Elsewhere) for kind in ("cpu", "cuda")}
    set_random_state(state | moved, device)
    assert torch.equal(torch.rand(3), first[0])
    assert (random.random(), np.random.rand()) == first[1:]
    assert len(brought) == 2
    assert module.given[1] == device


def test_the_meta_device_has_no_generator() -> None:
    state = random_state(torch.device("meta"))
    assert state.keys() == {"cpu", "python", "numpy"}
    set_random_state(state, torch.device("meta"))


def test_forward_passes_are_in_fp32_on_a_cpu_by_default() -> None:
    layer, given = torch.nn.Linear(4, 4), torch.randn(2, 4)
    for precision, dtype in (("auto", torch.float32), ("fp32", torch.float32), ("bf16", torch.bfloat16)):
        with autocast(torch.device("cpu"), precision)():  # type: ignore[arg-type]
            assert layer(given).dtype == dtype
