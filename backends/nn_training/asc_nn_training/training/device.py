"""Where training runs: the device, the precision of its forward passes, and its random states."""

from __future__ import annotations

import os
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
_KINDS = ("cuda", "mps", "xpu")
"""Devices that other machines have."""
_WITHOUT = ("cpu", "meta")
"""Devices without a generator beside the CPU's."""


def choose(name: str = "auto") -> torch.device:
    """Return the device of that name, `cpu`, `cuda`, `cuda:1` or `mps`; `auto` takes the accelerator if there is one.

    Raises AscError where this machine, or this build of torch, has no such device.
    """
    accelerator = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    there = {"cpu": 1} if accelerator is None else {accelerator.type: torch.accelerator.device_count(), "cpu": 1}
    if name == "auto":
        name = next(iter(there))
    kind, _, number = name.partition(":")
    if (kind not in there and kind not in _KINDS) or (number and not number.isdecimal()):
        raise AscError(f"There is no kind of device {name!r}. Name auto, cpu, cuda, cuda:1 (a number), mps or xpu.")
    if int(number or 0) >= there.get(kind, 0):
        raise AscError(
            f"The device {name!r} was asked for, but this machine or this build of torch has no such one. "
            f"Here there is: {', '.join(there)}. Use --device auto."
        )
    return torch.device(name)


def autocast(device: torch.device, precision: Precision = "auto") -> Autocast:
    """Return what makes the context of a forward pass; `auto` is bfloat16 on CUDA where it can, fp32 elsewhere.

    The weights, their gradients and the optimiser stay in fp32 either way.
    """
    if precision == "auto":
        able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        precision = "bf16" if able else "fp32"
    return partial(torch.autocast, device.type, dtype=torch.bfloat16) if precision == "bf16" else nullcontext


def be_deterministic() -> None:
    """From now on, let this process take only algorithms that give the same bits each time; torch warns of others.

    To be called before anything is computed on the device: cuBLAS reads its part from the environment at its start.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    for fused in (  # kernels of attention whose gradients' sums are split, of which torch only warns
        torch.backends.cuda.enable_flash_sdp,
        torch.backends.cuda.enable_mem_efficient_sdp,
        torch.backends.cuda.enable_cudnn_sdp,
    ):
        fused(False)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # slow; no result needs it


def seed_everything(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators, those of every device included."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def device_of(model: nn.Module) -> torch.device:
    """Return where the model's parameters lie; the first one's place where they lie in several."""
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def random_state(device: torch.device) -> dict[str, Tensor]:
    """Return the states of torch's generators for a computation on this device: bytes on the CPU, by kind of device."""
    state = {"cpu": torch.get_rng_state()}
    if device.type not in _WITHOUT:
        state[device.type] = torch.get_device_module(device).get_rng_state(*_numbered(device))
    return state


def set_random_state(state: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the generators back to where `random_state` found them; those of another kind of device are left alone."""
    torch.set_rng_state(state["cpu"].cpu())  # a checkpoint is read onto the device
    if device.type not in _WITHOUT and device.type in state:
        torch.get_device_module(device).set_rng_state(state[device.type].cpu(), *_numbered(device))


def _numbered(device: torch.device) -> tuple[torch.device, ...]:
    """The device, for modules whose kind of device there can be several of."""
    return () if device.type == "mps" else (device,)


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was too little memory, on whatever device."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate memory" in str(error)
