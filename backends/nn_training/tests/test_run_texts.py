"""Texts of a run: those of the live weights, in the record, continued after a kill, and no reason to end a training."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from asc.config.run import Component
from asc.config.validate import validate
from asc.errors import AscError
from asc.plugins import load
from asc.records.texts import TEXTS, TextsAt, read_prompts, read_texts
from asc.report.report import write_report
from asc.run.run import Run
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.data.tokenizer import train
from asc_nn_training.generation.checkpoints import CheckpointTexts
from asc_nn_training.generation.prompt_file import read_prompts as prompts_of
from asc_nn_training.generation.speculative import SpeculativeGeneration
from asc_nn_training.generation.texts import TextCache
from asc_nn_training.training.texts import CACHE

Make = Callable[..., NetworkConfig]
Asc = Callable[..., subprocess.CompletedProcess[str]]
PROMPTS = 'def add(a, b):\n\n"class Point:\\n    def"\r\n<|endoftext|>\n'
READ = ["def add(a, b):", "class Point:\n    def", "<|endoftext|>"]
STEPS: dict[str, Any] = {"steps": 20, "sample_every": 8}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file of prompts."""
    path = tmp_path / "prompts.txt"
    path.write_text(PROMPTS, newline="")
    return path


@pytest.fixture
def sampled(small: Make, file: Path) -> Make:
    """Make the configuration of a small training with texts."""

    def make(**settings: Any) -> NetworkConfig:
        sampling = {"max_new_tokens": 8, "temperature": 0.5}
        return small(**{**STEPS, "sample_prompts": file, "sampling": sampling, **settings})

    return make


def run(config: NetworkConfig, folder: Path | None = None, *, resume: bool = False, speculate: bool = True) -> Run:
    backend = NetworkBackend(config)
    return Run(backend, "nn_training", load(), folder=folder, resume=resume, speculate=speculate)


def texts(folder: Path) -> list[tuple[int, list[str]]]:
    return [(entry.position, entry.texts) for entry in read_texts(folder)]


def continued(folder: Path, tokens: int) -> list[str]:
    """What transformers' `generate` gives for each prompt with the model and the tokenizer in a folder."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    found = []
    for prompt in READ:
        ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
        mask = torch.ones_like(ids)
        with torch.no_grad():
            text = model.generate(
                ids, attention_mask=mask, max_new_tokens=tokens, do_sample=False, pad_token_id=0, use_cache=True
            )
        found.append(tokenizer.decode(text[0, ids.shape[1] :], skip_special_tokens=True))
    return found


def test_the_texts_are_those_of_the_model_and_change_no_training(sampled: Make, small: Make, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    greedy = sampled(sampling={"max_new_tokens": 8})
    summary = run(greedy, folder).execute()
    assert read_prompts(folder) == READ
    assert [position for position, _ in texts(folder)] == [8, 16, 20]
    assert texts(folder)[-1][1] == continued(folder / "model", 8)
    assert summary["final_digest"] == run(small(steps=20)).execute()["final_digest"]
    entries = list(read_texts(folder))
    assert summary["texts"]["texts"] == 9
    assert summary["texts"]["tokens"] == sum(entry.counts["tokens"] for entry in entries)
    assert summary["texts"]["seconds"] == pytest.approx(sum(entry.counts["seconds"] for entry in entries))
    assert entries[-1].seconds <= summary["seconds"]
    assert len(TextCache(folder / CACHE)) == 3


def test_a_plain_run_makes_its_texts_at_the_same_steps(sampled: Make) -> None:
    speculative, plain = (run(sampled(), speculate=speculate).execute()["texts"] for speculate in (True, False))
    assert speculative["texts"] == plain["texts"] == 9


def test_texts_after_a_leap_are_due_at_the_next_position() -> None:
    made = CheckpointTexts(["a"], None, every=10)
    assert not made.due(9)
    assert made.due(10)
    assert made.due(27)  # a leap from 9
    made.position = 27
    assert not made.due(29)
    assert made.due(30)
    assert made.due(29, ended=True)
    assert not made.due(27, ended=True)


def test_a_leap_to_the_end_has_texts_there(sampled: Make, tmp_path: Path) -> None:
    judge = {"name": "synthetic", "rate": 1.0}
    config = sampled(leap_schedule="advance", validator=judge, scheduler={"horizons": (5,), "overdraft": 100})
    config = config.model_copy(update={"recognizer": Component(name="every", steps=5)})
    summary = run(config, tmp_path / "run").execute()
    assert summary["steps_skipped"] > 0
    assert texts(tmp_path / "run")[-1][0] == 20


def killed(config: NetworkConfig, folder: Path, step: int) -> None:
    """Take a run's steps up to one at which it is killed; checkpoints are written at each step before."""
    made = run(config.model_copy(update={"checkpoint_seconds": 1e-6}), folder)
    after = made.computation.watch.after

    def note(position: int, loss: float) -> None:
        after(position, loss)
        if position == step:
            raise KeyboardInterrupt

    made.computation.watch.after = note
    with pytest.raises(KeyboardInterrupt):
        made.execute()


@pytest.mark.parametrize("change", ["removed", "changed"])
def test_a_killed_run_has_the_texts_of_one_that_was_not(sampled: Make, file: Path, tmp_path: Path, change: str) -> None:
    """The run keeps the prompts that it began with."""
    config = sampled(checkpoint_seconds=1e-6)
    expected = run(config, tmp_path / "whole").execute()
    killed(config, tmp_path / "cut", 16)  # with texts that no checkpoint knows of
    assert [position for position, _ in texts(tmp_path / "cut")] == [8, 16]
    with (tmp_path / "cut" / TEXTS).open("ab") as torn:
        torn.write(b'{"position": 17, "se')
    if change == "removed":
        file.unlink()
    else:
        file.write_text("another prompt\n")
    found = run(config, tmp_path / "cut", resume=True).execute()
    assert found["resumed_from"] == 15
    assert texts(tmp_path / "cut") == texts(tmp_path / "whole")
    assert read_prompts(tmp_path / "cut") == READ
    assert found["final_digest"] == expected["final_digest"]
    for name in ("texts", "tokens"):
        assert found["texts"][name] == expected["texts"][name]
    assert any("has other prompts now" in each for each in found["warnings"]) is (change == "changed")


def test_a_run_that_was_stopped_has_no_texts_where_it_stopped(sampled: Make, tmp_path: Path) -> None:
    made = run(sampled(), tmp_path)
    after = made.computation.watch.after

    def stopping(position: int, loss: float) -> None:
        after(position, loss)
        if position == 10:
            made.stop()

    made.computation.watch.after = stopping
    assert made.execute()["position"] == 10
    assert [position for position, _ in texts(tmp_path)] == [8]
    run(sampled(), tmp_path, resume=True).execute()
    assert [position for position, _ in texts(tmp_path)] == [8, 16, 20]


def test_what_goes_wrong_with_texts_ends_no_run(sampled: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("out of something")

    made = run(sampled(), tmp_path)
    monkeypatch.setattr(SpeculativeGeneration, "generate", broken)
    summary = made.execute()
    assert (summary["state"], summary["position"], "texts" in summary) == ("finished", 20, False)
    (warning,) = (each for each in summary["warnings"] if "texts" in each)
    assert warning.startswith("There are no texts of step 8: RuntimeError: out of something")


def test_a_full_disk_and_a_removed_folder_end_no_run(
    sampled: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_folder: Path, _entry: TextsAt) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("asc_nn_training.training.texts.add_texts", full)
    summary = run(sampled(), tmp_path / "run").execute()
    assert any(f"The texts of step 8 are not in {tmp_path / 'run' / TEXTS}" in each for each in summary["warnings"])
    (tmp_path / "run" / CACHE).write_text("damaged")
    made = run(sampled(), tmp_path / "run", resume=True)  # at its end: only begun
    assert any("have no drafts from before" in each for each in made.computation.remarks)


def test_texts_follow_a_folder_that_is_renamed(sampled: Make, tmp_path: Path) -> None:
    made = run(sampled(), tmp_path / "run")
    after = made.computation.watch.after

    def renaming(position: int, loss: float) -> None:
        after(position, loss)
        if position == 10:
            (tmp_path / "run").rename(tmp_path / "elsewhere")

    made.computation.watch.after = renaming
    made.execute()
    assert [position for position, _ in texts(tmp_path / "elsewhere")] == [8, 16, 20]
    assert len(TextCache(tmp_path / "elsewhere" / CACHE)) == 3
    assert not (tmp_path / "run").exists()


def test_the_report_and_the_command_show_texts(options: list[str], file: Path, asc: Asc, tmp_path: Path) -> None:
    given = ["--sample-prompts", str(file), "--sample-every", "4", "--set", "sampling.max_new_tokens=8"]
    done = asc("run", "nn_training", *options, "--steps", "8", *given, "--quiet")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"{TEXTS}, generated in " in done.stdout
    (folder / "summary.json").unlink()  # as after a kill
    page = write_report(folder).read_text()
    assert "3 prompts continued at 2 positions" in page
    assert "&lt;|endoftext|&gt;" in page


def test_texts_go_to_tensorboard(sampled: Make, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run(sampled(tensorboard=tmp_path / "board"), tmp_path / "run").execute()
    events = EventAccumulator(str(tmp_path / "board" / "speculative")).Reload()
    found = events.Tensors("texts/prompt 1/text_summary")
    assert [event.step for event in found] == [8, 16, 20]
    assert b"    def add(a, b):" in found[0].tensor_proto.string_val[0]
    assert [event.step for event in events.Scalars("texts/passes_saved")] == [8, 16, 20]


def test_special_tokens_of_a_prompt_are_tokens_also_after_training_data_was_encoded() -> None:
    tokenizer = train(["some text <|endoftext|>"], 300)
    assert tokenizer.of_transformers()("<|endoftext|>")["input_ids"] == [tokenizer.end]
    tokenizer.encode(["<|endoftext|> is text in training data"])
    assert tokenizer.of_transformers()("<|endoftext|>")["input_ids"] == [tokenizer.end]


def test_a_file_of_prompts_has_one_a_line(file: Path) -> None:
    assert prompts_of(file) == {1: READ[0], 3: READ[1], 4: READ[2]}
    file.write_text('\ufeff"quoted," she said\n "indented"\n"1"', encoding="utf-8")
    assert prompts_of(file) == {1: '"quoted," she said', 2: ' "indented"', 3: "1"}


BAD_FILES: list[tuple[bytes | None, str]] = [
    (None, "cannot be read: No such file or directory. Name a text file with one prompt a line"),
    (b"", "has no prompt: every line is blank"),
    (b" \r\n\t\n", "has no prompt: every line is blank"),
    (b"good\n\xff\xfebad", "Line 2 of .* is not UTF-8 text. Save the file as UTF-8"),
    (b'good\n"\\ud800"', "The prompt in line 2 of .* has half of a surrogate pair"),
    (b'good\n""', "The prompt in line 2 of .* has no token"),
    (b"short\n\n" + b"word " * 90, "The prompt in line 3 of .* has .* tokens, and 8 more do not fit"),
]


@pytest.mark.parametrize(("content", "sentence"), BAD_FILES)
def test_a_bad_file_of_prompts_is_refused_before_the_first_step(
    sampled: Make, file: Path, content: bytes | None, sentence: str
) -> None:
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(AscError, match=sentence):
        run(sampled())


def test_a_folder_of_prompts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AscError, match="is no file, so it has no prompts"):
        prompts_of(tmp_path)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"sample_every": 5}, r"sample_every is about texts of prompts, and there are none: .*--sample-prompts FILE"),
        ({"sampling": {"seed": 1}}, "sampling is about texts of prompts, and there are none"),
        ({"sample_prompts": "f", "shard": "fsdp2"}, "one process with the whole model, and shard fsdp2 divides"),
        ({"sample_prompts": "f", "sample_every": 0}, "at least 1"),
        ({"sample_prompts": "f", "sampling": {"temperature": -1}}, r'"sampling.temperature" was given -1'),
    ],
)
def test_settings_that_do_not_fit_are_refused(given: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AscError, match=sentence):
        validate(NetworkConfig, given)


def test_a_model_that_cannot_take_drafts_back_is_refused_before_the_first_step(sampled: Make, tmp_path: Path) -> None:
    sizes = {"vocab_size": 512, "hidden_size": 16, "num_hidden_layers": 1, "state_size": 4, "bos_token_id": 0}
    kind = {"model_type": "mamba", "architectures": ["MambaForCausalLM"], "eos_token_id": 0, "pad_token_id": 0}
    (tmp_path / "config.json").write_text(json.dumps(kind | sizes))
    with pytest.raises(AscError, match="MambaForCausalLM has a state that a rejected draft could not be taken out of"):
        run(sampled(model=str(tmp_path)))
