"""Where training runs: the device, the precision of its forward passes, and its random states."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from asc.errors import AscError

Precision = Literal["auto", "fp32", "bf16"]
Autocast = Callable[[], AbstractContextManager[Any]]
"""Makes the context in which a forward pass is taken."""


def choose(name: str = "auto") -> torch.device:
    """Return the device of that name, `cpu`, `cuda`, `cuda:1` or `mps`; `auto` takes the first accelerator there is.

    Raises AscError where this machine, or this build of torch, has no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    kind, _, number = name.partition(":")
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if kind not in there or (number and not number.isdecimal()):
        raise AscError(f"There is no kind of device {name!r}. Name auto, cpu, cuda, cuda:1 (a number) or mps.")
    if int(number or 0) >= there[kind]:
        usable = ", ".join(kind for kind, count in there.items() if count)
        raise AscError(
            f"The device {name!r} was asked for, but this machine or this build of torch has no such one. "
            f"Here there is: {usable}. Use --device auto."
        )
    return torch.device(name)


def autocast(device: torch.device, precision: Precision = "auto") -> Autocast:
    """Return what makes the context of a forward pass; `auto` is bfloat16 on CUDA where it can, fp32 elsewhere.

    The weights, their gradients and the optimiser stay in fp32 either way.
    """
    if precision == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported()
        precision = "bf16" if able else "fp32"
    return partial(torch.autocast, device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators, those of every device included."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def device_of(model: nn.Module) -> torch.device:
    """Return where the model's parameters lie; the first one's place where they lie in several."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's generators for a computation on this device: bytes, by kind of device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    elif device.type == "mps":
        state["mps"] = torch.mps.get_rng_state()
    return state


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the generators back to where `random_state` found them; those of another kind of device are left alone."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
    elif device.type == "mps" and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was too little memory, on whatever device."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
