"""Texts of prompts while `transformers.Trainer` trains, by one added line."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from pathlib import Path
from time import perf_counter
from typing import Any

from torch import nn
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.integration_utils import TensorBoardCallback

from asc.config.validate import validate
from asc.errors import AscError, describe_error
from asc.records.folders import read_json, write_json
from asc.records.texts import TextsAt
from asc_nn_training.generation.checkpoints import CheckpointTexts
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.texts import TextCache
from asc_nn_training.integrations import trainer_checkpoint
from asc_nn_training.training.board import as_markdown

_log = logging.getLogger(__name__)
_FILE = "asc-texts.json"  # in a trainer's checkpoint


class TextsCallback(TrainerCallback):
    """`trainer.add_callback(TextsCallback(trainer, prompts))`: continues the prompts by the weights, while they train.

    There are texts every `every` steps, and at the end: those of `SpeculativeGeneration`, with drafts from the texts
    before. The tokenizer is the trainer's own, unless another is given. `sampling` is a `Sampling`, or a table of its
    settings. With a `cache`, a file or a `TextCache`, a later training begins with the drafts of this one.

    `texts` has all texts so far, and `report()` what drafts were worth. The trainer's log gets figures such as
    `asc/texts/acceptance_rate`, and its TensorBoard the texts. The callback writes its state into the trainer's
    checkpoints, and reads it from the checkpoint that `trainer.train` resumes from. Of several processes, the first
    generates, and the others wait.

    Raises AscError for settings that cannot work; for models and prompts that do not fit, when the training begins.
    What goes wrong later is a warning, and ends no training.
    """

    def __init__(
        self,
        trainer: Trainer,
        prompts: Sequence[str],
        tokenizer: Any | None = None,
        *,
        every: int = 50,
        sampling: Sampling | Mapping[str, Any] | None = None,
        cache: TextCache | str | Path | None = None,
    ) -> None:
        tokenizer = _require_suitable(trainer, prompts, tokenizer, every)
        self.texts: list[TextsAt] = []
        """The texts of each position, oldest first; their seconds are those since the training began or resumed."""
        given = sampling if isinstance(sampling, Sampling) else validate(Sampling, sampling or {})
        cache = cache if isinstance(cache, TextCache) else TextCache(cache)
        made = partial(CheckpointTexts, prompts, tokenizer, every=every, sampling=given, cache=cache)
        self._make: Callable[[], CheckpointTexts] = made
        self._own = made()
        self._trainer = trainer
        self._resumed: Path | None = None  # the checkpoint that the present training began from
        self._began = perf_counter()
        self._told = set[str]()
        trainer.train = self._listening(trainer.train)  # type: ignore[method-assign]

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """See that the model can continue the prompts."""
        _require_whole(self._trainer)
        self.texts, self._own, self._began = [], self._make(), perf_counter()
        if state.is_world_process_zero:
            if state.global_step:
                self._restore()
            self._own.require(kwargs["model"])

    def on_optimizer_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Add up the learning rates, by which the generation knows how far the weights have moved."""
        self._own.moved += float(kwargs["optimizer"].param_groups[0]["lr"])

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Generate texts, if they are due."""
        ended = state.global_step >= state.max_steps or control.should_training_stop
        entry = self._generate(kwargs["model"], state, ended)
        if entry is None:
            return
        names = ("acceptance_rate", "mean_accepted_length", "passes_saved", "seconds")
        found = {f"asc/texts/{name}": float(entry.counts[name]) for name in names if entry.counts[name] is not None}
        logs = control.should_log  # which `log` clears, and the trainer's own losses are still to be logged
        self._trainer.log(found)
        control.should_log = logs
        for callback in self._trainer.callback_handler.callbacks:
            if isinstance(callback, TensorBoardCallback) and callback.tb_writer is not None:
                for number, (prompt, text) in enumerate(zip(self._own.prompts, entry.texts, strict=True), 1):
                    name = f"asc/texts/prompt {number}"
                    callback.tb_writer.add_text(name, as_markdown(prompt, text), state.global_step)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Write the state into the trainer's checkpoint. If that fails, the training continues."""
        if not args.should_save:
            return
        folder = trainer_checkpoint.written_now(self._trainer, state.global_step)
        try:
            texts = [entry._asdict() for entry in self.texts]
            write_json(folder / _FILE, {"state": self._own.state_dict(), "texts": texts})
        except Exception as error:  # noqa: BLE001 -- nothing that goes wrong here may end the training
            self._warn(
                f"The texts could not be saved into {folder} ({describe_error(error)}). The training continues; if it "
                "is resumed from there, its texts begin anew."
            )

    def on_train_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Generate the last texts of a training that another callback has ended, when the trainer's log has ended."""
        self._generate(kwargs["model"], state, ended=True)

    def report(self) -> dict[str, Any]:
        """Return the counts of all texts so far, a sentence about what drafts were worth, and warnings."""
        return {**self._own.figures(), "warnings": sorted(self._told)}

    def _generate(self, model: nn.Module, state: TrainerState, ended: bool) -> TextsAt | None:
        if not state.is_world_process_zero or not self._own.due(state.global_step, ended=ended):
            return None
        entry = self._own.generate(model, state.global_step, lambda: perf_counter() - self._began)
        for remark in self._own.remarks:
            self._warn(remark)
        if entry is not None:
            self.texts.append(entry)
        return entry

    def _restore(self) -> None:
        path = None if self._resumed is None else self._resumed / _FILE
        try:
            if path is None or not path.exists():
                raise AscError(f"the checkpoint {self._resumed or ''} has none")
            found = read_json(path)
            if found["state"]["prompts"] != self._own.prompts:
                raise AscError("those of the checkpoint are of other prompts")
            texts = [TextsAt(**entry) for entry in found["texts"]]
            self._own.load_state_dict(found["state"])
            self.texts = texts
        except (AscError, LookupError, TypeError, ValueError, AttributeError) as error:
            why = str(error) if isinstance(error, AscError) else f"{path} is damaged"
            self._own = self._make()
            self._warn(f"The texts begin anew: {why}.")

    def _listening(self, train: Callable[..., Any]) -> Callable[..., Any]:
        """Return `train`, which notes the checkpoint that it resumes from."""

        @wraps(train)
        def listening(*arguments: Any, **keywords: Any) -> Any:
            self._resumed = trainer_checkpoint.resumed_from(self._trainer, train, arguments, keywords)
            return train(*arguments, **keywords)

        return listening

    def _warn(self, sentence: str) -> None:
        """Log a warning once."""
        if sentence not in self._told:
            _log.warning(sentence)
        self._told.add(sentence)


def _require_suitable(trainer: object, prompts: object, tokenizer: Any | None, every: int) -> Any:
    """Return the tokenizer. Raises AscError for arguments of another kind."""
    if not isinstance(trainer, Trainer):
        raise AscError(
            f"TextsCallback(trainer, prompts) was given a {type(trainer).__name__}: give the transformers.Trainer "
            "whose model continues the prompts."
        )
    if isinstance(prompts, str) or not isinstance(prompts, Sequence) or not all(isinstance(p, str) for p in prompts):
        raise AscError("TextsCallback continues a list of texts: give prompts such as ['Once upon a time'].")
    if not prompts:
        raise AscError("TextsCallback was given no prompt: give one or more, such as ['Once upon a time'].")
    if every < 1:
        raise AscError(f"every is {every}, and texts are every 1 step or more.")
    tokenizer = trainer.processing_class if tokenizer is None else tokenizer
    tokenizer = getattr(tokenizer, "tokenizer", tokenizer)  # of a processor of images and texts
    if tokenizer is None:
        raise AscError(
            "TextsCallback needs a tokenizer, and the trainer has none: give one, TextsCallback(trainer, prompts, "
            "tokenizer), or give the trainer its processing_class."
        )
    return tokenizer


def _require_whole(trainer: Trainer) -> None:
    """Raise AscError if no process has the whole model."""
    if trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled:
        kind = "FSDP" if trainer.is_fsdp_enabled else "DeepSpeed"
        raise AscError(
            f"TextsCallback generates with the whole model, and {kind} divides it. Train with DDP or in one process, "
            "or generate from the trainer's checkpoints: asc_nn_training.generation.generate."
        )
