"""A stand-in for a trainer: it computes losses as the trainer does, and what it writes down is not the trainer's."""

from __future__ import annotations

from copy import copy
from types import MethodType
from typing import Any

from transformers import Trainer

from asc_nn_training.integrations.records import own_records

_DATA = ("train_dataset", "eval_dataset")  # may be long lists, which no loss changes


def stand_in(trainer: Trainer) -> Trainer:
    """Return a trainer with the same model, data and settings, and with its own records.

    Trainers count tokens, collect metrics and log while they compute a loss. What the stand-in counts and collects in
    numbers, dictionaries, lists, sets and deques is its own, and it logs nothing. Other objects are shared.
    """
    made = object.__new__(type(trainer))
    for name, value in vars(trainer).items():
        if isinstance(value, MethodType) and value.__self__ is trainer:
            setattr(made, name, MethodType(value.__func__, made))
        else:
            setattr(made, name, value if name in _DATA else own_records(value))
    made.args, made.state = copy(trainer.args), copy(trainer.state)
    made.args._n_gpu = min(1, trainer.args.n_gpu)  # one replica evaluates
    made.args.average_tokens_across_devices = False  # each rank's loss is its own
    made.log = _silent  # type: ignore[method-assign]
    made.current_gradient_accumulation_steps = 1
    return made


def _silent(*arguments: Any, **keywords: Any) -> None:
    """Log nothing."""
