"""Speculation in trainings that only move adapters (PEFT)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainingArguments

from asc.plugins import load
from asc_nn_training import Speculation, SpeculationCallback

peft = pytest.importorskip("peft", reason="PEFT is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # PEFT uses deprecated names of transformers
USUAL: dict[str, Any] = {"every": 5, "horizons": (5,), "overdraft": 1.0}
integration = pytest.mark.integration


def adapted(seed: int = 0) -> Any:
    """A GPT-2 of some thousand weights with LoRA adapters, which have dropout."""
    torch.manual_seed(seed)
    sizes = {"vocab_size": 20, "n_positions": 8, "n_layer": 1, "n_embd": 16, "n_head": 2}
    model = GPT2LMHeadModel(GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))
    model.loss_type = "ForCausalLM"  # the default; transformers warns if it is not set
    lora = peft.LoraConfig(r=4, target_modules=["c_attn"], lora_dropout=0.1, task_type="CAUSAL_LM", fan_in_fan_out=True)
    return peft.get_peft_model(model, lora)


def rows(count: int = 64) -> list[dict[str, Tensor]]:
    found = [(torch.arange(8) + i) % 20 for i in range(count)]
    return [{"input_ids": row, "labels": row} for row in found]


def trainer_in(folder: Path, steps: int = 40) -> Trainer:
    usual = {"max_steps": steps, "per_device_train_batch_size": 8, "learning_rate": 1e-2, "logging_steps": 10}
    quiet = {"report_to": [], "use_cpu": True, "disable_tqdm": True, "save_strategy": "steps", "save_steps": 20}
    arguments = TrainingArguments(output_dir=str(folder), label_names=["labels"], **usual, **quiet)
    return Trainer(adapted(), arguments, train_dataset=rows(), eval_dataset=rows(32))


def trained(folder: Path, resume: str | None = None, **settings: Any) -> SpeculationCallback:
    trainer = trainer_in(folder)
    callback = SpeculationCallback(trainer, **{**USUAL, **settings})
    trainer.add_callback(callback)
    trainer.train(resume_from_checkpoint=resume)
    return callback


@integration("PEFT", "LoRA by transformers.Trainer", "works")
def test_only_adapters_move_in_a_trainer(tmp_path: Path) -> None:
    """And a resumed training ends as one that did not stop."""
    whole = trained(tmp_path / "whole")
    assert whole.speculation is not None
    assert whole.report()["leaps"] > 0
    assert whole.report()["warnings"] == []
    assert all("lora" in name for name in whole.speculation.computation.weights.names)
    before = dict(adapted().named_parameters())
    for name, parameter in whole._trainer.model.named_parameters():
        assert torch.equal(parameter, before[name]) != ("lora" in name)
    rest = trained(tmp_path / "rest", str(tmp_path / "whole" / "checkpoint-20"))
    assert rest.speculation is not None
    assert rest.report()["leaps"] == whole.report()["leaps"]
    assert rest.speculation.computation.digest() == whole.speculation.computation.digest()


@integration("PEFT", "LoRA in a loop of your own", "works")
def test_only_adapters_move_in_a_loop_of_the_user_s_own() -> None:
    model = adapted()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    batches = [{name: torch.stack([row[name] for row in rows()[i : i + 8]]) for name in rows(1)[0]} for i in range(16)]

    def loss(model: Any, batch: dict[str, Tensor]) -> Tensor:
        logits = model(input_ids=batch["input_ids"]).logits[:, :-1]
        targets = batch["labels"][:, 1:]
        return torch.nn.functional.cross_entropy(logits.transpose(1, 2), targets, reduction="none").mean(1)

    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    speculation = Speculation(model, optimizer, gate=batches[:8], loss=loss, **USUAL)
    for step in range(60):
        value = loss(model, batches[step % 16]).mean()
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        speculation.step(value)
    assert speculation.report()["leaps"] > 0
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]) != ("lora" in name)


def test_an_adapted_training_whose_candidates_are_all_rejected_ends_as_without_the_callback(tmp_path: Path) -> None:
    file = tmp_path / "declining.py"
    file.write_text(
        "import asc\n\n"
        "class Reject(asc.Validator):\n"
        "    def judge(self, computation, candidate):\n"
        "        computation.score(candidate.state, 0)\n"
        "        return asc.Verdict(False, 0.0, 'rejects everything')\n\n"
        "@asc.hookimpl\n"
        "def asc_register(registry):\n"
        "    registry.add('validator', 'reject', 'declining:Reject', 'rejects everything')\n"
    )
    plain = trainer_in(tmp_path, steps=40)
    plain.train()
    watched = trained(tmp_path, validator="reject", plugins=load([file]))
    assert watched.report()["outcomes"]["rejected"] > 0
    assert all(map(torch.equal, plain.model.parameters(), watched._trainer.model.parameters()))
