"""The rollouts of TRL's GRPOTrainer, with drafts from the texts that the same prompts gave before."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal, get_args

from accelerate.utils import gather_object
from transformers import PreTrainedTokenizerBase

from asc.config.validate import validate
from asc.errors import AscError
from asc_nn_training.generation.counts import Counts
from asc_nn_training.generation.sampling import Sampling
from asc_nn_training.generation.speculative import GeneratedText, SpeculativeGeneration, reason
from asc_nn_training.generation.texts import Earlier, TextCache

Noise = Literal["fresh", "same"]
_SAMPLED = ("max_new_tokens", "temperature", "top_k", "top_p", "repetition_penalty")
_OF_NO_EFFECT = {"bos_token_id", "pad_token_id", "disable_compile", "transformers_version", "use_cache"}
_KNOWN = {*_SAMPLED, *_OF_NO_EFFECT, "do_sample", "eos_token_id"}


class SpeculativeRollouts:
    """`GRPOTrainer(..., rollout_func=SpeculativeRollouts())`: generates the trainer's texts, with drafts.

    With drafts and without, the texts are the same, and so is the training, bit for bit. They are sampled by the
    settings of the trainer's `GRPOConfig`. Noise follows from seed, prompt, number of the rollout and position:

    - `noise="fresh"`: each generation of the training has other noise, as in TRL. Evaluations always have the same.
    - `noise="same"`: a prompt has the same noise each time, so its rollouts are those of the epoch before wherever the
      training has not moved the model far enough. Then they have many good drafts, but explore less.

    `seed` is by default the trainer's. `margin` is that of `Sampling`, and `batch` the most texts of a pass. A `cache`
    with a path keeps texts for the next training. With `speculate=False` there are no drafts.
    Raises AscError for settings that do not fit; for those of the trainer, before its first step.
    """

    def __init__(
        self,
        cache: TextCache | None = None,
        *,
        noise: Noise = "fresh",
        seed: int | None = None,
        margin: float | None = None,
        batch: int = 64,
        speculate: bool = True,
    ) -> None:
        _require_trl()
        if noise not in get_args(Noise):
            raise AscError(f"noise is {noise!r}. Type 'fresh' or 'same'.")
        self.cache = TextCache() if cache is None else cache
        self._noise, self._seed, self._margin = noise, seed, margin
        kept = self.cache if noise == "same" else TextCache(most=1)  # texts of fresh noise do not recur
        self._generations = {
            mode: SpeculativeGeneration(texts, speculate=speculate, batch=batch)
            for mode, texts in (("train", kept), ("eval", self.cache))
        }
        self._speculate = speculate
        self._newest, self._calls = -1, 0  # step of the newest generation of the training, and generations at it
        self._rated = (0, 0.0, 0.0)  # the newest step that was seen, its learning rate, and the sum of rates until then

    def __call__(self, prompts: Sequence[Any], trainer: Any) -> dict[str, Any]:
        """Return the tokens of prompts and of one text each. TRL repeats a prompt for each of its rollouts."""
        _require_suitable(trainer)
        mode = "train" if trainer.model.training else "eval"
        generation, step = self._generations[mode], trainer.state.global_step
        end = trainer.generation_config.eos_token_id
        sampling = self._sampling(trainer, self._seed_of(trainer, mode, step))
        given = _tokens(prompts, trainer)
        moved = self._moved(trainer, step)
        found = generation.generate(
            trainer.model,
            given,
            sampling,
            samples=_numbers(given, trainer.accelerator),
            position=step,
            moved=moved,
            ends=() if end is None else end,
        )
        if generation.cache is self.cache:
            self._share(found.texts, given, sampling.seed, step, moved)
        _log(trainer, mode, found.counts)
        return {
            "prompt_ids": given,
            "completion_ids": [text.tokens for text in found.texts],
            "logprobs": None,  # as without rollout_func: rounding may change them
        }

    def report(self) -> dict[str, Any]:
        """Return the figures of all rollouts so far, of the training and of evaluations, and what drafts were worth."""
        return {
            mode: {**generation.counts.figures(), "reason": reason(generation.counts, self._speculate)}
            for mode, generation in self._generations.items()
        }

    def _seed_of(self, trainer: Any, mode: str, step: int) -> int:
        """Return the seed of this generation's noise. A training that resumes at a step has the same from there."""
        seed: int = trainer.args.seed if self._seed is None else self._seed
        if mode == "eval" or self._noise == "same":
            return seed
        self._newest, self._calls = step, self._calls + 1 if step == self._newest else 0
        about = f"{seed} {step} {self._calls}".encode()
        return int.from_bytes(hashlib.blake2b(about, digest_size=8).digest(), "little") >> 1

    def _sampling(self, trainer: Any, seed: int) -> Sampling:
        given = {name: getattr(trainer.generation_config, name) for name in _SAMPLED}
        known = {name: value for name, value in given.items() if value is not None}
        return validate(Sampling, {**known, "seed": seed, "margin": self._margin}, " of the rollouts")

    def _moved(self, trainer: Any, step: int) -> float | None:
        """Return the sum of learning rates so far, as if the rate were linear between generations."""
        if trainer.optimizer is None:
            return None
        rate = float(trainer.optimizer.param_groups[0]["lr"])
        last, rate_then, moved = self._rated if step >= self._rated[0] > 0 else (0, rate, 0.0)
        moved += (step - last) * (rate + rate_then) / 2
        self._rated = step, rate, moved
        return moved

    def _share(
        self, texts: Sequence[GeneratedText], given: Sequence[Sequence[int]], seed: int, step: int, moved: float | None
    ) -> None:
        """Take over the texts of the other processes: the next time, one of those prompts may be this one's."""
        everyone = gather_object([(tuple(given[text.prompt]), text.sample, tuple(text.tokens)) for text in texts])
        if len(everyone) > len(texts):
            self.cache.put(
                {(prompt, sample, seed): Earlier(tokens, step, moved) for prompt, sample, tokens in everyone},
                write=False,
            )


def _tokens(prompts: Sequence[Any], trainer: Any) -> list[list[int]]:
    """Return the tokens of prompts as TRL makes them, of texts or of messages."""
    tokenizer = trainer.processing_class
    if isinstance(prompts[0], str):
        tokenized = tokenizer(text=list(prompts))
    else:
        how = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, **trainer.chat_template_kwargs}
        tokenized = tokenizer.apply_chat_template(conversation=list(prompts), **how)
    found: list[list[int]] = tokenized["input_ids"]
    return found


def _numbers(given: Sequence[Sequence[int]], accelerator: Any) -> list[int]:
    """Return the number of each prompt among equal ones in the batch of all processes."""
    seen, numbers = Counter[tuple[int, ...]](), list[int]()
    for prompt in map(tuple, gather_object(list(given))):
        numbers.append(seen[prompt])
        seen[prompt] += 1
    first = accelerator.process_index * len(given)
    return numbers[first : first + len(given)]


def _log(trainer: Any, mode: str, counts: Counts) -> None:
    """Add the figures of a generation to the trainer's next log."""
    for name in ("acceptance_rate", "passes_saved"):
        value = getattr(counts, name)
        if value is not None:
            trainer._metrics[mode][f"asc/rollouts/{name}"].append(value)


def _require_trl() -> None:
    try:
        installed = version("trl")
    except PackageNotFoundError as error:
        raise AscError(
            "SpeculativeRollouts is for TRL's GRPOTrainer, and TRL is not installed. "
            "Type: pip install 'asc-nn-training[trl]'"
        ) from error
    if int(installed.partition(".")[0]) < 1:
        raise AscError(
            f"TRL {installed} calls rollout_func only where vLLM generates, or not at all. "
            "SpeculativeRollouts needs TRL 1.0 or later. Type: pip install 'trl>=1,<2'"
        )


def _require_suitable(trainer: Any) -> None:
    """Raise AscError if the trainer's texts are not those that can be generated with drafts."""
    args, without = trainer.args, "or leave rollout_func out"
    for name in ("use_vllm", "use_transformers_continuous_batching", "use_transformers_paged"):
        if getattr(args, name, None):
            raise AscError(
                f"{name}=True asks for another way to generate, and SpeculativeRollouts generates by itself. "
                f"Leave {name} out, {without}."
            )
    if any(getattr(trainer, name, None) for name in ("tools", "environments", "environment_factories")):
        raise AscError(
            "SpeculativeRollouts generates one answer to each prompt, without tools and environments. "
            f"Give GRPOTrainer neither, {without}."
        )
    if not isinstance(trainer.processing_class, PreTrainedTokenizerBase):
        raise AscError(
            f"The trainer's processing_class is a {type(trainer.processing_class).__name__}, and SpeculativeRollouts "
            f"generates from texts alone, without images. Give a tokenizer, {without}."
        )
    kind = trainer.accelerator.distributed_type.value
    if kind != "NO" and not kind.startswith("MULTI_"):
        raise AscError(
            f"The model's weights are shared among processes ({kind}), and SpeculativeRollouts needs all of them in "
            f"each process. Train by DistributedDataParallel, {without}."
        )
    config = trainer.generation_config
    given = config.to_diff_dict()
    if unknown := sorted(set(given) - _KNOWN):
        raise AscError(
            f"GRPOConfig asks for {', '.join(f'{name}={given[name]!r}' for name in unknown)}, which "
            f"SpeculativeRollouts does not have. Leave that out, {without}."
        )
    if not config.do_sample or not config.temperature:
        raise AscError(
            "Without sampling, all rollouts of a prompt are the same text. Set a temperature above 0, and leave "
            "do_sample out of generation_kwargs."
        )
    if config.max_new_tokens is None:
        raise AscError(
            "max_completion_length is None, so texts have no limit. Give GRPOConfig a max_completion_length."
        )
