"""Speculation in a `transformers.Trainer`, by one added line."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from asc.errors import AscError
from asc_nn_training.integrations.speculation import Speculation, unwrapped
from asc_nn_training.training import checkpoint
from asc_nn_training.training.device import random_state, set_random_state
from asc_nn_training.validators.gate import batch_size


class SpeculationCallback(TrainerCallback):
    """`trainer.add_callback(SpeculationCallback(trainer))`: leaps judged on batches of the trainer's evaluation set.

    `gate` gives held-out batches of one's own, mappings of the model's arguments; by default they are the first
    `gate_batches` of the evaluation set, which then no longer is held out for the purpose of reporting. Everything else
    goes to `Speculation`. `report()` tells what was done. The trainer's checkpoints get a folder with its state, from
    which a resumed training goes on.
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
        self._losses: list[Tensor] = []  # of the step under way, one a batch
        self._listen(trainer)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Build the speculation around the trainer's model and optimiser."""
        model = unwrapped(kwargs["model"])
        device = next(model.parameters()).device
        gate = self._held_out(device) if self._gate is None else self._gate
        moved = [{key: _to(value, device) for key, value in batch.items()} for batch in gate]
        a_sample = batch_size(moved[0]) / max(1, len(next(iter(moved[0].values()))))
        usual = {"step_size": max(1, round(a_sample * args.train_batch_size * args.gradient_accumulation_steps))}
        self.speculation = Speculation(
            model,
            kwargs["optimizer"],
            gate=moved,
            loss=batch_losses,
            scheduler=kwargs.get("lr_scheduler"),
            total=state.max_steps,
            position=state.global_step,
            **{**usual, **self._settings},
        )
        if state.global_step:
            found = checkpoint.load(_folder(args, state), self.speculation.computation.training.device)
            if found is not None:
                self.speculation.load_state_dict(found[1])
            else:
                self.speculation.warnings.append("The trainer's checkpoint holds no speculation, so it begins anew.")

    def _held_out(self, device: torch.device) -> list[Mapping[str, Any]]:
        """The first batches of the evaluation set; the generator is put back, since a loader draws its seed from it."""
        drawn = random_state(device)
        try:
            return list(islice(self._trainer.get_eval_dataloader(), self._gate_batches))
        finally:
            set_random_state(drawn, device)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Take note of the step, and leap where it is time."""
        if self.speculation is not None:
            self.speculation.step(torch.stack(self._losses).sum() if self._losses else None)
        self._losses.clear()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write what it takes to go on beside the trainer's own checkpoint."""
        if self.speculation is not None and state.is_world_process_zero:
            checkpoint.save(_folder(args, state), self.speculation.position, self.speculation.state_dict())

    def report(self) -> dict[str, Any]:
        """What was done, as `Speculation.report`; empty before training."""
        return {} if self.speculation is None else self.speculation.report()

    def _listen(self, trainer: Trainer) -> None:
        """Note each batch's loss, which the trainer tells its callbacks only where it logs."""
        step, losses = trainer.training_step, self._losses

        def training_step(*arguments: Any, **keywords: Any) -> Tensor:
            loss: Tensor = step(*arguments, **keywords)
            losses.append(loss.detach())
            return loss

        trainer.training_step = training_step  # type: ignore[method-assign]


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / "asc"


def batch_losses(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return one loss a sequence, (n,), where that adds up to the model's own loss, else the batch's, (1,).

    Tokens with the label -100, such as padding, never count. Labels are shifted by one for models that predict the next
    token and not for others; which of them a model is, its own loss tells.
    """
    output = model(**batch)
    own: Tensor = output.loss
    labels, logits = batch.get("labels"), getattr(output, "logits", None)
    if labels is None or logits is None or logits.ndim != 3 or labels.shape != logits.shape[:2]:
        return own.reshape(1)
    for shift in (1, 0):
        targets = labels[:, shift:]
        scores = logits[:, : targets.shape[1]].float()
        flat = functional.cross_entropy(scores.flatten(0, 1), targets.flatten(), reduction="none", ignore_index=-100)
        sums, counted = flat.view(targets.shape).sum(1), (targets != -100).sum(1)
        whole = sums.sum() / counted.sum().clamp(min=1)
        if torch.isclose(whole, own.float(), rtol=1e-2, atol=1e-3):
            losses: Tensor = sums / counted.clamp(min=1)
            return losses
    return own.reshape(1)


def _to(value: Any, device: torch.device) -> Any:
    return value.to(device) if isinstance(value, Tensor) else value
