"""The network: it reads the last values of one weight, and answers how the weight will change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from asc import AscError

LOOK_BACK = 5  # values of a weight
_FORMAT = {"format": "asc-nino 1"}  # one entry: several are written in any order
_HIDDEN = 32


class Network:
    """Three layers without biases, with tanh between them: 4 -> 32 -> 32 -> one output for each superstep ahead.

    Inputs are the differences of a weight's older values to the newest one, outputs its changes 1, 2, ... supersteps
    later, both in units of the standard deviation of these values. So a past that is scaled or mirrored has a future
    that is scaled or mirrored, and what has not moved stays. All weights share the network. The source is the WNN+
    model of NiNo (Knyazev et al., ICLR 2025), which leaves out the graph of neurons. Its inputs are scaled otherwise.
    """

    def __init__(self, layers: Sequence[Tensor]) -> None:
        self.layers = list(layers)

    @classmethod
    def drawn(cls, ahead: int, generator: torch.Generator) -> Network:
        """Return a network with random layers."""
        sizes = (LOOK_BACK - 1, _HIDDEN, _HIDDEN, ahead)
        shapes = zip(sizes[1:], sizes[:-1], strict=True)
        return cls([torch.randn(out, into, generator=generator) / math.sqrt(into) for out, into in shapes])

    @property
    def ahead(self) -> int:
        """Supersteps that it looks ahead at most."""
        return len(self.layers[-1])

    def __call__(self, inputs: Tensor) -> Tensor:
        """Return the changes, (weights, ahead), for inputs, (weights, 4), both scaled."""
        *hidden, last = self.layers
        for layer in hidden:
            inputs = torch.tanh(inputs @ layer.T)
        return inputs @ last.T

    def blended(self, shares: Tensor, device: torch.device) -> Network:
        """Return the network on a device, with one output: the sum of its outputs with these shares, (ahead,)."""
        *hidden, last = self.layers
        return Network([layer.to(device) for layer in (*hidden, shares[None] @ last)])

    def save(self, path: Path) -> None:
        """Write it as safetensors. Raises AscError where the file cannot be written."""
        tensors = {f"layer.{number}": layer.detach().contiguous() for number, layer in enumerate(self.layers)}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            save_file(tensors, path, metadata=_FORMAT)
        except (OSError, SafetensorError) as error:
            raise AscError(f"The network cannot be written to {path} ({error}): give another --out.") from error

    @classmethod
    def load(cls, path: Path) -> Network:
        """Read what `save` wrote. Raises AscError where there is no such file, or another one."""
        if not path.is_file():
            raise AscError(
                f"There is no file {path}, in which nino-mlp's network is expected: train one with "
                f"`python -m asc_nino.train RUN --out {path.name}`, or name another file by the setting weights."
            )
        try:
            with safe_open(path, framework="pt") as file:
                found = file.metadata()
                layers = [file.get_tensor(f"layer.{number}") for number in range(3)] if found == _FORMAT else []
        except (OSError, SafetensorError) as error:
            raise _no_network(path, str(error)) from error
        if not layers:
            raise _no_network(path, f"its metadata is {found}, not {_FORMAT}")
        return cls(layers)


def scaled(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return a network's inputs and the unit of each weight from values, (weights, 5), oldest first.

    A weight that has not moved has the unit 0 and inputs of 0.
    """
    differences = values[:, :-1] - values[:, -1:]
    unit = values.std(1, correction=0, keepdim=True)
    return torch.where(unit > 0, differences / unit, 0), unit


def _no_network(path: Path, why: str) -> AscError:
    return AscError(
        f"The file {path} holds no network of nino-mlp ({why}); expected one that `python -m asc_nino.train` wrote."
    )
