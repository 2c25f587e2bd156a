"""Speculation in `transformers.Trainer`, by one added line."""

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

    `gate` is a list of your own held-out batches, mappings of the model's arguments. By default it is the first
    `gate_batches` batches of the evaluation set, which then is not held out any more for reporting. All other settings
    go to `Speculation`. `report()` says what happened. The callback writes its state into the trainer's checkpoints, so
    that a resumed training speculates as if it had not stopped. Plugins' hooks are called from the first step to the
    end of the training.
    """

    def __init__(
        self, trainer: Trainer, gate: list[Mapping[str, Any]] | None = None, gate_batches: int = 8, **settings: Any
    ) -> None:
        if gate is None and trainer.eval_dataset is None:
            raise AscError(
                "SpeculationCallback judges on held-out batches, and the trainer has no eval_dataset: give it one, or "
                "give the callback a gate=[...]."
            )
        self._trainer, self._gate, self._gate_batches, self._settings = trainer, gate, gate_batches, settings
        self.speculation: Speculation | None = None
        self._losses: list[Tensor] = []  # of the present step, one a batch
        self._listen(trainer)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Make the speculation from the trainer's model and optimiser."""
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
            lr_scheduler=kwargs.get("lr_scheduler"),
            total=state.max_steps,
            position=state.global_step,
            **{**usual, **self._settings},
        )
        if state.global_step:
            found = checkpoint.load(_folder(args, state), self.speculation.computation.training.device)
            if found is not None:
                self.speculation.load_state_dict(found[1])
            else:
                self.speculation.monitor.warn("The trainer's checkpoint has no speculation state to resume from.")

    def _held_out(self, device: torch.device) -> list[Mapping[str, Any]]:
        """Return the first batches of the evaluation set. The loader draws a seed, so the generator is put back."""
        drawn = random_state(device)
        try:
            return list(islice(self._trainer.get_eval_dataloader(), self._gate_batches))
        finally:
            set_random_state(drawn, device)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report the step to the speculation, which may leap."""
        if self.speculation is not None:
            self.speculation.step(torch.stack(self._losses).sum() if self._losses else None)
        self._losses.clear()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the state of the speculation into the trainer's checkpoint."""
        if self.speculation is not None and state.is_world_process_zero:
            checkpoint.save(_folder(args, state), self.speculation.position, self.speculation.state_dict())

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the speculation."""
        if self.speculation is not None:
            self.speculation.close()

    def report(self) -> dict[str, Any]:
        """Return what happened, as `Speculation.report` does; empty before training."""
        return {} if self.speculation is None else self.speculation.report()

    def _listen(self, trainer: Trainer) -> None:
        """Note each batch's loss, which the trainer passes to its callbacks only if it logs."""
        step, losses = trainer.training_step, self._losses

        def training_step(*arguments: Any, **keywords: Any) -> Tensor:
            loss: Tensor = step(*arguments, **keywords)
            losses.append(loss.detach())
            return loss

        trainer.training_step = training_step  # type: ignore[method-assign]


def _folder(args: TrainingArguments, state: TrainerState) -> Path:
    return Path(str(args.output_dir)) / f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}" / "asc"


def batch_losses(model: nn.Module, batch: Mapping[str, Any]) -> Tensor:
    """Return one loss a sequence, (n,), if they agree with the model's own loss, else the batch's loss, (1,).

    Tokens with the label -100, such as padding, never count. Labels are shifted by one for models that predict the next
    token, and not shifted for others; the model's own loss shows which kind it is.
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
