"""The start of a training in several processes, by torchrun: join the process group, and choose a device for each."""

from __future__ import annotations

import atexit
import os

import torch
from torch import distributed

from asc.errors import AscError
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.device import choose

_NEEDED = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
"""What torchrun puts into the environment of each process, beside WORLD_SIZE."""


class Launched(Ranks):
    """The ranks of this command, which know how to start it. They decide by messages between CPUs (gloo)."""

    @property
    def command(self) -> tuple[str, ...]:
        """The words that start `asc` in all of the processes."""
        if self.count == 1:
            return super().command
        here = _number("LOCAL_WORLD_SIZE", self.count)
        nodes = ("--nnodes", str(self.count // here)) if self.count > here else ()
        return ("torchrun", *nodes, "--nproc-per-node", str(here), "-m", "asc")


def join(device: str) -> Launched:
    """Join the processes that torchrun has started, once; without torchrun, or with one process, nothing happens.

    `device` is as for `local_device`. The group is left when this process ends. Raises AscError if the environment or
    the devices do not suit.
    """
    count = _number("WORLD_SIZE", 1)
    if count > 1 and not distributed.is_initialized():
        missing = [name for name in _NEEDED if not os.environ.get(name)]
        if missing:
            raise AscError(
                f"WORLD_SIZE is {count} in the environment, but {' and '.join(missing)} are missing. Start several "
                "processes with torchrun --nproc-per-node N -m asc run nn_training ..., or one with WORLD_SIZE unset."
            )
        own = local_device(device)
        backend = "gloo"
        if own.type != "cpu":
            torch.accelerator.set_device_index(own.index)
            backend = f"cpu:gloo,{own.type}:{distributed.get_default_backend_for_device(own)}"
        try:
            distributed.init_process_group(backend, device_id=None if own.type == "cpu" else own)
        except (RuntimeError, ValueError) as error:
            raise AscError(
                f"The {count} processes could not join ({_first_line(error)}): look at the output of the others, and "
                "start all of them again."
            ) from error
        atexit.register(_leave)
    return Launched()


def local_device(name: str) -> torch.device:
    """Return the device of this process: with several processes on a machine, each has an accelerator of its own.

    `name` is as for `choose`; with several processes it has no number. Raises AscError if there are too few devices.
    """
    device = choose(name)
    if _number("WORLD_SIZE", 1) == 1 or device.type == "cpu":
        return device
    if ":" in name:
        raise AscError(
            f"--device {name} is one device, and each of several processes needs its own: type --device {device.type}."
        )
    processes, devices = _number("LOCAL_WORLD_SIZE", 1), torch.accelerator.device_count()
    if processes > devices:
        raise AscError(
            f"{processes} processes were started on a machine with {devices} {device.type} devices: start "
            f"{devices} with --nproc-per-node {devices}, or train on the CPU with --device cpu."
        )
    return torch.device(device.type, _number("LOCAL_RANK", 0))


def _number(name: str, default: int) -> int:
    """Return a whole number from the environment. Raises AscError for anything else."""
    given = os.environ.get(name) or str(default)
    if not given.isdecimal():
        raise AscError(
            f"{name} is {given!r} in the environment; expected a whole number, as torchrun sets it. Unset {name} to "
            "train in one process."
        )
    return int(given)


def _leave() -> None:
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
