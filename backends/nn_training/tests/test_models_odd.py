"""Folders of models that are odd, a fault a row: each gets a sentence before a training begins."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from asc.config.validate import validate
from asc.errors import AscError
from asc_nn_training.config import NetworkConfig
from asc_nn_training.models.models import make_model
from asc_nn_training.studies.momentum import MomentumStudy
from asc_nn_training.studies.rates import Rates

GPT2: dict[str, Any] = {
    **{"model_type": "gpt2", "vocab_size": 300, "n_positions": 16, "n_layer": 1, "n_embd": 32, "n_head": 2},
    **{"bos_token_id": 0, "eos_token_id": 0},
}
LLAMA: dict[str, Any] = {
    **{"model_type": "llama", "vocab_size": 300, "max_position_embeddings": 16, "num_hidden_layers": 1},
    **{"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2},
}
SIZES = (
    *((GPT2, own, value, f"gives {own} as {value}; expected 1 or more")
      for own in ("n_layer", "n_head", "n_embd") for value in (0, -1)),
    *((GPT2, "vocab_size", value, f"gives vocab_size as {value}; expected 2 or more") for value in (1, 0, -5)),
    *((LLAMA, own, 0, f"gives {own} as 0; expected 1 or more")
      for own in ("num_hidden_layers", "hidden_size")),
    (LLAMA, "num_attention_heads", 0, "could not be loaded"),
    (GPT2, "n_positions", 0, "takes no plain tokens"),
    (GPT2, "n_positions", -1, "could not be loaded"),
    (GPT2, "n_head", 5, "must be divisible by num_heads"),
    (LLAMA, "num_attention_heads", 3, "not a multiple of the number of attention heads"),
    (LLAMA, "num_key_value_heads", 3, "takes no plain tokens"),
    (LLAMA, "head_dim", 3, "takes no plain tokens"),
    (GPT2, "n_positions", 8, "has 8 positions, and --length is 16: type --length 8 or less"),
    (GPT2, "vocab_size", 10**12, r"take at least 128,000\.0 GB of memory, and [0-9.]+ GB are free: name a smaller"),
    (GPT2, "n_embd", 10**7, r"GB of memory, and [0-9.]+ GB are free"),
    (GPT2, "n_layer", 10**10, r"GB of memory, and [0-9.]+ GB are free"),
    (GPT2, "n_inner", -4, "could not be loaded"),
    (GPT2, "resid_pdrop", 2.0, "could not be loaded"),
    (GPT2, "activation_function", "nonsense", "could not be loaded: KeyError: 'nonsense'"),
    (GPT2, "model_type", "nonsense", "could not be loaded"),
    (GPT2, "model_type", 7, "could not be loaded"),
    (GPT2, "dtype", "nonsense", "could not be loaded"),
    *((GPT2, own, value, "could not be loaded")
      for own in ("n_layer", "vocab_size", "n_positions") for value in ("two", 1.5, None, [2], True)),
)  # fmt: skip


@pytest.mark.parametrize(("config", "name", "value", "sentence"), SIZES)
def test_an_odd_value_in_a_configuration_is_told(
    tmp_path: Path, config: dict[str, Any], name: str, value: object, sentence: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps(config | {name: value}))
    with pytest.raises(AscError, match=sentence):
        make_model(str(tmp_path), init="scratch", vocabulary=300, length=16, seed=1)


def test_the_same_without_an_odd_value_is_made(tmp_path: Path) -> None:
    for config in (GPT2, LLAMA):
        (tmp_path / "config.json").write_text(json.dumps(config))
        make_model(str(tmp_path), init="scratch", vocabulary=300, length=16, seed=1)


def text(content: str | bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content if isinstance(content, bytes) else content.encode())


FILES: tuple[tuple[Callable[[Path], object], str], ...] = (
    *((text(content), "config.json is damaged: ") for content in ("", "{", "[" * 100_000, b"\xff\xfe", bytes(64))),
    *((text(content), r"config.json holds a \w+; expected a JSON object") for content in ("null", "[1]", "7", '"a"')),
    (os.mkfifo, "config.json cannot be read: it is a pipe"),
    (Path.mkdir, "config.json cannot be read: it is a folder"),
    (lambda path: path.symlink_to("nowhere"), "has no config.json"),
    (lambda path: None, "has no config.json"),
)


@pytest.mark.parametrize(("write", "sentence"), FILES)
def test_a_configuration_that_is_no_object_is_told(
    tmp_path: Path, write: Callable[[Path], object], sentence: str
) -> None:
    write(tmp_path / "config.json")
    with pytest.raises(AscError, match=sentence):
        make_model(str(tmp_path), init="scratch", vocabulary=300, length=16, seed=1)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b""),
        ("model.safetensors", b"\x10"),
        ("model.safetensors", b"\xff" * 64),
        ("model.safetensors.index.json", b"{"),
        ("model.safetensors.index.json", b'{"weight_map": {"a": "model-00001.safetensors"}}'),
        ("pytorch_model.bin", b"a pickle"),
        ("generation_config.json", b"{"),
    ],
)
def test_weights_that_are_half_there_are_told(tmp_path: Path, file: str, content: bytes) -> None:
    (tmp_path / "config.json").write_text(json.dumps(GPT2))
    (tmp_path / file).write_bytes(content)
    with pytest.raises(AscError, match=r"could not be loaded: .* Name a causal language model"):
        make_model(str(tmp_path), init="pretrained", vocabulary=300, length=16, seed=1)


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        *((NetworkConfig, {name: 0}) for name in ("batch", "steps", "length", "gate_batch", "gate_sequences")),
        *((NetworkConfig, {name: 1}) for name in ("length", "vocabulary", "gate_sequences", "probe_length")),
        *((NetworkConfig, {"vocabulary": value}) for value in (-1, 2**21, "many", 1.5)),
        *((config, {"seed": seed}) for config in (NetworkConfig, MomentumStudy.Config) for seed in (-1, 2**63)),
        *((Rates.Config, {"seeds": (seed,)}) for seed in (-1, 2**63)),
    ],
)
def test_a_setting_out_of_its_range_is_refused(config: Any, setting: dict[str, Any]) -> None:
    with pytest.raises(AscError, match=next(iter(setting))):
        validate(config, setting)
