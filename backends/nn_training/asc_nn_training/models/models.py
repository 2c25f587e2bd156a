"""Causal language models: built-in shapes, a local folder, a GGUF file, or a name on the hub."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr
from io import StringIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import nn

from asc.errors import AscError
from asc_nn_training.models.causal import require_causal_config, require_causal_outputs
from asc_nn_training.models.hub import reason
from asc_nn_training.models.quiet import quiet
from asc_nn_training.models.sizes import require_config_file, require_sizes
from asc_nn_training.models.source import locate
from asc_nn_training.paths import absolute
from asc_nn_training.training.device import random_state, set_random_state

Init = Literal["scratch", "pretrained"]


class Shape(NamedTuple):
    """A built-in architecture."""

    family: Literal["gpt2", "qwen2"]
    settings: Mapping[str, Any]  # of the transformers configuration
    published: str | None = None  # name of its weights on the hub
    dropout: float = 0.0


_QWEN = {
    "num_hidden_layers": 28,
    "hidden_size": 1536,
    "num_attention_heads": 12,
    "num_key_value_heads": 2,
    "intermediate_size": 8960,
    "tie_word_embeddings": True,
    "rope_theta": 1_000_000.0,
}
SHAPES: Mapping[str, Shape] = {
    "gpt2-pico": Shape("gpt2", {"n_layer": 2, "n_embd": 64, "n_head": 2}),
    "gpt2-nano": Shape("gpt2", {"n_layer": 2, "n_embd": 128, "n_head": 4}),
    "gpt2-micro": Shape("gpt2", {"n_layer": 4, "n_embd": 192, "n_head": 6}),
    "gpt2-mini": Shape("gpt2", {"n_layer": 8, "n_embd": 288, "n_head": 6}),
    "gpt2": Shape("gpt2", {"n_layer": 12, "n_embd": 768, "n_head": 12}, "openai-community/gpt2", 0.1),
    "qwen2.5-1.5b": Shape("qwen2", _QWEN, "Qwen/Qwen2.5-1.5B"),
}
"""With a vocabulary of 4,096 nano, micro and mini have about 1, 3 and 9 million weights; gpt2 has 124 million in all.

With a vocabulary of 257, which is bytes, pico has 0.1 million.
"""


def own_tokenizer(name: str, init: Init) -> str | None:
    """Return the name of the tokenizer that pretrained weights were trained with; None for random weights."""
    if init == "scratch":
        return None
    return SHAPES[name].published if name in SHAPES else name


def make_model(
    name: str,
    *,
    init: Init,
    vocabulary: int,
    length: int,
    seed: int,
    end: int | None = None,
    dropout: float | None = None,
) -> nn.Module:
    """Return a model in fp32 on the CPU. Its random weights depend only on the seed.

    `vocabulary` is the number of different tokens, `length` the tokens of a sequence, `end` the number of the token
    between documents. Dropout is 0 for the small shapes and 0.1 for `gpt2`, unless it is given.
    Raises AscError if the name is unknown, the hub cannot be reached, the model is no causal language model, its sizes
    are wrong or take too much memory, or model and data do not fit.
    """
    shape = SHAPES.get(name)
    source = name
    if shape is not None and init == "pretrained":
        if shape.published is None:
            known = ", ".join(each for each, other in SHAPES.items() if other.published)
            raise AscError(f"There are no published weights of {name}. Type --init scratch, or choose one of {known}.")
        source = shape.published
    if dropout is not None and (shape is None or init == "pretrained"):
        raise AscError(f"--dropout is for built-in shapes from scratch, and {name} has its own: leave --dropout out.")
    with quiet(), _seeded(seed):
        if shape is not None and init == "scratch":
            return _built(name, shape, vocabulary, length, end, shape.dropout if dropout is None else dropout)
        return _fetched(source, name, init, vocabulary, length, end)


def _built(name: str, shape: Shape, vocabulary: int, length: int, end: int | None, dropout: float) -> nn.Module:
    from transformers import AutoModelForCausalLM, GPT2Config, Qwen2Config  # noqa: PLC0415 -- seconds to import

    marks: dict[str, Any] = {"bos_token_id": end, "eos_token_id": end}
    config: Any
    if shape.family == "gpt2":
        chances: dict[str, Any] = dict.fromkeys(("resid_pdrop", "embd_pdrop", "attn_pdrop"), dropout)
        positions = max(length, 1024) if shape.published else length
        config = GPT2Config(vocab_size=vocabulary, n_positions=positions, **shape.settings, **chances, **marks)
    else:
        positions = max(length, 4096)
        config = Qwen2Config(
            vocab_size=vocabulary,
            max_position_embeddings=positions,
            attention_dropout=dropout,
            **dict[str, Any](shape.settings),
            **marks,
        )
    config.use_cache = False
    require_sizes(config, name)
    model: nn.Module = AutoModelForCausalLM.from_config(config)
    return model


def _fetched(source: str, name: str, init: Init, vocabulary: int, length: int, end: int | None) -> nn.Module:
    from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415 -- seconds to import

    _require_plausible(source)
    found = locate(source, f"The model {source}")
    silent = redirect_stderr(StringIO()) if found.gguf else nullcontext()  # a progress bar
    missing: Collection[str] = ()
    try:
        with silent:
            config = AutoConfig.from_pretrained(found.place, **found.options)
            require_causal_config(config, name)
            require_sizes(config, name)
            _check(config, name, init, vocabulary, length)
            config.use_cache = False
            if init == "scratch":
                config.vocab_size = max(config.vocab_size, vocabulary)
                if end is not None:
                    config.bos_token_id = config.eos_token_id = end
                model: nn.Module = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
            else:
                loaded: Any = AutoModelForCausalLM.from_pretrained(
                    found.place, config=config, output_loading_info=True, **found.options, **found.weights
                )
                model, missing = loaded[0], loaded[1]["missing_keys"]
    except AscError:
        raise
    except Exception as error:  # configurations and weights are foreign
        code = " No code that comes with a model is run." if "trust_remote_code" in str(error) else ""
        raise AscError(
            f"The model {source} could not be loaded: {reason(error)}{code} Name a causal language model with "
            "safetensors weights, or a built-in shape."
        ) from error
    if missing:
        raise AscError(
            f"The weights of {source} lack {len(missing)} of the tensors of a causal language model, such as "
            f"{min(missing)}, which would be random. Name a model with all its weights, or type --init scratch."
        )
    model = model.float()
    require_causal_outputs(model, name, length)
    return model


def _require_plausible(source: str) -> None:
    """Raise AscError if this is no path and cannot be a name on the hub, or if it is a folder without a model."""
    folder = absolute(Path(source))
    if not folder.exists() and "/" not in source:
        near = difflib.get_close_matches(source, SHAPES, 1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise AscError(
            f"There is no model {source!r}.{hint} Built in are {', '.join(SHAPES)}; --model also takes a local "
            "folder, a GGUF file, or a hub name such as EleutherAI/pythia-70m."
        )
    if (folder / "config.json").exists():
        require_config_file(folder / "config.json")
        return
    if not folder.is_dir() or any(folder.glob("*.gguf")):
        return
    if (folder / "adapter_config.json").exists():
        raise AscError(
            f"The folder {source} holds an adapter of PEFT, and no model. Merge the adapter into its model: "
            "model.merge_and_unload().save_pretrained(FOLDER)."
        )
    raise AscError(f"The folder {source} has no config.json, so it holds no model: name a folder with a model.")


def _check(config: Any, name: str, init: Init, vocabulary: int, length: int) -> None:
    positions = getattr(config, "max_position_embeddings", None) or getattr(config, "n_positions", None)
    if positions is not None and 0 < positions < length:
        raise AscError(
            f"{name} has {positions} positions, and --length is {length}: type --length {positions} or less."
        )
    if init == "pretrained" and config.vocab_size < vocabulary:
        raise AscError(
            f"{name} knows {config.vocab_size} tokens and the data's tokenizer has {vocabulary}: leave --tokenizer out "
            f"to use the model's own, or name one of {config.vocab_size} tokens or fewer."
        )


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Within, torch draws from the seed; afterwards its generators are as they were before."""
    device = torch.device("cpu")
    before = random_state(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        set_random_state(before, device)
