"""A stand-in for a Lightning module: it computes losses like the module, and what it writes down is its own."""

from __future__ import annotations

from types import MethodType
from typing import Any, cast

from lightning.pytorch import LightningModule
from torch import Tensor, nn
from torchmetrics import Metric

from asc_nn_training.integrations.records import own_records

_BEFORE = "original_"  # Lightning's name for a step before it was compiled begins so


def stand_in(module: nn.Module) -> LightningModule:
    """Return a module with the same weights, buffers and trainer, and with its own records.

    Modules log, count, collect outputs and update metrics while they compute a loss. The stand-in logs nothing. Its
    metrics, and its own numbers, tensors, lists, dictionaries and sets, are copies. Other objects are shared. Steps
    that Lightning has compiled for the module are those before, because the compiled ones are bound to the module.
    """
    made = _twin(module)
    for name, value in vars(module).items():
        if isinstance(value, MethodType) and value.__self__ is module:
            vars(made)[name] = MethodType(value.__func__, made)
        else:
            vars(made)[name] = value.clone() if isinstance(value, Tensor) else own_records(value)
    for name, step in (getattr(module, "_compiler_ctx", None) or {}).items():
        if isinstance(step, MethodType) and name.startswith(_BEFORE):
            vars(made)[name.removeprefix(_BEFORE)] = MethodType(step.__func__, made)
    vars(made)["_modules"] = {name: _with_own_metrics(child) for name, child in module._modules.items()}
    vars(made)["log"] = vars(made)["log_dict"] = _silent
    return cast(LightningModule, made)


def _with_own_metrics(module: nn.Module | None) -> nn.Module | None:
    """Return a module as it is; with copies of the metrics in it, if there are any."""
    if module is None or isinstance(module, Metric):
        return None if module is None else module.clone()
    children = {name: _with_own_metrics(child) for name, child in module._modules.items()}
    if all(children[name] is child for name, child in module._modules.items()):
        return module
    made = _twin(module)
    vars(made)["_modules"] = children
    return made


def _twin(module: nn.Module) -> nn.Module:
    """Return a module of the same class with the same content; Lightning's own copies lose the trainer."""
    made: nn.Module = object.__new__(type(module))
    vars(made).update(vars(module))
    return made


def _silent(*arguments: Any, **keywords: Any) -> None:
    """Log nothing."""
