"""The device of a training, the precision of its forward passes, and its random states."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from asc.errors import AscError

Precision = Literal["auto", "fp32", "bf16"]
Autocast = Callable[[], AbstractContextManager[Any]]
"""Makes the context of a forward pass."""
_KINDS = ("cuda", "mps", "xpu")
"""Kinds of devices that torch knows, and this machine may lack."""
_WITHOUT = ("cpu", "meta")
"""Devices that have no generator of their own beside the CPU's."""
_PYTHON, _NUMPY = "python", "numpy"


def choose(name: str = "auto") -> torch.device:
    """Return the device of that name, `cpu`, `cuda`, `cuda:1` or `mps`; `auto` is the accelerator if there is one.

    Raises AscError if this machine, or this build of torch, has no such device.
    """
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    there = {"cpu": 1} if accelerator is None else {accelerator.type: torch.accelerator.device_count(), "cpu": 1}
    if name == "auto":
        name = next(iter(there))
    kind, _, number = name.partition(":")
    if (kind not in there and kind not in _KINDS) or (number and not number.isdecimal()):
        raise AscError(f"There is no kind of device {name!r}. Type auto, cpu, cuda, cuda:1 (a number), mps or xpu.")
    if int(number or 0) >= there.get(kind, 0):
        raise AscError(
            f"The device {name!r} was asked for, but this machine or this build of torch does not have it. "
            f"Available are: {', '.join(there)}. Type --device auto."
        )
    return torch.device(name)


def autocast(device: torch.device, precision: Precision = "auto") -> Autocast:
    """Return a maker of contexts for forward passes; `auto` is bfloat16 on CUDA devices that support it, else fp32.

    The weights, their gradients and the optimiser stay in fp32 in both cases.
    """
    if precision == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if able else "fp32"
    return partial(torch.autocast, device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext


def be_deterministic() -> None:
    """From now on, use only algorithms that give the same bits each time; torch warns about others.

    Call it before any computation on the device, because cuBLAS reads the environment when it starts.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    for fused in (  # attention kernels that split sums of gradients: torch only warns about them
        torch.backends.cuda.enable_flash_sdp,
        torch.backends.cuda.enable_mem_efficient_sdp,
        torch.backends.cuda.enable_cudnn_sdp,
    ):
        fused(False)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow, and not needed


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators, those of every device included."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def device_of(model: nn.Module) -> torch.device:
    """Return the device of the model's parameters; of the first one if they are on several."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def random_state(device: torch.device) -> dict[str, Any]:
    """Return the states of all generators: torch's as bytes on the CPU, by device kind, then Python's and numpy's."""
    state: dict[str, Any] = {"cpu": torch.get_rng_state()}
    if device.type not in _WITHOUT:
        state[device.type] = torch.get_device_module(device).get_rng_state(*_numbered(device))
    return {**state, _PYTHON: random.getstate(), _NUMPY: np.random.get_state()}


def set_random_state(state: Mapping[str, Any], device: torch.device) -> None:
    """Set the generators to what `random_state` returned; generators of other kinds of devices stay as they are."""
    torch.set_rng_state(state["cpu"].cpu())  # a checkpoint's tensors are on the device
    if device.type not in _WITHOUT and device.type in state:
        torch.get_device_module(device).set_rng_state(state[device.type].cpu(), *_numbered(device))
    random.setstate(state[_PYTHON])
    np.random.set_state(state[_NUMPY])


@contextmanager
def preserved_randomness(device: torch.device) -> Iterator[None]:
    """Within, anything may be drawn; afterwards all generators are as they were before, even when it raises."""
    state = random_state(device)
    try:
        yield
    finally:
        set_random_state(state, device)


def _numbered(device: torch.device) -> tuple[torch.device, ...]:
    """Return the device as an argument, for kinds of which a machine can have several."""
    return () if device.type == "mps" else (device,)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that a device, of any kind, had too little memory."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
