"""Pretrained weights come with the tokenizer that they were trained with."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from numpy.typing import NDArray

from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.data.prepare import prepare
from asc_nn_training.data.tokenizer import Tokenizer, fetch, train
from asc_nn_training.models.models import make_model

Make = Callable[..., NetworkConfig]


@pytest.fixture(scope="module")
def trained(small: Make, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The folder of a model that was trained here on its own tokenizer, and its test loss."""
    folder = tmp_path_factory.mktemp("trained")
    config = small(steps=100, lr=1e-2, average_every=0)
    summary = Run(NetworkBackend(config), "nn_training", load(), folder=folder, speculate=False).execute()
    return folder / "model", summary["outcome"]["test_loss"]


def test_pretrained_weights_see_the_numbers_that_they_know(small: Make, trained: tuple[Path, float]) -> None:
    """With another tokenizer's numbers the loss was above chance."""
    model, before = trained
    config = small(model=str(model), init="pretrained", vocabulary=300, steps=1, lr=1e-9, average_every=0)
    assert config.tokenizer == str(model)
    backend = NetworkBackend(config)
    computation = backend.computation(plain=True)
    assert backend.data.remarks == ()
    assert backend.data.vocabulary == 512
    after = computation.training.evaluate(backend.data.test)
    assert after == pytest.approx(before, abs=1e-3)
    assert after < math.log(512) - 0.2  # chance


def test_a_published_shape_takes_its_published_tokenizer() -> None:
    config = NetworkConfig.model_validate({"model": "gpt2", "init": "pretrained"})
    assert config.tokenizer == config.own_tokenizer == "openai-community/gpt2"
    assert NetworkConfig.model_validate({"model": "some/model", "init": "pretrained"}).tokenizer == "some/model"
    assert NetworkConfig.model_validate({"model": "gpt2"}).tokenizer == "bpe"
    assert NetworkConfig.model_validate({"model": "some/model"}).own_tokenizer is None


def test_the_model_s_own_tokenizer_by_another_name_needs_no_remark(
    small: Make, trained: tuple[Path, float], tmp_path: Path
) -> None:
    model, _ = trained
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (tmp_path / name).write_bytes((model / name).read_bytes())
    config = small(model=str(model), init="pretrained", tokenizer=str(tmp_path))
    assert prepare(config, own=config.own_tokenizer).remarks == ()


def test_another_tokenizer_is_used_where_it_is_named_and_there_is_a_remark(
    small: Make, trained: tuple[Path, float]
) -> None:
    model, _ = trained
    config = small(model=str(model), init="pretrained", tokenizer="bpe", vocabulary=300, max_bytes=100_000)
    computation = NetworkBackend(config).computation(plain=True)
    assert computation.remarks[0].startswith(
        f"The tokenizer bpe gives tokens other numbers than {model}'s own tokenizer"
    )
    assert "Leave --tokenizer out" in computation.remarks[0]


def test_another_tokenizer_with_more_tokens_than_the_model_is_refused(small: Make, trained: tuple[Path, float]) -> None:
    model, _ = trained
    config = small(model=str(model), init="pretrained", tokenizer="bpe", vocabulary=600)
    with pytest.raises(AscError, match="knows 512 tokens and the data's tokenizer has 600: leave --tokenizer out"):
        NetworkBackend(config).computation(plain=True)


@pytest.mark.parametrize("family", ["gpt2", "llama"])
def test_a_model_without_a_tokenizer_is_refused_unless_one_is_named(
    family: str, small: Make, trained: tuple[Path, float], tmp_path: Path
) -> None:
    """Of some families transformers makes a tokenizer without a vocabulary."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": family, "vocab_size": 512}))
    config = small(model=str(tmp_path), init="pretrained")
    with pytest.raises(AscError, match=r"could not be loaded.* need the numbers of the model's own tokenizer: copy"):
        prepare(config, own=config.own_tokenizer)
    config = small(model=str(tmp_path), init="pretrained", tokenizer=str(trained[0]))
    (remark,) = prepare(config, own=config.own_tokenizer).remarks
    assert "has no tokenizer to compare with" in remark


def test_a_tokenizer_without_an_end_token_is_refused(tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    made = train(["some text"], 300)
    PreTrainedTokenizerFast(tokenizer_object=made._fast).save_pretrained(str(tmp_path))
    with pytest.raises(AscError, match=r"has no end-of-text token, which separates documents\. Type --tokenizer bpe"):
        fetch(str(tmp_path))


@pytest.fixture(scope="module")
def gguf_file(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, torch.nn.Module, Tokenizer]:
    """A GGUF file as llama.cpp writes it, and the model and tokenizer that are in it."""
    gguf = pytest.importorskip("gguf")
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = train(["the quick brown fox jumps over the lazy dog"] * 9, 300)
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlamaConfig(vocab_size=tokenizer.vocabulary, max_position_embeddings=64, rms_norm_eps=1e-5, **sizes)
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_block_count(1)
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_feed_forward_length(64)
    writer.add_head_count(2)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(16)
    writer.add_rope_freq_base(10_000.0)
    writer.add_vocab_size(tokenizer.vocabulary)
    spec = json.loads(tokenizer.to_text())["model"]
    tokens = sorted(spec["vocab"], key=spec["vocab"].get)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("default")
    writer.add_token_list(tokens)
    writer.add_token_types([3] + [1] * (len(tokens) - 1))  # the first is a control token
    writer.add_token_merges([" ".join(pair) for pair in spec["merges"]])
    writer.add_eos_token_id(tokenizer.end)
    for name, value in model.state_dict().items():
        writer.add_tensor(_gguf_name(name), _interleaved(name, value.numpy()))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path, model, tokenizer


def _gguf_name(name: str) -> str:
    parts = {
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "lm_head": "output",
        "model.layers.0": "blk.0",
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
    }
    for theirs, ours in parts.items():
        name = name.replace(theirs, ours)
    return name


def _interleaved(name: str, value: NDArray[Any]) -> NDArray[Any]:
    """Return the rows of queries and keys in llama.cpp's order, for rotary positions."""
    if "q_proj" not in name and "k_proj" not in name:
        return value
    return value.reshape(2, 2, 8, 32).swapaxes(1, 2).reshape(value.shape)


@pytest.mark.parametrize("named", ["file", "folder"])
def test_a_gguf_file_gives_weights_and_tokenizer(
    named: str, gguf_file: tuple[Path, torch.nn.Module, Tokenizer]
) -> None:
    path, model, tokenizer = gguf_file
    config = NetworkConfig.model_validate(
        {"model": str(path if named == "file" else path.parent), "init": "pretrained", "length": 16}
    )
    assert config.tokenizer == config.model
    found = fetch(config.tokenizer, own=True)
    assert found.agrees(tokenizer)
    assert found.end == tokenizer.end
    loaded = make_model(config.model, init="pretrained", vocabulary=found.vocabulary, length=16, seed=0)
    assert all(parameter.dtype == torch.float32 and parameter.requires_grad for parameter in loaded.parameters())
    tokens = torch.arange(16).unsqueeze(0)
    assert torch.equal(loaded(tokens).logits, model(tokens).logits)


def test_a_gguf_file_without_its_package_is_refused(
    gguf_file: tuple[Path, torch.nn.Module, Tokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(
        AscError, match=r"is a GGUF file, and reading it needs the package gguf\. Type: pip install gguf"
    ):
        fetch(str(gguf_file[0]))


def test_a_folder_of_several_gguf_files_asks_for_one(tmp_path: Path) -> None:
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(AscError, match=r"2 GGUF files: name one of them, such as .*a\.gguf"):
        make_model(str(tmp_path), init="pretrained", vocabulary=300, length=16, seed=0)
