"""Speculation in `transformers.Trainer`: judged by what is trained, transparent, resumed, seen in the log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from forked import run_ranks
from torch import Tensor, nn
from torch.nn import functional
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertForSequenceClassification,
    GPT2Config,
    GPT2LMHeadModel,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5Config,
    T5ForConditionalGeneration,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)

from asc.errors import AscError
from asc.hookspecs import RunView, hookimpl
from asc.plugins import Plugins, load
from asc.types import Boundary
from asc_nn_training import SpeculationCallback
from asc_nn_training.integrations.cross_entropy import alignment, sample_losses
from asc_nn_training.integrations.objective import objective
from asc_nn_training.training.loss import evaluation

USUAL: dict[str, Any] = {"gate_batches": 4, "every": 10, "horizons": (10,), "overdraft": 1.0}
Rows = list[dict[str, Any]]
integration = pytest.mark.integration


def language_model(seed: int = 0) -> GPT2LMHeadModel:
    """A GPT-2 of some thousand weights, with dropout."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": 20, "n_positions": 8, "n_layer": 1, "n_embd": 16, "n_head": 2}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))
    model.loss_type = "ForCausalLM"  # the default; transformers warns if it is not set
    return model


def texts(count: int = 64) -> Rows:
    """Sequences that count upwards."""
    rows = [(torch.arange(8) + i) % 20 for i in range(count)]
    return [{"input_ids": row, "labels": row} for row in rows]


class Stop(TrainerCallback):
    """Stops after a step, like an interruption after a checkpoint."""

    def __init__(self, step: int) -> None:
        self._step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        control.should_training_stop |= state.global_step == self._step


def trainer_in(
    folder: Path,
    model: nn.Module | None = None,
    rows: Rows | None = None,
    kind: type[Trainer] = Trainer,
    stop: int | None = None,
    **settings: Any,
) -> Trainer:
    """Make a trainer of a small model, by default a language model."""
    given = {name: settings.pop(name) for name in ("compute_loss_func", "data_collator") if name in settings}
    arguments = Seq2SeqTrainingArguments if kind is Seq2SeqTrainer else TrainingArguments
    usual = {"max_steps": 60, "per_device_train_batch_size": 8, "learning_rate": 1e-3, "logging_steps": 10}
    quiet = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "no"}
    rows = texts() if rows is None else rows
    return kind(
        model=language_model() if model is None else model,
        args=arguments(output_dir=str(folder), **{**usual, **quiet, **settings}),
        train_dataset=rows,
        eval_dataset=rows[:32],
        callbacks=[] if stop is None else [Stop(stop)],
        **given,
    )


def speculating(trainer: Trainer, **settings: Any) -> SpeculationCallback:
    """Add a callback that looks often."""
    callback = SpeculationCallback(trainer, **{**USUAL, **settings})
    trainer.add_callback(callback)
    return callback


def trained(
    folder: Path, resume: bool | str = False, stop: int | None = None, speculation: Any = None, **settings: Any
) -> SpeculationCallback:
    """Train a language model with speculation."""
    trainer = trainer_in(folder, stop=stop, **settings)
    callback = speculating(trainer, **(speculation or {}))
    trainer.train(resume_from_checkpoint=resume)
    return callback


def digest(callback: SpeculationCallback) -> str:
    assert callback.speculation is not None
    return callback.speculation.computation.digest()


def parameters(trainer: Trainer) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in trainer.model.parameters()]


def logged(trainer: Trainer) -> list[dict[str, float]]:
    """What the trainer has logged of the training, without the clock's figures and speculation's."""
    clock = ("runtime", "per_second")
    return [
        {name: value for name, value in entry.items() if not name.startswith("asc/") and not name.endswith(clock)}
        for entry in trainer.state.log_history
    ]


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    """The installed plugins, and a validator that rejects everything."""
    file = tmp_path / "rejecting.py"
    file.write_text(
        "import asc\n\n"
        "class Reject(asc.Validator):\n"
        "    def judge(self, computation, candidate):\n"
        "        computation.score(None, 0), computation.score(candidate.state, 0)\n"
        "        return asc.Verdict(False, 0.0, 'rejects everything')\n\n"
        "@asc.hookimpl\n"
        "def asc_register(registry):\n"
        "    registry.add('validator', 'reject', 'rejecting:Reject', 'rejects everything')\n"
    )
    return load([file])


@integration("transformers.Trainer", "causal language model, its own loss", "works")
def test_a_trainer_takes_one_line(tmp_path: Path) -> None:
    callback = trained(tmp_path)
    report = callback.report()
    assert report["position"] == 60
    assert report["leaps"] > 0
    assert 0 < report["acceptance_rate"] <= 1
    assert report["mean_accepted_horizon"] == 10
    assert report["reason"]


class Watcher:
    """A plugin that keeps what its hooks are called with."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.boundaries: list[int] = []
        self.summaries: list[dict[str, Any]] = []

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        self.started.append(run.status().position)

    @hookimpl
    def asc_boundary(self, boundary: Boundary) -> None:
        self.boundaries.append(boundary.position)

    @hookimpl
    def asc_run_finished(self, summary: dict[str, Any]) -> None:
        self.summaries.append(summary)


def test_hooks_are_called_in_a_trainer(tmp_path: Path, plugins: Plugins) -> None:
    """At as many boundaries as there are, and at the end of the training, early or not."""
    watcher = Watcher()
    plugins.observe(watcher, "watcher")
    trained(tmp_path, speculation={"plugins": plugins})
    assert watcher.boundaries == list(range(10, 70, 10))
    assert watcher.started == [0]
    assert [summary["state"] for summary in watcher.summaries] == ["finished"]
    trained(tmp_path, stop=25, speculation={"plugins": plugins})
    assert watcher.boundaries[6:] == [10, 20]
    assert watcher.summaries[1]["state"] == "interrupted"
    assert (watcher.summaries[1]["position"], watcher.summaries[1]["total"]) == (25, 60)


class Reversed(Trainer):
    """Trains a loss of its own: of the tokens in reverse. It counts and logs while it computes the loss."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.calls, self.seen = 0, {"train": [0.0], "eval": [0.0]}

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        labels = inputs.pop("labels").flip(1)
        outputs = model(**inputs)
        loss = functional.cross_entropy(outputs.logits.flatten(0, 1), labels.flatten())
        self.calls += 1
        self.seen["train" if model.training else "eval"].append(float(loss.detach()))
        self.log({"reversed": float(loss.detach())})
        return (loss, outputs) if return_outputs else loss


def smoothed(outputs: Any, labels: Tensor, num_items_in_batch: Any = None) -> Tensor:
    """A `compute_loss_func`: cross-entropy of the present token with smoothed labels, and a penalty on logits."""
    flat = outputs.logits.flatten(0, 1)
    loss = functional.cross_entropy(flat, labels.flatten(), label_smoothing=0.2, reduction="sum")
    return loss / num_items_in_batch + 0.1 * outputs.logits.square().mean()


class Answering(nn.Module):
    """A classifier that answers in one way or another."""

    def __init__(self, answer: str) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers, self.answer = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.1), nn.Linear(8, 3)), answer

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Any:
        logits = self.layers(x)
        loss = None if labels is None else functional.cross_entropy(logits, labels, label_smoothing=0.1)
        match self.answer:
            case "dictionary":
                return {"loss": loss, "scores": logits}
            case "tuple":
                return (loss, logits)
        return logits


class OfLogits(Trainer):
    """Computes the loss that the model does not have."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        logits = model(inputs["x"])
        loss = functional.cross_entropy(logits, inputs["labels"], weight=torch.tensor([1.0, 2.0, 3.0]))
        return (loss, {"loss": loss, "logits": logits}) if return_outputs else loss


def points(count: int = 64) -> Rows:
    random = torch.Generator().manual_seed(1)
    xs = torch.randn(count, 6, generator=random)
    return [{"x": x, "labels": x[:3].argmax()} for x in xs]


def bert(kind: type[Any], **settings: Any) -> Any:
    torch.manual_seed(0)
    sizes = {"vocab_size": 20, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return kind(BertConfig(**sizes, intermediate_size=16, max_position_embeddings=8, **settings))


def masked_texts() -> Rows:
    """Half of the tokens are hidden, and count."""
    rows = []
    for number, row in enumerate(texts()):
        hidden = torch.rand(8, generator=torch.Generator().manual_seed(number)) < 0.5
        tokens = row["input_ids"]
        rows.append({"input_ids": tokens.masked_fill(hidden, 19), "labels": tokens.masked_fill(~hidden, -100)})
    return [row for row in rows if (row["labels"] >= 0).any()]


def t5() -> T5ForConditionalGeneration:
    torch.manual_seed(0)
    sizes = {"vocab_size": 20, "d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    return T5ForConditionalGeneration(T5Config(**sizes, decoder_start_token_id=0, pad_token_id=0))


def classes() -> Rows:
    return [{"input_ids": row["input_ids"], "labels": int(row["input_ids"][0]) % 3} for row in texts()]


def numbers() -> Rows:
    return [{"input_ids": row["input_ids"], "labels": float(row["input_ids"][0])} for row in texts()]


Make = Callable[[Path], Trainer]
TRAINERS: dict[str, Make] = {
    "causal language model": trainer_in,
    "own compute_loss": lambda folder: trainer_in(folder, kind=Reversed),
    "compute_loss_func": lambda folder: trainer_in(folder, compute_loss_func=smoothed),
    "label smoothing": lambda folder: trainer_in(folder, label_smoothing_factor=0.2),
    "model that answers a dictionary": lambda folder: trainer_in(folder, Answering("dictionary"), points()),
    "model that answers a tuple": lambda folder: trainer_in(folder, Answering("tuple"), points()),
    "model without a loss": lambda folder: trainer_in(folder, Answering("logits"), points(), OfLogits),
    "Seq2SeqTrainer": lambda folder: trainer_in(folder, t5(), kind=Seq2SeqTrainer),
    "sequence classification": lambda folder: trainer_in(
        folder, bert(BertForSequenceClassification, num_labels=3), classes()
    ),
    "regression": lambda folder: trainer_in(folder, bert(BertForSequenceClassification, num_labels=1), numbers()),
    "masked language model": lambda folder: trainer_in(folder, bert(BertForMaskedLM), masked_texts()),
    "gradient accumulation": lambda folder: trainer_in(folder, gradient_accumulation_steps=2),
}


@pytest.mark.parametrize(
    "what", [pytest.param(n, marks=integration("transformers.Trainer", n, "works")) for n in TRAINERS]
)
def test_the_gate_judges_by_the_loss_that_the_trainer_trains(tmp_path: Path, what: str) -> None:
    """The mean over the gate is the trainer's own evaluation of single samples, before and during the training."""
    trainer = TRAINERS[what](tmp_path)
    trainer.args.per_device_eval_batch_size = 1
    judged = objective(trainer, trainer.model)
    trainer.eval_dataset = trainer.eval_dataset[: len(judged.batches)]
    for _ in range(2):
        with evaluation(trainer.model):
            losses = torch.cat([judged.loss(trainer.model, batch).reshape(-1) for batch in judged.batches])
        assert len(losses) == len(judged.batches) >= 8
        assert float(losses.std()) > 0
        assert float(losses.mean()) == pytest.approx(trainer.evaluate()["eval_loss"], rel=1e-4)
        trainer.args.max_steps = 5
        trainer.train()


MODES = ("causal language model", "own compute_loss", "compute_loss_func", "Seq2SeqTrainer", "gradient accumulation")


@pytest.mark.parametrize("what", MODES)
def test_a_training_whose_candidates_are_all_rejected_ends_as_without_the_callback(
    tmp_path: Path, what: str, plugins: Plugins
) -> None:
    """Weights and logs, what the trainer counts included, bit for bit."""
    plain = TRAINERS[what](tmp_path)
    plain.args.max_steps = 25
    plain.train()
    watched = TRAINERS[what](tmp_path)  # which seeds the generators
    watched.args.max_steps = 25
    callback = speculating(watched, validator="reject", plugins=plugins)
    watched.train()
    assert callback.report()["outcomes"]["rejected"] > 0
    assert all(map(torch.equal, parameters(plain), parameters(watched)))
    assert logged(watched) == logged(plain)
    if isinstance(plain, Reversed) and isinstance(watched, Reversed):
        assert (watched.calls, watched.seen) == (plain.calls, plain.seen)


def test_an_objective_of_one_s_own_is_learnt_as_well_with_leaps(tmp_path: Path) -> None:
    """Judged by the model's own loss, leaps would lead away from it."""
    ends = []
    for speculate in (False, True):
        trainer = trainer_in(tmp_path, kind=Reversed)
        callback = speculating(trainer) if speculate else None
        trainer.train()
        ends.append(trainer.evaluate()["eval_loss"])
    assert callback is not None
    assert callback.report()["leaps"] > 0
    assert ends[1] < ends[0]


class Contrastive(Trainer):
    """Compares the samples of a batch with each other, so that a single sample has no loss."""

    def compute_loss(self, model: Any, inputs: Any, return_outputs: bool = False, **kwargs: Any) -> Any:
        embedded = functional.normalize(model(inputs["x"]), dim=1)
        likeness = embedded @ functional.normalize(inputs["x"][:, :3], dim=1).T
        return functional.cross_entropy(10 * likeness, torch.arange(len(likeness)))


@integration("transformers.Trainer", "a loss that compares the samples of a batch", "works")
def test_a_loss_that_compares_samples_is_judged_on_whole_batches(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path, Answering("logits"), points(), Contrastive)
    judged = objective(trainer, trainer.model)
    assert [len(batch["x"]) for batch in judged.batches] == [8] * 4
    callback = speculating(trainer)
    trainer.train()
    assert any("each evaluation batch is judged as a whole" in warning for warning in callback.report()["warnings"])
    assert callback.report()["acceptance_rate"] is not None


def test_a_freshly_made_masked_language_model_is_not_taken_for_one_of_the_next_token(tmp_path: Path) -> None:
    """Although both losses are nearly those of equal odds."""
    trainer = TRAINERS["masked language model"](tmp_path)
    judged = objective(trainer, trainer.model)
    with evaluation(trainer.model):
        found = judged.loss(trainer.model, judged.batches[0])
        logits, labels = trainer.model(**judged.batches[0]).logits, judged.batches[0]["labels"]
    alone = [functional.cross_entropy(each, label) for each, label in zip(logits, labels, strict=True)]
    assert torch.allclose(found, torch.stack(alone), rtol=1e-5)


class Answers(nn.Module):
    """A model that always answers the same."""

    def __init__(self, loss: Tensor, logits: Tensor) -> None:
        super().__init__()
        self.answer = {"loss": loss, "logits": logits}

    def forward(self, **batch: Tensor) -> dict[str, Tensor]:
        return self.answer


def test_a_model_s_own_loss_shows_whether_labels_are_shifted() -> None:
    """One loss a sample for models of the next token, of the present token and of classes. No other loss is divided."""
    torch.manual_seed(2)
    logits, labels = torch.randn(3, 5, 7), torch.randint(0, 7, (3, 5))
    labels[0, 3:] = -100
    for shift in (0, 1):
        own = functional.cross_entropy(logits[:, : 5 - shift].flatten(0, 1), labels[:, shift:].flatten())
        model = Answers(own, logits)
        assert alignment(model, {"labels": labels}) == shift
        alone = functional.cross_entropy(logits[1, : 5 - shift], labels[1, shift:])
        assert torch.allclose(sample_losses(model, {"labels": labels}, shift=shift)[1], alone)
    classes = Answers(functional.cross_entropy(logits[:, 0], labels[:, 0]), logits[:, 0])
    assert alignment(classes, {"labels": labels[:, 0]}) == 0
    assert sample_losses(classes, {"labels": labels[:, 0]}, shift=0).shape == (3,)
    other = Answers(torch.tensor(9.0), logits)
    assert alignment(other, {"labels": labels}) is None
    assert alignment(Answers(torch.tensor(0.5), torch.randn(4, 2)), {"labels": torch.ones(4, 2)}) is None
    with pytest.raises(AscError, match=r"no longer is: give SpeculationCallback a loss=function"):
        sample_losses(other, {"labels": labels}, shift=1)


@integration("transformers.Trainer", "loss= or score= of your own", "works")
@pytest.mark.parametrize(("name", "sign"), [("loss", 1.0), ("score", -1.0)])
def test_the_gate_can_be_judged_by_a_function_of_one_s_own(tmp_path: Path, name: str, sign: float) -> None:
    seen = []

    def own(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        seen.append(len(batch["input_ids"]))
        logits = model(input_ids=batch["input_ids"]).logits
        losses = functional.cross_entropy(logits[:, :-1].transpose(1, 2), batch["labels"][:, 1:], reduction="none")
        return sign * losses.mean(1)

    callback = trained(tmp_path, speculation={name: own})
    assert callback.report()["leaps"] > 0
    assert set(seen) == {8}


def test_a_gate_of_one_s_own_is_judged_by_what_the_trainer_trains(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path, label_smoothing_factor=0.2)
    gate = [{name: torch.stack([row[name] for row in texts()[i : i + 4]]) for name in texts(1)[0]} for i in range(6)]
    judged = objective(trainer, trainer.model, gate)
    with evaluation(trainer.model):
        losses = [float(judged.loss(trainer.model, batch)) for batch in judged.batches]
    trainer.args.per_device_eval_batch_size = 4
    assert losses == pytest.approx([trainer.evaluate(texts()[i : i + 4])["eval_loss"] for i in range(6)], rel=1e-4)


@integration("transformers.Trainer", "several evaluation sets", "works")
def test_of_several_evaluation_sets_each_judges(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    trainer.eval_dataset = {"first": texts()[:32], "second": texts(80)[-32:]}
    first = [int(batch["input_ids"][0, 0]) for batch in objective(trainer, trainer.model, count=4).batches]
    assert first == [0, 8, 48 % 20, 56 % 20]


def test_what_raises_in_the_gate_ends_the_training_before_it_begins(tmp_path: Path) -> None:
    """In a sentence with the cause; no weight has changed."""

    def misspelt(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        return functional.cross_entropi(outputs.logits, labels)

    trainer = trainer_in(tmp_path, compute_loss_func=misspelt)
    speculating(trainer)
    before = parameters(trainer)
    with pytest.raises(AscError, match=r"compute_loss raised AttributeError.*cross_entropi.*\(test_callback.py, line"):
        trainer.train()
    assert all(map(torch.equal, parameters(trainer), before))


def test_a_gate_of_single_samples_is_refused_when_the_training_begins(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    speculating(trainer, gate=texts(8))
    with pytest.raises(AscError, match="Each entry of a gate is a batch that the model takes"):
        trainer.train()


def test_a_trainer_s_losses_are_noted_step_by_step(tmp_path: Path) -> None:
    """Although the trainer logs none of them. Two batches a step make one loss."""
    callback = trained(tmp_path, gradient_accumulation_steps=2, logging_strategy="no")
    assert callback.speculation is not None
    losses = callback.speculation.computation.progress.losses
    assert len(set(losses)) == len(losses) == 60
    assert 2.5 < losses[0] < 3.5  # equal odds for 20 tokens give 3.0


class Recorder(TrainerCallback):
    """Keeps what a reporting callback sees."""

    def __init__(self) -> None:
        self.entries: list[dict[str, float]] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        self.entries.append({**logs, "step": state.global_step})


@integration("transformers.Trainer", "trackers: W&B, MLflow, Trackio, TensorBoard", "works")
def test_the_trainer_s_log_has_the_figures_of_speculation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For all reporting callbacks, also those that were there before; no other entry than without speculation."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "board"))
    trainer, recorder = trainer_in(tmp_path, report_to=["tensorboard"]), Recorder()
    trainer.callback_handler.callbacks.insert(0, recorder)
    callback = speculating(trainer)
    trainer.train()
    with_loss = [entry for entry in recorder.entries if "loss" in entry]
    assert [entry["step"] for entry in with_loss] == [10, 20, 30, 40, 50, 60]
    assert [entry["step"] for entry in trainer.state.log_history] == [10, 20, 30, 40, 50, 60, 60]
    assert "train_loss" in trainer.state.log_history[-1]
    report = callback.report()
    assert with_loss[-1]["asc/acceptance_rate"] == report["acceptance_rate"]
    assert with_loss[-1]["asc/mean_accepted_horizon"] == report["mean_accepted_horizon"] == 10
    assert sum(entry["asc/leap"] for entry in with_loss) == with_loss[-1]["asc/leaps"] == report["leaps"] > 0
    assert with_loss[-1]["asc/steps_gained"] > 0
    board = accumulator.EventAccumulator(str(tmp_path / "board"))
    board.Reload()
    marks = [(event.step, event.value) for event in board.Scalars("train/asc/leap")]
    assert marks == [(entry["step"], entry["asc/leap"]) for entry in with_loss]


SAVING = {"save_strategy": "steps", "save_steps": 30}


@integration("transformers.Trainer", "resume from a checkpoint, wherever it lies", "works")
@pytest.mark.parametrize("where", ["the same folder", "another folder", "a renamed checkpoint"])
def test_a_resumed_trainer_ends_as_one_that_did_not_stop(tmp_path: Path, where: str) -> None:
    whole = trained(tmp_path / "whole", **SAVING)
    trained(tmp_path / "cut", stop=35, **SAVING)
    resume: bool | str = True
    into = tmp_path / "cut"
    if where != "the same folder":
        into, resume = tmp_path / "other", str(tmp_path / "kept" / "checkpoint-30")
        shutil.move(tmp_path / "cut", tmp_path / "kept")
    if where == "a renamed checkpoint":
        resume = str(shutil.move(tmp_path / "kept" / "checkpoint-30", tmp_path / "the best"))
    rest = trained(into, resume=resume, **SAVING)
    assert rest.report()["warnings"] == []
    assert rest.report()["position"] == 60
    assert rest.report()["leaps"] == whole.report()["leaps"] > 0
    assert rest.report()["outcomes"] == whole.report()["outcomes"]
    assert digest(rest) == digest(whole)


def test_a_checkpoint_without_a_state_of_speculation_is_resumed_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trainer_in(tmp_path, **SAVING, stop=30).train()
    callback = trained(tmp_path, resume=True, **SAVING)
    (warning,) = callback.report()["warnings"]
    assert "checkpoint-30 has no state of speculation, so the training resumes with a fresh speculation" in warning
    assert warning in caplog.messages
    assert callback.report()["position"] == 60


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a training that has saved at steps 30 and 60."""
    folder = tmp_path_factory.mktemp("saved")
    trained(folder, **SAVING)
    return folder


@pytest.mark.parametrize("what", ["another model", "other parts", "damaged", "another step"])
def test_a_state_that_does_not_fit_is_refused_before_anything_changes(tmp_path: Path, what: str, saved: Path) -> None:
    checkpoint = tmp_path / "checkpoint-30"
    shutil.copytree(saved / "checkpoint-30", checkpoint)
    trainer = trainer_in(tmp_path, **SAVING)
    settings: dict[str, Any] = {}
    match what:
        case "another model":
            trainer.model.transformer.wpe.weight.requires_grad_(False)
            expected = "of a model with other trainable weights"
        case "other parts":
            settings, expected = {"predictors": ["quadratic"]}, "is of predictors"
        case "damaged":
            (manifest,) = (checkpoint / "asc").glob("*/manifest.json")
            manifest.write_text(manifest.read_text()[:-20])
            expected = "cannot be read"
        case _:
            shutil.rmtree(checkpoint / "asc")
            shutil.copytree(saved / "checkpoint-60" / "asc", checkpoint / "asc")
            expected = "is of step 60, and the training resumes at step 30"
    callback = speculating(trainer, **settings)
    if what == "another model":  # the optimiser of the checkpoint has more parameters
        trainer._load_optimizer_and_scheduler = lambda checkpoint: None  # type: ignore[method-assign]
    with pytest.raises(AscError, match=expected) as refused:
        trainer.train(resume_from_checkpoint=str(checkpoint))
    assert f"delete {checkpoint / 'asc'} to continue with a fresh speculation" in str(refused.value)
    assert trainer.state.global_step == 30
    assert callback.report() == {}


@pytest.mark.parametrize("error", [OSError("disk full"), RuntimeError("out of memory"), AscError("no room.")])
def test_a_failure_to_save_the_state_of_speculation_never_ends_the_training(
    tmp_path: Path, error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def failing(*arguments: Any) -> None:
        raise error

    monkeypatch.setattr("asc_nn_training.training.checkpoint.save", failing)
    callback = trained(tmp_path, **SAVING)
    warnings = callback.report()["warnings"]
    assert [f"checkpoint-{step}" in warning for step, warning in zip((30, 60), warnings, strict=True)] == [True, True]
    assert type(error).__name__ in warnings[0]
    assert warnings[0] in caplog.messages
    assert (tmp_path / "checkpoint-60" / "model.safetensors").exists()
    assert callback.report()["position"] == 60


@integration("transformers.Trainer", "save_total_limit and load_best_model_at_end", "works")
def test_old_checkpoints_go_and_the_best_model_is_loaded(tmp_path: Path) -> None:
    evaluating = {"eval_strategy": "steps", "eval_steps": 20, "load_best_model_at_end": True}
    callback = trained(tmp_path, save_strategy="steps", save_steps=20, save_total_limit=1, **evaluating)
    (kept,) = tmp_path.glob("checkpoint-*")
    assert (kept / "asc").is_dir()
    assert callback.report()["leaps"] > 0
    assert callback.report()["warnings"] == []


def test_a_second_training_speculates_afresh(tmp_path: Path) -> None:
    trainer = trainer_in(tmp_path)
    callback = speculating(trainer)
    trainer.train()
    first = callback.speculation
    trainer.train()
    assert callback.speculation is not first
    assert callback.report()["position"] == 60
    assert not {"training_step", "log"} & set(vars(trainer))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"evry": 5}, "has no setting evry; did you mean every"),
        ({"total": 5}, "takes total from the trainer: leave the setting out"),
        ({"loss": max, "score": max}, "give SpeculationCallback either loss= or score="),
    ],
)
def test_a_wrong_setting_is_refused_at_construction(tmp_path: Path, settings: dict[str, Any], expected: str) -> None:
    with pytest.raises(AscError, match=expected):
        SpeculationCallback(trainer_in(tmp_path), **settings)


@integration("transformers.Trainer", "no evaluation set and no gate", "refused")
def test_a_trainer_without_held_out_data_is_refused(
    tmp_path: Path, integration_refusal: Callable[[object], None]
) -> None:
    trainer = trainer_in(tmp_path)
    trainer.eval_dataset = None
    with pytest.raises(AscError, match="the trainer has no eval_dataset: give it one") as refused:
        SpeculationCallback(trainer)
    integration_refusal(refused.value)


def test_something_else_than_a_trainer_is_refused() -> None:
    with pytest.raises(AscError, match=r"was given a GPT2LMHeadModel: give the transformers\.Trainer"):
        SpeculationCallback(language_model())  # type: ignore[arg-type]


@pytest.mark.parametrize("how", ["twice", "in another trainer"])
def test_a_callback_that_is_not_alone_in_its_trainer_is_refused(tmp_path: Path, how: str) -> None:
    trainer, other = trainer_in(tmp_path), trainer_in(tmp_path)
    callback = speculating(trainer)
    if how == "twice":
        speculating(trainer)
    else:
        trainer.remove_callback(callback)
        other.add_callback(callback)
    with pytest.raises(AscError, match="as the only one there"):
        (trainer if how == "twice" else other).train()


DISTRIBUTED = """
import hashlib, json, pathlib, sys, torch
from torch import nn
from torch.nn import functional
from transformers import Trainer, TrainingArguments
from asc_nn_training import SpeculationCallback

class Gathering(Trainer):
    def compute_loss(self, model, inputs, return_outputs=False, **kwargs):
        loss = functional.cross_entropy(model(inputs["x"]), inputs["labels"])
        self.gathered = self.accelerator.gather(loss.detach()).mean()  # waits for the other rank
        return loss

class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(6, 3)

    def forward(self, x, labels=None):
        return self.layer(x)

def rows(count, seed):
    xs = torch.randn(count, 6, generator=torch.Generator().manual_seed(seed))
    return [{"x": x, "labels": x[:3].argmax()} for x in xs]

def trained(folder, **settings):
    usual = {"max_steps": 40, "per_device_train_batch_size": 4, "learning_rate": 1e-2, "report_to": [], "use_cpu": True}
    arguments = TrainingArguments(folder, **usual, save_strategy="steps", save_steps=20, disable_tqdm=True, **settings)
    trainer = Gathering(Classifier(), arguments, train_dataset=rows(64, 1), eval_dataset=rows(33, 2))
    callback = SpeculationCallback(trainer, every=5, horizons=(5,), overdraft=1.0)
    trainer.add_callback(callback)
    return trainer, callback

trainer, callback = trained(sys.argv[1])
trainer.train()
ends = [callback.speculation.computation.digest(), callback.report()["leaps"], trainer.args.world_size]
trainer, callback = trained(sys.argv[1])
trainer.train(resume_from_checkpoint=sys.argv[1] + "/checkpoint-20")
ends += [callback.speculation.computation.digest(), callback.report()["warnings"]]
pathlib.Path(sys.argv[1], f"rank{trainer.args.process_index}.json").write_text(json.dumps(ends))
"""


@integration("transformers.Trainer", "DistributedDataParallel", "works")
def test_two_ranks_of_a_trainer_decide_alike(tmp_path: Path) -> None:
    """Over gloo, with a loss that gathers over ranks and an evaluation set that does not divide evenly. And resumed."""
    script = tmp_path / "train.py"
    script.write_text(DISTRIBUTED)
    found = run_ranks([script, tmp_path], tmp_path)
    ranks = [json.loads(path.read_text()) for path in sorted(tmp_path.glob("rank*.json"))]
    assert len(ranks) == 2, found.stderr
    assert ranks[0] == ranks[1]
    whole, leaps, count, resumed, warnings = ranks[0]
    assert leaps > 0
    assert count == 2
    assert resumed == whole
    assert warnings == []
