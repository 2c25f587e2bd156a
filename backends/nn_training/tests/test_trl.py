"""Speculation in TRL's trainers: SFT, DPO, GRPO with a reward gate, and GRPO's rollouts with drafts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc.plugins import Plugins, load
from asc_nn_training import SpeculationCallback, SpeculativeRollouts
from asc_nn_training.generation import TextCache
from asc_nn_training.integrations import rollouts as rollouts_module
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


ROLLOUTS: dict[str, Any] = {
    "num_generations": 4,
    "max_completion_length": 8,
    "per_device_train_batch_size": 4,
    "gradient_accumulation_steps": 2,
    "max_steps": 9,  # two of the six prompts each, so three epochs
    "learning_rate": 3e-3,
    "save_steps": 3,
}
silent = pytest.mark.filterwarnings("ignore:You are using 'rollout_func':UserWarning")  # TRL calls it experimental


def grpo_with(rollouts: SpeculativeRollouts, folder: Path, tokenizer: Any, **more: Any) -> Any:
    rows = dataset(lambda number: {"prompt": counting(number, 3)}, 6)
    return trl.GRPOTrainer(
        model=language_model(),
        reward_funcs=reward,
        args=trl.GRPOConfig(**settings(folder, **{**ROLLOUTS, **more})),
        train_dataset=rows,
        eval_dataset=rows,
        processing_class=tokenizer,
        rollout_func=rollouts,
    )


@silent
@integration("TRL", "GRPOTrainer, rollouts with drafts: rollout_func=SpeculativeRollouts()", "works")
@pytest.mark.parametrize("more", [{}, {"bf16": True, "top_p": 0.9}, "SpeculationCallback"])
def test_a_training_whose_rollouts_have_drafts_is_the_one_without(tmp_path: Path, tokenizer: Any, more: Any) -> None:
    """Weights, texts and TRL's own metrics, bit for bit."""
    ends, texts = [], []
    for speculate in (True, False):
        rollouts = SpeculativeRollouts(noise="same", speculate=speculate)
        pace = rollouts._generations["train"]._pace
        pace.plan = lambda *_: 6  # type: ignore[method-assign]  # the clock decides nothing
        callback = more == "SpeculationCallback"
        trainer = grpo_with(rollouts, tmp_path, tokenizer, **({} if callback else more))
        if callback:
            speculation = SpeculationCallback(trainer, score=generated_reward(tokenizer), **{**USUAL, "every": 2})
            trainer.add_callback(speculation)
        trainer.train()
        assert not callback or speculation.report()["acceptance_rate"] is not None
        ends.append(ended(trainer))
        texts.append([text.tokens for text in rollouts.cache])
        report = rollouts.report()["train"]
        assert (report["accepted"] > 0) == speculate
        assert report["texts"] == 72
        assert any("asc/rollouts/passes_saved" in entry for entry in trainer.state.log_history)
    assert texts[0] == texts[1]
    assert len({tuple(text) for text in texts[0]}) > 12
    assert all(map(torch.equal, ends[0][0], ends[1][0]))
    assert ends[0][1] == ends[1][1]


@silent
@pytest.mark.parametrize("noise", ["same", "fresh"])
def test_a_resumed_training_has_the_rollouts_of_one_that_was_not_interrupted(
    tmp_path: Path, tokenizer: Any, noise: Any
) -> None:
    orderly = {"shuffle_dataset": False, "save_strategy": "steps"}  # TRL resumes with another order of later epochs
    whole = grpo_with(SpeculativeRollouts(noise=noise), tmp_path, tokenizer, **orderly)
    whole.train()
    resumed = grpo_with(SpeculativeRollouts(noise=noise), tmp_path, tokenizer, **orderly)
    resumed.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))
    assert all(map(torch.equal, whole.model.parameters(), resumed.model.parameters()))


@silent
def test_fresh_noise_is_for_each_generation_of_a_training_and_the_same_for_evaluations(
    tmp_path: Path, tokenizer: Any
) -> None:
    rollouts = SpeculativeRollouts()
    trainer = grpo_with(rollouts, tmp_path, tokenizer)
    prompts = [counting(0, 3)] * 4
    trainer.model.train()
    trained = []
    for step in (0, 0, 1):
        trainer.state.global_step = step
        trained += rollouts(prompts, trainer)["completion_ids"]
    assert len({tuple(text) for text in trained}) > 8  # some are as short as one token
    trainer.model.eval()
    first, second = (rollouts(prompts, trainer) for _ in range(2))
    assert first == second
    assert rollouts.report()["eval"]["aligned"] == sum(map(len, first["completion_ids"]))
    assert len(rollouts.cache) == 4


@silent
def test_prompts_have_the_tokens_that_trl_gives_them(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollouts = SpeculativeRollouts(seed=3)
    trainer = grpo_with(rollouts, tmp_path, tokenizer, chat_template_kwargs={"ending": "w5"})
    words = (
        "{% for message in messages %}{{ message.content }} {% endfor %}{% if add_generation_prompt %}w9 {% endif %}"
    )
    monkeypatch.setattr(trainer.processing_class, "chat_template", words + "{{ ending }}")
    for prompts in ([counting(1, 3), counting(2, 4)], [[{"role": "user", "content": counting(1, 3)}]]):
        found = rollouts(prompts, trainer)["prompt_ids"]
        assert found == trainer._tokenize_prompts(prompts)[0]
    assert tokenizer.decode(found[0]) == counting(1, 3) + " w9 w5"


@silent
def test_processes_have_other_rollouts_of_one_prompt_and_share_their_texts(
    tmp_path: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the second of two processes does, where the first has the first half of a batch."""
    trainer = grpo_with(SpeculativeRollouts(), tmp_path, tokenizer)
    trainer.model.eval()
    half = [counting(0, 3)] * 2
    whole, second = SpeculativeRollouts(), SpeculativeRollouts(TextCache(tmp_path / "texts.jsonl"))
    expected = whole(half * 2, trainer)["completion_ids"]
    given = iter([tokenizer(half)["input_ids"], [((2, 3, 4), sample, tuple(expected[sample])) for sample in (0, 1)]])

    def gathered(own: Sequence[Any]) -> list[Any]:
        return [*next(given), *own]

    monkeypatch.setattr(rollouts_module, "gather_object", gathered)
    ranks = SimpleNamespace(process_index=1, distributed_type=trainer.accelerator.distributed_type)
    monkeypatch.setattr(trainer, "accelerator", ranks)
    assert second(half, trainer)["completion_ids"] == expected[2:]
    assert list(second.cache) == list(whole.cache)
    assert len((tmp_path / "texts.jsonl").read_text().splitlines()) == 3  # the first process writes the other two


def changed(**given: Any) -> Callable[[Any], None]:
    def change(trainer: Any) -> None:
        for name, value in given.items():
            setattr(trainer, name, value)

    return change


def asked(**given: Any) -> Callable[[Any], None]:
    return lambda trainer: trainer.generation_config.update(**given)


REFUSED: dict[str, tuple[Callable[[Any], None], str]] = {
    "vLLM": (lambda trainer: setattr(trainer.args, "use_vllm", True), "use_vllm=True asks for another way"),
    "tools": (changed(tools=[len]), "without tools and environments"),
    "environments": (changed(environment_factories={None: list}), "without tools and environments"),
    "images": (changed(processing_class=object()), "processing_class is a object, .* without images"),
    "sharded weights": (
        changed(accelerator=SimpleNamespace(distributed_type=SimpleNamespace(value="FSDP"))),
        r"shared among processes \(FSDP\)",
    ),
    "min_p": (asked(min_p=0.1), "GRPOConfig asks for min_p=0.1, which"),
    "other keywords": (asked(num_beams=2, suppress_tokens=[3]), r"asks for num_beams=2, suppress_tokens=\[3\], which"),
    "greedy": (asked(do_sample=False), "all rollouts of a prompt are the same text"),
    "no temperature": (asked(temperature=0.0), "Set a temperature above 0"),
    "no limit": (asked(max_new_tokens=None), "max_completion_length is None"),
    "a wrong setting": (asked(top_p=1.5), '"top_p" of the rollouts was given 1.5'),
}


@silent
@integration("TRL", "GRPOTrainer, rollouts with drafts: min_p and other ways to generate", "refused")
def test_rollouts_that_cannot_have_drafts_are_refused_in_a_sentence(
    tmp_path: Path, tokenizer: Any, integration_refusal: Callable[[object], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    rollouts = SpeculativeRollouts()
    for change, sentence in REFUSED.values():
        trainer = grpo_with(rollouts, tmp_path, tokenizer)
        change(trainer)
        with pytest.raises(AscError, match=sentence) as refused:
            rollouts([counting(0, 3)], trainer)
        if "min_p" in sentence:
            integration_refusal(refused.value)
    with pytest.raises(AscError, match=r"noise is 'new'\. Type 'fresh' or 'same'"):
        SpeculativeRollouts(noise="new")  # type: ignore[arg-type]
    monkeypatch.setattr(rollouts_module, "version", lambda _: "0.29.1")
    with pytest.raises(AscError, match=r"TRL 0\.29\.1 calls rollout_func only where vLLM generates"):
        SpeculativeRollouts()
