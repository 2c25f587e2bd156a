"""Models by name: built-in shapes, local folders, and errors for all others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from asc.errors import AscError
from asc_nn_training.models.models import SHAPES, make_model
from asc_nn_training.weights.weights import Weights

USUAL: dict[str, Any] = {"init": "scratch", "vocabulary": 300, "length": 16, "seed": 1}


def count(name: str, vocabulary: int, length: int) -> int:
    with torch.device("meta"):
        model = make_model(name, init="scratch", vocabulary=vocabulary, length=length, seed=0)
    return sum(parameter.numel() for parameter in model.parameters())


@pytest.mark.parametrize(
    ("name", "vocabulary", "millions"),
    [("gpt2-nano", 4096, 1), ("gpt2-micro", 4096, 3), ("gpt2-mini", 4096, 10), ("gpt2", 50257, 124)],
)
def test_shapes_have_their_published_size(name: str, vocabulary: int, millions: int) -> None:
    assert count(name, vocabulary, 256) / 1e6 == pytest.approx(millions, rel=0.2)


def test_qwen_has_its_published_size() -> None:
    assert count("qwen2.5-1.5b", 151_936, 256) / 1e9 == pytest.approx(1.54, rel=0.01)


def test_weights_depend_on_the_seed_alone_and_leave_generators_alone() -> None:
    before = torch.get_rng_state()
    first, again = make_model("gpt2-nano", **USUAL), make_model("gpt2-nano", **USUAL)
    assert torch.equal(torch.get_rng_state(), before)
    other = make_model("gpt2-nano", **{**USUAL, "seed": 2})
    same = [torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True)]
    assert all(same)
    assert not all(torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))


def test_tied_weights_are_one() -> None:
    model: Any = make_model("gpt2-nano", **USUAL)
    assert model.lm_head.weight is model.transformer.wte.weight
    assert "lm_head.weight" not in Weights(model).names


def test_a_local_folder_is_loaded_both_ways(tmp_path: Path) -> None:
    model: Any = make_model("gpt2-nano", **USUAL)
    model.save_pretrained(tmp_path)
    loaded = make_model(str(tmp_path), **{**USUAL, "init": "pretrained", "seed": 7})
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), loaded.parameters(), strict=True))
    fresh = make_model(str(tmp_path), **{**USUAL, "seed": 7})
    assert not all(torch.equal(a, b) for a, b in zip(model.parameters(), fresh.parameters(), strict=True))
    with pytest.raises(AscError, match="knows 300 tokens and the data's tokenizer has 400: leave --tokenizer out"):
        make_model(str(tmp_path), **{**USUAL, "init": "pretrained", "vocabulary": 400})
    with pytest.raises(AscError, match="has 16 positions, and --length is 32"):
        make_model(str(tmp_path), **{**USUAL, "length": 32})
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(AscError, match="could not be loaded"):
        make_model(str(tmp_path), **{**USUAL, "init": "pretrained"})


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("gpt2-nan", {}, "There is no model 'gpt2-nan'. Did you mean gpt2-nano"),
        ("gpt2-nano", {"init": "pretrained"}, "no published weights of gpt2-nano. Type --init scratch, or choose one"),
        (".", {}, "has no config.json"),
        ("./nowhere", {}, "The model ./nowhere does not exist: there is no such file or folder"),
        ("/nowhere/at/all", {}, "does not exist: there is no such file or folder"),
        ("missing.gguf", {}, "There is no model 'missing.gguf'"),
        (__file__, {}, "is a file, and not a GGUF file: name the folder that it is in"),
    ],
)
def test_other_names_are_refused(name: str, changes: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(AscError, match=expected):
        make_model(str(tmp_path) if name == "." else name, **{**USUAL, **changes})


SIZES = {
    "vocab_size": 300,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
}


def folder(path: Path, **config: Any) -> str:
    (path / "config.json").write_text(json.dumps(config))
    return str(path)


@pytest.mark.parametrize("kind", ["bert", "roberta", "electra", "xlnet", "xlm"])
def test_bidirectional_models_are_refused(kind: str, tmp_path: Path) -> None:
    """Built for causal training, they would only learn to copy the next token."""
    small = {"d_model": 32, "n_layer": 2, "n_layers": 2, "n_head": 2, "n_heads": 2, "emb_dim": 32, "d_inner": 64}
    sizes = {"vocab_size": 300, **small} if kind in ("xlnet", "xlm") else SIZES
    name = folder(tmp_path, model_type=kind, pad_token_id=1, **sizes)
    with pytest.raises(AscError, match=rf"\({kind}\) is bidirectional: .* later tokens.* Name a causal language model"):
        make_model(name, **USUAL)


@pytest.mark.parametrize("kind", ["bert", "llama", "opt", "mamba", "gpt_neox", "mixtral"])
def test_causal_models_are_not_refused(kind: str, tmp_path: Path) -> None:
    other = {"num_local_experts": 2, "ffn_dim": 64, "word_embed_proj_dim": 32, "num_key_value_heads": 2}
    sizes = {**SIZES, "state_size": 4}
    name = folder(tmp_path, model_type=kind, is_decoder=True, **sizes, **(other if kind in ("mixtral", "opt") else {}))
    before = torch.get_rng_state()
    model: Any = make_model(name, **{**USUAL, "end": 7})
    assert model.config.eos_token_id == 7
    assert model.training
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"model_type": "t5"}, r"\(t5\) has an encoder and a decoder. Name a causal language model"),
        ({"model_type": "bart"}, "has an encoder and a decoder"),
        ({"model_type": "whisper"}, "has an encoder and a decoder"),
        ({"model_type": "vit"}, r"\(vit\) is no causal language model. Name a causal"),
        ({"model_type": "distilbert"}, "is no causal language model"),
        ({"model_type": "clip"}, "has parts for more than text: "),
        ({"model_type": "gemma3"}, "has parts for more than text: text, vision. Name a causal"),
        ({"model_type": "git"}, "has parts for more than text: vision"),
        (
            {"model_type": "llama", "quantization_config": {"quant_method": "gptq", "bits": 4}},
            "is quantised, and quantised weights cannot be trained",
        ),
        ({"model_type": "nonsense"}, "could not be loaded: .* `nonsense`"),
        ({"vocab_size": 300}, "could not be loaded: Unrecognized model"),
        ({"model_type": "llama", "num_attention_heads": 5}, "could not be loaded: "),
        ({"model_type": "foo", "auto_map": {"AutoConfig": "a.B"}}, "No code that comes with a model is run"),
    ],
)
def test_other_kinds_of_models_are_refused_with_a_sentence(
    config: dict[str, Any], expected: str, tmp_path: Path
) -> None:
    with pytest.raises(AscError, match=expected):
        make_model(folder(tmp_path, **{**SIZES, **config}), **USUAL)


def test_weights_that_are_not_all_there_are_refused(tmp_path: Path) -> None:
    """The rest would be random."""
    from transformers import LlamaConfig, LlamaModel

    LlamaModel(LlamaConfig(**SIZES)).save_pretrained(str(tmp_path))
    with pytest.raises(AscError, match=r"lack 1 of the tensors .* such as lm_head\.weight, which would be random"):
        make_model(str(tmp_path), **{**USUAL, "init": "pretrained"})


def test_an_adapter_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(AscError, match=r"holds an adapter of PEFT, and no model.*merge_and_unload"):
        make_model(str(tmp_path), **USUAL)


def test_an_unreachable_hub_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, init in (("some/model", "scratch"), ("gpt2", "pretrained")):
        with pytest.raises(AscError, match=r"is fetched from 127.0.0.1, which does not answer"):
            make_model(name, **{**USUAL, "init": init})


def test_every_shape_is_known() -> None:
    assert set(SHAPES) == {"gpt2-pico", "gpt2-nano", "gpt2-micro", "gpt2-mini", "gpt2", "qwen2.5-1.5b"}
