"""What a pass over held-out data may leave in a model beside weights and buffers, where nothing restores it."""

from __future__ import annotations

import random
from collections.abc import Mapping
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch import nn

_ABSENT = object()


class HiddenState:
    """The gradients of a model, and the numbers and random generators that its modules keep as attributes."""

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._attributes = _attributes(model)
        self._gradients = _gradients(model)

    def changed(self) -> list[str]:
        """Return the names of the attributes that have changed since."""
        now = _attributes(self._model)
        names = [*self._attributes, *(name for name in now if name not in self._attributes)]
        return [name for name in names if now.get(name, _ABSENT) != self._attributes.get(name, _ABSENT)]

    def has_new_gradients(self) -> bool:
        """Whether gradients have been computed since. Those of weights that had none are taken away again."""
        new = _gradients(self._model) != self._gradients
        for (name, _), parameter in zip(self._gradients, self._model.parameters(), strict=True):
            if name is None:
                parameter.grad = None
        return new


def _attributes(model: nn.Module) -> Mapping[str, Any]:
    return {
        f"{prefix}.{name}" if prefix else name: _content(value)
        for prefix, module in model.named_modules()
        for name, value in vars(module).items()
        if isinstance(value, Number | torch.Generator | random.Random | np.random.Generator)
    }


def _content(value: Any) -> Any:
    """Return what can be compared with a later state of the same attribute."""
    if isinstance(value, torch.Generator):
        return value.get_state().numpy().tobytes()
    if isinstance(value, random.Random):
        return value.getstate()
    return repr(value.bit_generator.state) if isinstance(value, np.random.Generator) else value


def _gradients(model: nn.Module) -> list[tuple[int | None, int]]:
    """Return which gradient each weight has, and how often that has changed in place."""
    gradients = [parameter.grad for parameter in model.parameters()]
    return [(None, 0) if each is None else (id(each), each._version) for each in gradients]
