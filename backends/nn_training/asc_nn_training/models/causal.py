"""Which models can be trained on text here: causal language models, whose output knows only the tokens before."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from asc.errors import AscError
from asc_nn_training.models.hub import reason
from asc_nn_training.training.loss import evaluation

_EXPECTED = "Name a causal language model, such as a GPT-2, a Llama or a Qwen, or a built-in shape."
_TOKENS = 8
_SAME = 1e-4  # of the largest output: more than rounding, and less than what a later token does


def require_causal_config(config: Any, name: str) -> None:
    """Raise AscError if a transformers configuration is of another kind of model."""
    from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING  # noqa: PLC0415 -- seconds to import

    parts = [part.removesuffix("_config") for part in getattr(config, "sub_configs", {})]
    if getattr(config, "quantization_config", None):
        raise AscError(
            f"{name} is quantised, and quantised weights cannot be trained: name the model in full precision."
        )
    if getattr(config, "is_encoder_decoder", False):
        raise AscError(f"{name} ({config.model_type}) has an encoder and a decoder. {_EXPECTED}")
    if config.get_text_config() is not config or {"vision", "audio", "audio_encoder"} & set(parts):
        raise AscError(f"{name} ({config.model_type}) has parts for more than text: {', '.join(parts)}. {_EXPECTED}")
    if type(config) not in MODEL_FOR_CAUSAL_LM_MAPPING:
        raise AscError(f"{name} ({config.model_type}) is no causal language model. {_EXPECTED}")


def require_causal_outputs(model: nn.Module, name: str, length: int) -> None:
    """Raise AscError if the model's output for a token depends on a later token, or if it takes no plain tokens.

    Many encoders can be built as if they were decoders. Such a model would only learn to copy the next token.
    """
    config: Any = model.config
    tokens = (torch.arange(min(_TOKENS, length)) + config.vocab_size // 2).remainder(config.vocab_size).unsqueeze(0)
    other = tokens.clone()
    other[0, -1] = (config.vocab_size // 2 - 1) % config.vocab_size
    try:
        with evaluation(model):
            first, second = (model(given).logits[0, :-1].float() for given in (tokens, other))
    except Exception as error:  # a model is foreign code
        raise AscError(f"{name} ({config.model_type}) takes no plain tokens: {reason(error)} {_EXPECTED}") from error
    if (first - second).abs().max() > _SAME * first.abs().max():
        raise AscError(
            f"{name} ({config.model_type}) is bidirectional: its output for a token depends on later tokens, so it "
            f"would only learn to copy them. {_EXPECTED}"
        )
