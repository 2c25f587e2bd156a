"""Prompts as tokens, and the ends of texts, of a model and its tokenizer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from itertools import takewhile
from operator import index
from typing import Any

from torch import nn

from asc.errors import AscError
from asc_nn_training.generation.sampling import Sampling

EXPECTED = "Give a causal language model of transformers with attention, such as a GPT-2, a Llama or a Qwen."


def config_of(model: nn.Module) -> Any:
    """Return the configuration of the model's decoder: a model of images and texts has others as well."""
    config: Any = model.config
    return config.get_text_config(decoder=True)


def positions_of(model: nn.Module) -> int | None:
    """Return how many tokens a text may have, with its prompt; None if that is not limited."""
    config = config_of(model)
    rope = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    for scaling in (rope, *(part for part in rope.values() if isinstance(part, dict))):
        if scaling.get("rope_type") == "longrope":  # beyond, the longest text of a batch changes all of them
            original = scaling.get("original_max_position_embeddings")
            found: int = original or config.original_max_position_embeddings
            return found
    most: int | None = getattr(config, "max_position_embeddings", None)
    return most


def require_generative(model: nn.Module) -> None:
    """Raise AscError if the model's passes over blocks of tokens cannot be taken back."""
    config: Any = getattr(model, "config", None)
    name = type(model).__name__
    if config is None or not callable(getattr(model, "generate", None)):
        raise AscError(f"{name} is no transformers model that generates. {EXPECTED}")
    if getattr(config, "is_encoder_decoder", False):
        raise AscError(f"{name} has an encoder and a decoder. {EXPECTED}")
    if getattr(model, "_is_stateful", False):
        raise AscError(f"{name} has a state that a rejected draft could not be taken out of again. {EXPECTED}")
    adapters: Any = getattr(model, "peft_config", None) or {}
    if any(getattr(adapter, "is_prompt_learning", False) for adapter in adapters.values()):
        raise AscError(f"{name} puts learnt tokens before each pass. Give a model with another adapter, such as LoRA.")


def ends_of(model: nn.Module) -> frozenset[int]:
    """Return the tokens that end a text, as `generate` finds them."""
    found: Any = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    if found is None:
        found = getattr(model.config, "eos_token_id", None)
    return frozenset([] if found is None else [found] if isinstance(found, int) else found)


def kind_of(model: nn.Module, tokenizer: Any | None) -> str:
    """Return a line that tells models apart whose texts are of different tokens."""
    config = config_of(model)
    words = "" if tokenizer is None else json.dumps(sorted(tokenizer.get_vocab().items()))
    digest = f", tokenizer {hashlib.blake2b(words.encode(), digest_size=6).hexdigest()}" if words else ""
    return f"{config.model_type}, {config.vocab_size} tokens, width {getattr(config, 'hidden_size', '?')}{digest}"


def tokens_of(
    prompts: Sequence[str | Sequence[int]],
    model: nn.Module,
    tokenizer: Any | None,
    sampling: Sampling,
    names: Sequence[str] = (),
) -> list[tuple[int, ...]]:
    """Return each prompt's tokens. Raises AscError for one that is empty, too long, or has unknown tokens.

    Errors call a prompt by its name, by default "Prompt 1" and so on.
    """
    words, positions = config_of(model).vocab_size, positions_of(model)
    if isinstance(prompts, str):
        raise AscError("The prompts are one text. Give a list of texts, or of lists of tokens.")
    found: list[tuple[int, ...]] = []
    for number, prompt in enumerate(prompts, 1):
        name = names[number - 1] if names else f"Prompt {number}"
        if isinstance(prompt, str):
            if tokenizer is None:
                raise AscError(f"{name} is a text, and there is no tokenizer: give tokenizer=, or tokens.")
            tokens = tuple(tokenizer(prompt)["input_ids"])
        else:
            try:
                tokens = tuple(index(token) for token in prompt)
            except TypeError as error:
                raise AscError(
                    f"{name} is {prompt!r:.80}, which is neither a text nor a list of token numbers. "
                    "Give a list of prompts, such as ['Once upon'] or [[15, 7]]."
                ) from error
        if not tokens:
            raise AscError(f"{name} has no token, so there is nothing to continue. Give it 1 token or more.")
        if not 0 <= min(tokens) <= max(tokens) < words:
            raise AscError(
                f"{name} has the token {min(tokens) if min(tokens) < 0 else max(tokens)}, and the model knows "
                f"0 to {words - 1}. Use the tokenizer of this model."
            )
        if positions is not None and len(tokens) + sampling.max_new_tokens > positions:
            room = positions - len(tokens)
            shorter = f", or set max_new_tokens to {room} or less (in asc run, --set sampling.max_new_tokens={room})"
            raise AscError(
                f"{name} has {len(tokens)} tokens, and {sampling.max_new_tokens} more do not fit into the "
                f"model's {positions} positions. Shorten the prompt{shorter if room > 0 else ''}."
            )
        found.append(tokens)
    return found


def stopping(stop: Collection[str], tokenizer: Any | None) -> Callable[[Sequence[int], Sequence[int]], bool] | None:
    """Return a function of prompt and text: whether the newest token completes a stop string. None without such.

    As in transformers, a stop string may begin in the prompt. Raises AscError if there is one, but no tokenizer.
    """
    if not stop:
        return None
    if tokenizer is None:
        raise AscError("Stop strings need a tokenizer: give tokenizer=, or leave stop out.")
    if "" in stop:
        raise AscError("One of the stop strings is empty, and would end every text: leave it out.")
    most = max(len(string.encode()) for string in stop) + 4  # tokens: each has a byte of the string or more

    def stops(prompt: Sequence[int], tokens: Sequence[int]) -> bool:
        newest = [*prompt[-most:], *tokens[-most:]][-most:]
        end: str = tokenizer.decode(newest)
        found = [end.rfind(string) + len(string) for string in stop if string in end]
        if not found:
            return False
        before = zip(end, tokenizer.decode(newest[:-1]), strict=False)
        return max(found) > sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], before))

    return stops
