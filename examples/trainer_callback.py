"""Speculation in a `transformers.Trainer` by one added line.

A tiny GPT-2 learns the standard library's source, byte by byte. Nothing is downloaded: the model is made from a
configuration, the data from this Python's own modules. Look at the steps where leaps were taken and at the loss around
them, then at the test losses at the end. The learning rate is the Trainer's default, 5e-5, which is low for training
from scratch. That is why leaps are worth so much. The third loss is the control: no speculation, but a suitable rate.
`--rate 0.002` shows what is left of the gain at that rate.

The evaluation set decides about leaps, so its loss is biased: report the loss of a test set.
"""

from __future__ import annotations

import argparse
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments, set_seed
from transformers.trainer_callback import PrinterCallback

from asc_nn_training import SpeculationCallback

LENGTH = 64  # bytes a sequence
TRAIN = ("argparse", "ast", "calendar", "configparser", "datetime", "difflib", "inspect", "logging", "typing")
EVALUATE = ("pathlib", "pickle", "statistics")
TEST = ("tarfile", "zipfile")


def sequences(modules: tuple[str, ...]) -> list[dict[str, Tensor]]:
    """Cut the source of these modules into sequences of bytes."""
    folder, found = Path(sysconfig.get_path("stdlib")), []
    for module in modules:
        source = folder / f"{module}.py"
        source = source if source.exists() else folder / module / "__init__.py"
        data = torch.tensor(list(source.read_bytes()))
        found += [{"input_ids": row, "labels": row} for row in data[: len(data) // LENGTH * LENGTH].view(-1, LENGTH)]
    return found


def model() -> GPT2LMHeadModel:
    """Make a GPT-2 of 36,000 weights."""
    shape = {"n_positions": LENGTH, "n_embd": 32, "n_layer": 2, "n_head": 2}
    made = GPT2LMHeadModel(GPT2Config(vocab_size=256, bos_token_id=0, eos_token_id=0, **shape))
    made.loss_type = "ForCausalLM"  # the default; transformers warns if it is not set
    return made


def train(steps: int, rate: float, speculate: bool) -> float:
    """Train; return the loss on the test set, nats a byte."""
    set_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=8,
            per_device_eval_batch_size=32,
            learning_rate=rate,
            lr_scheduler_type="constant",
            logging_steps=50,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Trainer(model(), arguments, train_dataset=sequences(TRAIN), eval_dataset=sequences(EVALUATE))
        trainer.remove_callback(PrinterCallback)
        if speculate:
            trainer.add_callback(SpeculationCallback(trainer))  # the added line
            trainer.add_callback(Tell)
        trainer.train()
        trainer.remove_callback(Tell)
        return float(trainer.evaluate(sequences(TEST))["eval_loss"])


class Tell(TrainerCallback):
    """Prints the training loss when the trainer logs it, and whether there were leaps since: both are in its log."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if logs and "asc/leap" in logs:
            leapt = "  leapt" if logs["asc/leap"] else ""
            print(f"step {state.global_step:4}  training loss {float(logs['loss']):.3f}{leapt}")


def main(steps: int, rate: float) -> None:
    torch.set_num_threads(1)  # faster for a network this small
    print(f"With speculation, learning rate {rate:g}:")
    leaping = train(steps, rate, speculate=True)
    better = 40 * rate
    print(f"\nTest loss after {steps} steps, nats a byte:")
    print(f"  {leaping:.3f}  speculation, learning rate {rate:g}")
    print(f"  {train(steps, rate, speculate=False):.3f}  plain, learning rate {rate:g}")
    print(f"  {train(steps, better, speculate=False):.3f}  plain, learning rate {better:g}")
    print("Leaps make up for a rate that is too low. If you can tune it, do that first.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="transformers.Trainer with speculation.")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--rate", type=float, default=5e-5)
    given = parser.parse_args()
    main(given.steps, given.rate)
