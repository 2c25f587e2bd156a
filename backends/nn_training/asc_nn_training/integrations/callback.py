"""Speculation in `transformers.Trainer`, by one added line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from time import perf_counter
from typing import Any

import torch
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from asc.errors import AscError, describe_error
from asc_nn_training.integrations import trainer_checkpoint
from asc_nn_training.integrations.objective import Objective, generates, given_objective, objective
from asc_nn_training.integrations.speculation import Speculation, require_settings
from asc_nn_training.integrations.tracking import tracked
from asc_nn_training.validators.gate import Loss, batch_size

_log = logging.getLogger(__name__)


class SpeculationCallback(TrainerCallback):
    """`trainer.add_callback(SpeculationCallback(trainer))`: leaps judged by what the trainer trains, on held-out data.

    By default, the gate is the beginning of the trainer's evaluation set, `gate_batches` batches of it, which then is
    not held out any more for reporting; or `gate` has batches of your own. They are judged by the trainer's own
    `compute_loss`, or by `loss(model, batch)`, or by `score(model, batch)`, such as a reward, of which higher is
    better. All other settings go to `Speculation`.

    `report()` says what happened. Each entry of the trainer's log that has the training loss gets the figures of
    `tracked`, such as `asc/acceptance_rate`. The callback writes its state into the trainer's checkpoints, and reads it
    from the checkpoint that `trainer.train` resumes from, so that the training speculates as if it had not stopped.
    Plugins' hooks are called from the first step to the end of the training.

    Raises AscError for what cannot work; what depends on the data, when the training begins.
    """

    def __init__(
        self,
        trainer: Trainer,
        gate: Iterable[Any] | None = None,
        gate_batches: int | None = None,
        *,
        loss: Loss | None = None,
        score: Loss | None = None,
        **settings: Any,
    ) -> None:
        _require_suitable(trainer, gate, gate_batches, loss, score)
        require_settings("SpeculationCallback", settings, ("model", "optimizer", "lr_scheduler", "total", "position"))
        self.speculation: Speculation | None = None
        self._trainer, self._gate, self._gate_batches, self._settings = trainer, gate, gate_batches, settings
        self._loss, self._score = loss, score
        self._resumed: Path | None = None  # the checkpoint that the present training began from
        self._losses: list[Tensor] = []  # of the present step, one a batch
        self._logged = 0  # leaps that the trainer's log has
        self._told = set[str]()  # warnings
        trainer.train = self._listening(trainer.train)  # type: ignore[method-assign]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Make the speculation from the trainer's model and optimiser."""
        self._require_alone()
        if self.speculation is not None:  # of a training that ended early, or with a larger batch
            self.speculation.close()
            self.speculation = None
        self._losses.clear()
        began = perf_counter()
        judged = self._objective(kwargs["model"])
        prepared = perf_counter() - began
        a_sample = sum(map(batch_size, judged.batches)) / max(1, len(judged.batches) * judged.a_batch)
        usual = {"step_size": max(1, round(a_sample * args.train_batch_size * args.gradient_accumulation_steps))}
        speculation = Speculation(
            kwargs["model"],
            kwargs["optimizer"],
            gate=judged.batches,
            loss=judged.loss if self._score is None else None,
            score=self._score,
            lr_scheduler=kwargs.get("lr_scheduler"),
            total=state.max_steps,
            position=state.global_step,
            **{**usual, **self._settings},
        )
        speculation.engine.ledger.start("rehearse", prepared)
        if judged.remark:
            speculation.monitor.warn(judged.remark)
        self._logged = 0
        if state.global_step:
            self._resume(speculation)
        self.speculation = speculation
        self._tell()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report the step to the speculation, which may leap."""
        if self.speculation is not None:
            scored = self._score is not None  # the training loss says nothing of how fast a score rises
            loss = None if scored or not self._losses else torch.stack(self._losses).sum()
            if self.speculation.step(loss) is not None:
                self._tell()
        self._losses.clear()

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the state of the speculation into the trainer's checkpoint. If that fails, the training continues."""
        if self.speculation is None:
            return
        folder = trainer_checkpoint.written_now(self._trainer, state.global_step)
        try:
            trainer_checkpoint.save(folder, self.speculation, self._logged, args.should_save)
        except Exception as error:  # noqa: BLE001 -- nothing that goes wrong here may end the training
            self.speculation.monitor.warn(
                f"The state of speculation could not be saved into {folder} ({describe_error(error)}). The training "
                "continues; if it is resumed from there, it begins with a fresh speculation."
            )
            self._tell()

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """End the speculation."""
        if self.speculation is not None:
            self.speculation.close()
            self._tell()

    def report(self) -> dict[str, Any]:
        """Return what happened, as `Speculation.report` does; empty before training."""
        return {} if self.speculation is None else self.speculation.report()

    def _listening(self, train: Callable[..., Any]) -> Callable[..., Any]:
        """Return `train`, during which the callback reads the training losses and adds to the trainer's log.

        The trainer does not show its callbacks the losses that it does not log.
        """
        trainer = self._trainer

        @wraps(train)
        def listening(*arguments: Any, **keywords: Any) -> Any:
            if self not in trainer.callback_handler.callbacks:
                return train(*arguments, **keywords)
            self._resumed = trainer_checkpoint.resumed_from(trainer, train, arguments, keywords)
            with _replaced(trainer, "training_step", self._noting), _replaced(trainer, "log", self._tracking):
                return train(*arguments, **keywords)

        return listening

    def _noting(self, training_step: Callable[..., Tensor]) -> Callable[..., Tensor]:
        def noting(*arguments: Any, **keywords: Any) -> Tensor:
            loss = training_step(*arguments, **keywords)
            self._losses.append(loss.detach().clone())
            return loss

        return noting

    def _tracking(self, log: Callable[..., None]) -> Callable[..., None]:
        def tracking(logs: Mapping[str, float], *arguments: Any, **keywords: Any) -> None:
            if self.speculation is not None and "loss" in logs:
                status = self.speculation.monitor.status()
                logs = {**logs, **tracked(status, leaps_before=self._logged)}
                self._logged = status.leaps
            log(logs, *arguments, **keywords)

        return tracking

    def _objective(self, model: nn.Module) -> Objective:
        """Return what judges: the function that was given, or what the trainer trains."""
        try:
            function = self._loss if self._score is None else self._score
            if function is None:
                return objective(self._trainer, model, self._gate, self._gate_batches)
            return given_objective(self._trainer, model, function, self._gate, self._gate_batches)
        except AscError:
            raise
        except Exception as error:
            made = "from the trainer's evaluation set" if self._gate is None else "as given"
            raise AscError(
                f"The gate, {made}, could not be evaluated: {describe_error(error)}. Each entry of a gate is a batch "
                "that the model takes, as a DataLoader gives them, not a single sample."
            ) from error

    def _resume(self, speculation: Speculation) -> None:
        logged = None if self._resumed is None else trainer_checkpoint.restore(self._resumed, speculation)
        if logged is None:
            speculation.monitor.warn(
                f"The checkpoint {self._resumed or ''} has no state of speculation, so the training resumes with a "
                "fresh speculation."
            )
        self._logged = logged or 0

    def _require_alone(self) -> None:
        callbacks = self._trainer.callback_handler.callbacks
        if [callback for callback in callbacks if isinstance(callback, SpeculationCallback)] != [self]:
            raise AscError(
                "A SpeculationCallback works in the trainer that it was made for, and as the only one there: call "
                "trainer.add_callback(SpeculationCallback(trainer)) once."
            )

    def _tell(self) -> None:
        """Log warnings when they arise, on the first rank."""
        for warning in self.report()["warnings"]:
            if warning not in self._told and self._trainer.is_world_process_zero():
                _log.warning(warning)
            self._told.add(warning)


@contextmanager
def _replaced(trainer: Trainer, name: str, change: Callable[[Any], Any]) -> Iterator[None]:
    """Replace a method of this one trainer, for a time."""
    own = vars(trainer).get(name)
    setattr(trainer, name, change(getattr(trainer, name)))
    try:
        yield
    finally:
        if own is None:
            delattr(trainer, name)
        else:
            setattr(trainer, name, own)


def _require_suitable(trainer: object, gate: object, gate_batches: int | None, loss: object, score: object) -> None:
    if not isinstance(trainer, Trainer):
        raise AscError(
            f"SpeculationCallback(trainer) was given a {type(trainer).__name__}: give the transformers.Trainer whose "
            "training is to be speculated on."
        )
    if gate_batches is not None and gate_batches < 2:
        raise AscError(f"gate_batches is {gate_batches}: give 2 or more, or leave it out.")
    if loss is not None and score is not None:
        raise AscError("The gate is judged by one function: give SpeculationCallback either loss= or score=.")
    if loss is None and score is None and generates(trainer):
        raise AscError(
            f"{type(trainer).__name__} trains on texts that the model generates, so it has no loss on held-out data. "
            "Give a score, of which higher is better: SpeculationCallback(trainer, score=score), where "
            "score(model, rows) returns a tensor with one number a row, such as the reward of a generated answer."
        )
    if gate is None and trainer.eval_dataset is None:
        raise AscError(
            "SpeculationCallback judges on held-out batches, and the trainer has no eval_dataset: give it one, or "
            "give the callback a gate=[...]."
        )
