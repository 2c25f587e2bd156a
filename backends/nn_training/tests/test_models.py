"""Models by name: built-in shapes, local folders, and errors for all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from asc.errors import AscError
from asc_nn_training.training.models import SHAPES, make_model
from asc_nn_training.weights.weights import Weights

USUAL: dict[str, Any] = {"init": "scratch", "vocabulary": 300, "length": 16, "seed": 1}


def count(name: str, vocabulary: int, length: int) -> int:
    with torch.device("meta"):
        return Weights(make_model(name, init="scratch", vocabulary=vocabulary, length=length, seed=0)).numel


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
    with pytest.raises(AscError, match="knows 300 tokens and the data's tokenizer has 400: type --tokenizer"):
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
    ],
)
def test_other_names_are_refused(name: str, changes: dict[str, Any], expected: str, tmp_path: Path) -> None:
    with pytest.raises(AscError, match=expected):
        make_model(str(tmp_path) if name == "." else name, **{**USUAL, **changes})


def test_an_unreachable_hub_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name, init in (("some/model", "scratch"), ("gpt2", "pretrained")):
        with pytest.raises(AscError, match=r"is fetched from 127.0.0.1, which does not answer"):
            make_model(name, **{**USUAL, "init": init})


def test_every_shape_is_known() -> None:
    assert set(SHAPES) == {"gpt2-nano", "gpt2-micro", "gpt2-mini", "gpt2", "qwen2.5-1.5b"}
