"""Speculation in a `transformers.Trainer`, by one added line."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from asc.errors import AscError
from asc_nn_training.speculation import Speculation, unwrapped


class SpeculationCallback(TrainerCallback):
    """`trainer.add_callback(SpeculationCallback(trainer))`: leaps judged on batches of the trainer's evaluation set.

    `gate` gives held-out batches of one's own, mappings of the model's arguments; by default they are the first
    `gate_batches` of the evaluation set, which then no longer is held out for the purpose of reporting. Everything else
    goes to `Speculation`. `report()` tells what was done. Its state is not saved with the trainer's checkpoints: a
    resumed training speculates anew.
    """

    def __init__(
        self, trainer: Trainer, gate: list[Mapping[str, Any]] | None = None, gate_batches: int = 8, **settings: Any
    ) -> None:
        if gate is None and trainer.eval_dataset is None:
            raise AscError(
                "SpeculationCallback judges on held-out batches, and the trainer has no eval_dataset: give it one, or "
                "give the callback a gate."
            )
        self._trainer, self._gate, self._gate_batches, self._settings = trainer, gate, gate_batches, settings
        self.speculation: Speculation | None = None

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Build the speculation around the trainer's model and optimiser."""
        model, gate = unwrapped(kwargs["model"]), self._gate
        if gate is None:
            gate = list(islice(self._trainer.get_eval_dataloader(), self._gate_batches))
        device = next(model.parameters()).device
        moved = [{key: _to(value, device) for key, value in batch.items()} for batch in gate]
        self.speculation = Speculation(
            model,
            kwargs["optimizer"],
            gate=moved,
            loss=batch_losses,
            scheduler=kwargs.get("lr_scheduler"),
            total=state.max_steps,
            **self._settings,
        )

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Take note of the step, and leap where it is time."""
        if self.speculation is not None:
            logged = next((entry["loss"] for entry in reversed(state.log_history) if "loss" in entry), None)
            self.speculation.step(logged if logged is not None else None)

    def report(self) -> dict[str, Any]:
        """What was done, as `Speculation.report`; empty before training."""
        return {} if self.speculation is None else self.speculation.report()


def batch_losses(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return one loss a sequence where the labels are tokens, else the batch's mean, (n,); padding never counts."""
    output = model(**batch)
    labels, logits = batch.get("labels"), getattr(output, "logits", None)
    if labels is None or logits is None or labels.shape != logits.shape[:2]:
        mean: Tensor = output.loss
        return mean.reshape(1)
    targets = labels[:, 1:]
    flat = torch.nn.functional.cross_entropy(
        logits[:, :-1].float().flatten(0, 1), targets.flatten(), reduction="none", ignore_index=-100
    )
    counted = (targets != -100).sum(1).clamp(min=1)
    losses: Tensor = flat.view(targets.shape).sum(1) / counted
    return losses


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
