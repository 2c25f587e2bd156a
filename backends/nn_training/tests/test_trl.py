"""Speculation in TRL's trainers: SFT, DPO, and GRPO with a reward gate."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc.plugins import Plugins, load
from asc_nn_training import SpeculationCallback
from asc_nn_training.integrations.objective import objective
from asc_nn_training.training.loss import evaluation

trl = pytest.importorskip("trl", reason="TRL is not installed")
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")  # TRL uses deprecated names of transformers
USUAL: dict[str, Any] = {"every": 5, "horizons": (5,), "overdraft": 1.0}
WORDS = [f"w{number}" for number in range(20)]
integration = pytest.mark.integration


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    """A tokenizer of twenty words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<eos>"]
    vocabulary = {word: number for number, word in enumerate([*special, *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<eos>")


def language_model(dropout: float = 0.1) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    sizes = {"vocab_size": 22, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    heads = {"num_attention_heads": 2, "max_position_embeddings": 64, "attention_dropout": dropout}
    return LlamaForCausalLM(LlamaConfig(**sizes, **heads, pad_token_id=0, eos_token_id=1, bos_token_id=1))


def counting(number: int, length: int = 6) -> str:
    return " ".join(WORDS[(number + i) % 20] for i in range(length))


def dataset(columns: Callable[[int], dict[str, Any]], count: int = 32) -> Any:
    from datasets import Dataset

    return Dataset.from_list([columns(number) for number in range(count)])


def texts(number: int) -> dict[str, Any]:
    return {"text": counting(number, 3 + number % 5)}


def completions(number: int) -> dict[str, Any]:
    return {"prompt": counting(number, 2 + number % 3), "completion": " " + counting(number + 7, 1 + number % 4)}


def preferences(number: int) -> dict[str, Any]:
    return {
        "prompt": counting(number, 3),
        "chosen": " " + counting(number + 3, 2 + number % 2),
        "rejected": " " + counting(5 * number, 3),
    }


def settings(folder: Path, **more: Any) -> dict[str, Any]:
    usual = {"max_steps": 30, "per_device_train_batch_size": 4, "per_device_eval_batch_size": 4, "learning_rate": 1e-2}
    quiet = {"report_to": [], "use_cpu": True, "bf16": False, "disable_tqdm": True, "save_strategy": "no"}
    return {"output_dir": str(folder), "logging_steps": 5, **usual, **quiet, **more}


def sft(columns: Callable[[int], dict[str, Any]], **more: Any) -> Callable[[Path, Any], Any]:
    def make(folder: Path, tokenizer: Any) -> Any:
        rows = dataset(columns)
        return trl.SFTTrainer(
            model=language_model(),
            args=trl.SFTConfig(**settings(folder, **{"max_length": 32, **more})),
            train_dataset=rows,
            eval_dataset=rows,
            processing_class=tokenizer,
        )

    return make


def dpo(**more: Any) -> Callable[[Path, Any], Any]:
    def make(folder: Path, tokenizer: Any) -> Any:
        rows = dataset(preferences)
        return trl.DPOTrainer(
            model=language_model(),
            ref_model=language_model(dropout=0.0),  # TRL does not switch it to evaluation
            args=trl.DPOConfig(**settings(folder, **{"max_length": 32, **more})),
            train_dataset=rows,
            eval_dataset=rows,
            processing_class=tokenizer,
        )

    return make


def dpo_with_adapters(folder: Path, tokenizer: Any) -> Any:
    peft = pytest.importorskip("peft", reason="PEFT is not installed")
    rows = dataset(preferences)
    return trl.DPOTrainer(
        model=language_model(dropout=0.0),
        peft_config=peft.LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"),
        args=trl.DPOConfig(**settings(folder, max_length=32)),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )


def reward(completions: list[str], **keywords: Any) -> list[float]:
    """A reward of few words."""
    return [float("w3" in completion) - len(completion) / 20 for completion in completions]


def grpo(folder: Path, tokenizer: Any) -> Any:
    rows = dataset(lambda number: {"prompt": counting(number, 3)}, 16)
    generating = {"num_generations": 4, "max_completion_length": 4, "generation_batch_size": 4}
    return trl.GRPOTrainer(
        model=language_model(),
        reward_funcs=reward,
        args=trl.GRPOConfig(**settings(folder, **generating)),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
    )


TRAINERS = {
    "SFTTrainer": sft(texts),
    "SFTTrainer, completions only": sft(completions),
    "SFTTrainer, packing": sft(texts, packing=True, eval_packing=True),
    "SFTTrainer, padding-free": sft(texts, padding_free=True, max_length=None),
    "SFTTrainer, label smoothing": sft(texts, label_smoothing_factor=0.1),
    "SFTTrainer, gradient accumulation": sft(texts, gradient_accumulation_steps=2),
    "DPOTrainer": dpo(),
    "DPOTrainer, another loss": dpo(loss_type="ipo"),
    "DPOTrainer, LoRA": dpo_with_adapters,
}


@pytest.mark.parametrize("what", [pytest.param(name, marks=integration("TRL", name, "works")) for name in TRAINERS])
def test_the_gate_judges_by_the_loss_that_trl_trains(tmp_path: Path, tokenizer: Any, what: str) -> None:
    """The mean over the gate is TRL's own evaluation of single samples."""
    trainer = TRAINERS[what](tmp_path, tokenizer)
    trainer.args.max_steps = 3
    trainer.train()
    trainer.args.per_device_eval_batch_size = 1
    judged = objective(trainer, trainer.model)
    before = repr(trainer._metrics)
    with evaluation(trainer.model):
        losses = torch.stack([judged.loss(trainer.model, batch) for batch in judged.batches])
    assert repr(trainer._metrics) == before
    assert len(losses) == len(judged.batches) == len(trainer.eval_dataset)
    assert float(losses.std()) > 0
    assert float(losses.mean()) == pytest.approx(trainer.evaluate()["eval_loss"], rel=1e-4)


@pytest.fixture
def plugins(tmp_path: Path) -> Plugins:
    """The installed plugins, and a validator that rejects everything."""
    file = tmp_path / "refusing.py"
    file.write_text(
        "import asc\n\n"
        "class Reject(asc.Validator):\n"
        "    def judge(self, computation, candidate):\n"
        "        computation.score(None, 0), computation.score(candidate.state, 0)\n"
        "        return asc.Verdict(False, 0.0, 'rejects everything')\n\n"
        "@asc.hookimpl\n"
        "def asc_register(registry):\n"
        "    registry.add('validator', 'reject', 'refusing:Reject', 'rejects everything')\n"
    )
    return load([file])


def ended(trainer: Any) -> tuple[list[Tensor], list[dict[str, float]]]:
    """Return the weights and the log, without the clock's figures and speculation's."""
    clock = ("runtime", "per_second", "time")
    log = [
        {name: value for name, value in entry.items() if not name.startswith("asc/") and not name.endswith(clock)}
        for entry in trainer.state.log_history
    ]
    return [parameter.detach().clone() for parameter in trainer.model.parameters()], log


@pytest.mark.parametrize("what", ["SFTTrainer, gradient accumulation", "DPOTrainer", "GRPOTrainer"])
def test_a_training_whose_candidates_are_all_rejected_ends_as_without_the_callback(
    tmp_path: Path, tokenizer: Any, what: str, plugins: Plugins
) -> None:
    """Weights and TRL's own metrics, bit for bit."""
    ends = []
    for speculate in (False, True):
        trainer = grpo(tmp_path, tokenizer) if what == "GRPOTrainer" else TRAINERS[what](tmp_path, tokenizer)
        trainer.args.max_steps = 12
        if speculate:
            score = generated_reward(tokenizer) if what == "GRPOTrainer" else None
            callback = SpeculationCallback(trainer, score=score, validator="reject", plugins=plugins, **USUAL)
            trainer.add_callback(callback)
        trainer.train()
        ends.append(ended(trainer))
    assert callback.report()["outcomes"]["rejected"] > 0
    assert all(map(torch.equal, ends[0][0], ends[1][0]))
    assert ends[0][1] == ends[1][1]


@pytest.mark.parametrize("what", ["SFTTrainer", "DPOTrainer"])
def test_leaps_are_taken_in_trl_s_trainers(tmp_path: Path, tokenizer: Any, what: str) -> None:
    trainer = TRAINERS[what](tmp_path, tokenizer)
    callback = SpeculationCallback(trainer, **USUAL)
    trainer.add_callback(callback)
    trainer.train()
    assert callback.report()["leaps"] > 0
    assert callback.report()["position"] == 30
    assert callback.report()["warnings"] == []
    assert trainer.state.log_history[-2]["asc/leaps"] == callback.report()["leaps"]


def generated_reward(tokenizer: Any) -> Callable[[nn.Module, list[dict[str, Any]]], Tensor]:
    """Return a score: the reward of what the model writes to each prompt, word by word the likeliest."""

    def score(model: Any, rows: list[dict[str, Any]]) -> Tensor:
        prompts = tokenizer([row["prompt"] for row in rows], return_tensors="pt", padding=True, padding_side="left")
        answers = model.generate(prompts["input_ids"], attention_mask=prompts["attention_mask"], max_new_tokens=4)
        texts = tokenizer.batch_decode(answers[:, prompts["input_ids"].shape[1] :], skip_special_tokens=True)
        return torch.tensor(reward(texts))

    return score


def likelihood(tokenizer: Any) -> Callable[[nn.Module, list[dict[str, Any]]], Tensor]:
    """Return a score: the log-likelihood of the words that follow each prompt."""

    def score(model: Any, rows: list[dict[str, Any]]) -> Tensor:
        texts = tokenizer([row["prompt"] + " w3" for row in rows], return_tensors="pt")["input_ids"]
        logits = model(texts).logits[:, :-1].log_softmax(2)
        return logits.gather(2, texts[:, 1:, None]).mean((1, 2))

    return score


@integration("TRL", "GRPOTrainer with score=, a reward or a likelihood", "works")
@pytest.mark.parametrize("kind", [generated_reward, likelihood])
def test_grpo_is_judged_by_a_score(tmp_path: Path, tokenizer: Any, kind: Any) -> None:
    trainer = grpo(tmp_path, tokenizer)
    prompts = []
    scored = kind(tokenizer)

    def score(model: nn.Module, rows: list[dict[str, Any]]) -> Tensor:
        prompts.extend(row["prompt"] for row in rows)
        found: Tensor = scored(model, rows)
        return found

    callback = SpeculationCallback(trainer, score=score, **USUAL)
    trainer.add_callback(callback)
    trainer.train()
    assert callback.report()["acceptance_rate"] is not None
    assert len(set(prompts)) == 16
    assert callback.report()["warnings"] == []


@integration("TRL", "GRPOTrainer without score=", "refused")
def test_grpo_without_a_score_is_refused_in_a_sentence(
    tmp_path: Path, tokenizer: Any, integration_refusal: Callable[[object], None]
) -> None:
    with pytest.raises(AscError, match=r"GRPOTrainer trains on texts that the model generates.*score=score") as refused:
        SpeculationCallback(grpo(tmp_path, tokenizer))
    integration_refusal(refused.value)
