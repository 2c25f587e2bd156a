"""Prompts as tokens, and the ends of texts, of a model and its tokenizer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Sequence
from typing import Any

from torch import nn

from asc.errors import AscError
from asc_nn_training.generation.sampling import Sampling

_EXPECTED = "Give a causal language model of transformers with attention, such as a GPT-2, a Llama or a Qwen."


def require_generative(model: nn.Module) -> None:
    """Raise AscError if the model's passes over blocks of tokens cannot be taken back."""
    config: Any = getattr(model, "config", None)
    name = type(model).__name__
    if config is None or not callable(getattr(model, "generate", None)):
        raise AscError(f"{name} is no transformers model that generates. {_EXPECTED}")
    if getattr(config, "is_encoder_decoder", False):
        raise AscError(f"{name} has an encoder and a decoder. {_EXPECTED}")
    if getattr(model, "_is_stateful", False):
        raise AscError(f"{name} has a state that a rejected draft could not be taken out of again. {_EXPECTED}")


def ends_of(model: nn.Module) -> frozenset[int]:
    """Return the tokens that end a text, as `generate` finds them."""
    found: Any = getattr(getattr(model, "generation_config", None), "eos_token_id", None)
    if found is None:
        found = getattr(model.config, "eos_token_id", None)
    return frozenset([] if found is None else [found] if isinstance(found, int) else found)


def kind_of(model: nn.Module, tokenizer: Any | None) -> str:
    """Return a line that tells models apart whose texts are of different tokens."""
    config: Any = model.config
    words = "" if tokenizer is None else json.dumps(sorted(tokenizer.get_vocab().items()))
    digest = f", tokenizer {hashlib.blake2b(words.encode(), digest_size=6).hexdigest()}" if words else ""
    return f"{config.model_type}, {config.vocab_size} tokens, width {getattr(config, 'hidden_size', '?')}{digest}"


def tokens_of(
    prompts: Sequence[str | Sequence[int]], model: nn.Module, tokenizer: Any | None, sampling: Sampling
) -> list[tuple[int, ...]]:
    """Return each prompt's tokens. Raises AscError for one that is empty, too long, or has unknown tokens."""
    config: Any = model.config
    if isinstance(prompts, str):
        raise AscError("The prompts are one text. Give a list of texts, or of lists of tokens.")
    positions = getattr(config, "max_position_embeddings", None)
    found: list[tuple[int, ...]] = []
    for number, prompt in enumerate(prompts, 1):
        if isinstance(prompt, str):
            if tokenizer is None:
                raise AscError(f"Prompt {number} is a text, and there is no tokenizer: give tokenizer=, or tokens.")
            tokens = tuple(tokenizer(prompt)["input_ids"])
        else:
            tokens = tuple(int(token) for token in prompt)
        if not tokens:
            raise AscError(f"Prompt {number} has no token, so there is nothing to continue. Give it 1 token or more.")
        if not 0 <= min(tokens) <= max(tokens) < config.vocab_size:
            raise AscError(
                f"Prompt {number} has the token {min(tokens) if min(tokens) < 0 else max(tokens)}, and the model knows "
                f"0 to {config.vocab_size - 1}. Use the tokenizer of this model."
            )
        if positions is not None and len(tokens) + sampling.max_new_tokens > positions:
            raise AscError(
                f"Prompt {number} has {len(tokens)} tokens, and {sampling.max_new_tokens} more do not fit into the "
                f"model's {positions} positions. Shorten the prompt, or set a smaller max_new_tokens."
            )
        found.append(tokens)
    return found


def stopping(stop: Collection[str], tokenizer: Any | None) -> Callable[[Sequence[int]], bool] | None:
    """Return a function that says whether a text ends with its newest token, because of a stop string; None for none.

    Raises AscError if there is a stop string, but no tokenizer.
    """
    if not stop:
        return None
    if tokenizer is None:
        raise AscError("Stop strings need a tokenizer: give tokenizer=, or leave stop out.")
    if "" in stop:
        raise AscError("One of the stop strings is empty, and would end every text: leave it out.")
    most = max(len(string.encode()) for string in stop) + 4  # tokens: each has a byte of the string or more

    def stops(tokens: Sequence[int]) -> bool:
        end = tokenizer.decode(tokens[-most:])
        return any(string in end for string in stop)

    return stops
