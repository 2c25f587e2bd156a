"""Texts while `transformers.Trainer` trains: those of `generate`, in log and checkpoint; they end no training."""

from __future__ import annotations

import json
import logging
import runpy
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments

from asc.errors import AscError
from asc_nn_training import SpeculationCallback, TextsCallback
from asc_nn_training.data.tokenizer import train
from asc_nn_training.generation import Sampling, SpeculativeGeneration, TextCache, generate

PROMPTS = ["def add(", "return"]
SHORT = {"max_new_tokens": 8}
WORDS = 300


def tokenizer() -> Any:
    made = train(["def add(a, b): return a + b\n" * 10], WORDS).of_transformers()
    made.pad_token = made.eos_token
    return made


def trainer_in(folder: Path, *, stop: int | None = None, **settings: Any) -> Trainer:
    torch.manual_seed(0)
    sizes = {"vocab_size": WORDS, "n_positions": 32, "n_layer": 1, "n_embd": 16, "n_head": 2}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0, pad_token_id=0))
    model.loss_type = "ForCausalLM"
    rows = [{"input_ids": (row := (torch.arange(8) + number) % WORDS), "labels": row} for number in range(64)]
    usual: dict[str, Any] = {"max_steps": 24, "per_device_train_batch_size": 8, "learning_rate": 1e-2}
    quiet = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "no", "logging_steps": 8}
    return Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder), **{**usual, **quiet, **settings}),
        train_dataset=rows,
        eval_dataset=rows[:16],
        processing_class=tokenizer(),
        callbacks=[] if stop is None else [Stop(stop)],
    )


class Stop(TrainerCallback):
    """Stops after a step, like an interruption after a checkpoint."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop |= state.global_step == self._step


def trained(trainer: Trainer, resume: str | None = None, **settings: Any) -> TextsCallback:
    callback = TextsCallback(trainer, PROMPTS, **{"every": 10, "sampling": SHORT, **settings})
    trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=resume)
    return callback


def said(callback: TextsCallback) -> list[tuple[int, list[str]]]:
    return [(entry.position, entry.texts) for entry in callback.texts]


def test_the_texts_are_those_of_the_model_and_change_no_training(tmp_path: Path) -> None:
    plain = trainer_in(tmp_path)
    plain.train()
    trainer = trainer_in(tmp_path)  # which seeds the generators
    callback = trained(trainer)
    assert [entry.position for entry in callback.texts] == [10, 20, 24]
    found = generate(trainer.model, PROMPTS, Sampling(**SHORT), tokenizer=tokenizer())
    assert callback.texts[-1].texts == [text.text for text in found.texts]
    report = callback.report()
    assert (report["texts"], report["warnings"]) == (6, [])
    assert report["reason"]
    for one, other in zip(plain.model.parameters(), trainer.model.parameters(), strict=True):
        assert torch.equal(one, other)
    losses = [[entry["loss"] for entry in each.state.log_history if "loss" in entry] for each in (plain, trainer)]
    assert len(losses[0]) == 3
    assert losses[0] == losses[1]


def test_the_learning_rates_are_added_up(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path, logging_steps=1)
    callback = trained(trainer)
    rates = [entry["learning_rate"] for entry in trainer.state.log_history if "loss" in entry]
    assert len(rates) == 24
    assert callback._own.moved == pytest.approx(sum(rates))


def test_the_log_and_tensorboard_have_figures_and_texts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    trainer = trainer_in(tmp_path, report_to=["tensorboard"])
    trained(trainer, every=8)
    entries = [entry for entry in trainer.state.log_history if "asc/texts/passes_saved" in entry]
    assert [entry["step"] for entry in entries] == [8, 16, 24]
    losses = [entry["step"] for entry in trainer.state.log_history if "loss" in entry]
    assert losses == [8, 16, 24]  # at the same steps
    board = accumulator.EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    assert [event.step for event in board.Tensors("asc/texts/prompt 1/text_summary")] == [8, 16, 24]
    assert [event.step for event in board.Scalars("train/asc/texts/passes_saved")] == [8, 16, 24]


@pytest.mark.parametrize("speculating", [False, True])
def test_a_resumed_training_has_the_texts_of_one_that_did_not_stop(tmp_path: Path, speculating: bool) -> None:
    """Alone, and beside a speculation."""

    def made(stop: int | None) -> Trainer:
        trainer = trainer_in(tmp_path, stop=stop, save_strategy="steps", save_steps=15)
        if speculating:
            trainer.add_callback(SpeculationCallback(trainer, every=5, horizons=(5,), overdraft=5.0))
        return trainer

    whole = trained(made(None))
    expected = said(whole)
    stopped = trained(made(17))
    assert [position for position, _ in said(stopped)] == [10, 17]  # the last texts of a training that ended here
    resumed = trained(made(None), resume=str(tmp_path / "checkpoint-15"))
    assert said(resumed) == expected
    for name in ("texts", "tokens"):
        assert resumed.report()[name] == whole.report()[name]
    assert resumed._own.moved == pytest.approx(whole._own.moved)
    assert not resumed.report()["warnings"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "has none"),
        ("{", "is damaged"),
        ("{}", "is damaged"),
        ('{"state": {"prompts": ["another"]}, "texts": []}', "those of the checkpoint are of other prompts"),
        (json.dumps({"state": {"prompts": PROMPTS}, "texts": [7]}), "is damaged"),
        (json.dumps({"state": {"prompts": PROMPTS, "position": 1}, "texts": []}), "is damaged"),
    ],
)
def test_a_checkpoint_without_these_texts_begins_them_anew(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str | None, why: str
) -> None:
    callback = TextsCallback(trainer_in(tmp_path), PROMPTS, sampling=SHORT)
    callback._resumed = tmp_path
    if content is not None:
        (tmp_path / "asc-texts.json").write_text(content)
    state: Any = SimpleNamespace(global_step=15, is_world_process_zero=True)
    none: Any = None
    callback.on_train_begin(none, state, none, model=callback._trainer.model)
    assert callback.texts == []
    assert callback._own.position == 0
    (warning,) = callback.report()["warnings"]
    assert warning.startswith("The texts begin anew: ")
    assert why in warning
    assert warning in caplog.text


def test_what_goes_wrong_with_texts_ends_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of something")

    caplog.set_level(logging.WARNING)
    monkeypatch.setattr(SpeculativeGeneration, "generate", broken)
    monkeypatch.setattr("asc_nn_training.integrations.texts.write_json", broken)
    trainer = trainer_in(tmp_path, save_strategy="steps", save_steps=15)
    callback = trained(trainer)
    assert trainer.state.global_step == 24
    assert callback.texts == []
    assert "There are no texts of step 10: RuntimeError: out of something" in caplog.text
    assert "The texts could not be saved into" in caplog.text
    assert len(callback.report()["warnings"]) == 3  # of two checkpoints


def test_a_second_training_begins_its_texts_anew_with_the_drafts_of_the_first(tmp_path: Path) -> None:
    file = tmp_path / "texts.jsonl"
    first = trained(trainer_in(tmp_path), cache=file)
    assert len(TextCache(file)) == 2
    second = trained(trainer_in(tmp_path), cache=file)
    assert said(second) == said(first)
    assert second.texts[0].counts["aligned"] > 0
    second._trainer.train()
    assert [entry.position for entry in second.texts] == [10, 20, 24]


def test_what_cannot_be_continued_is_refused_before_the_first_step(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    with pytest.raises(AscError, match=r"Prompt 1 has .* tokens, and 30 more do not fit into the model's 32 positions"):
        trained(trainer, sampling={"max_new_tokens": 30})
    assert trainer.state.global_step == 0


@pytest.mark.parametrize("kind", ["FSDP", "DeepSpeed"])
def test_a_model_that_is_divided_is_refused(tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_in(tmp_path)
    callback = TextsCallback(trainer, PROMPTS)
    monkeypatch.setattr(trainer, f"is_{kind.lower()}_enabled", True)
    none: Any = None
    with pytest.raises(AscError, match=f"generates with the whole model, and {kind} divides it. Train with DDP"):
        callback.on_train_begin(none, none, none)


def without_tokenizer(trainer: Trainer) -> TextsCallback:
    trainer.processing_class = None
    return TextsCallback(trainer, PROMPTS)


Refused = Callable[[Any], TextsCallback]
REFUSED: dict[str, Refused] = {
    "was given a list: give the transformers.Trainer": lambda trainer: TextsCallback([trainer], PROMPTS),  # type: ignore[arg-type]
    "continues a list of texts: give prompts such as": lambda trainer: TextsCallback(trainer, "Once"),
    "continues a list of texts:": lambda trainer: TextsCallback(trainer, [[1, 2]]),  # type: ignore[list-item]
    "was given no prompt": lambda trainer: TextsCallback(trainer, []),
    "every is 0, and texts are every 1 step or more": lambda trainer: TextsCallback(trainer, PROMPTS, every=0),
    '"temperature" was given -1': lambda trainer: TextsCallback(trainer, PROMPTS, sampling={"temperature": -1}),
    "needs a tokenizer, and the trainer has none": without_tokenizer,
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_arguments_of_another_kind_are_refused(tmp_path: Path, sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        REFUSED[sentence](trainer_in(tmp_path))


def test_the_program_of_the_page_runs(tmp_path: Path) -> None:
    page = runpy.run_path(str(Path(__file__).parents[3] / "docs" / "snippets" / "integrations" / "trainer_texts.py"))
    trainer = trainer_in(tmp_path)
    found = page["train"](trainer.model, trainer.args, trainer.train_dataset, tokenizer(), PROMPTS)
    assert [entry.position for entry in found] == [24]
