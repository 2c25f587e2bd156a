"""Paths among the settings mean the same from any folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from asc.config.validate import validate
from asc.errors import AscError
from asc_nn_training.config import NetworkConfig

Asc = Callable[..., CompletedProcess[str]]


def parsed(found: CompletedProcess[str]) -> dict[str, Any]:
    assert found.returncode == 0, found.stderr
    result: dict[str, Any] = json.loads(found.stdout)
    return result


def test_relative_paths_are_kept_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("text", "model", "tokenizer"):
        Path(name).mkdir()
    given = {
        "data": "text",
        "model": "./model",
        "tokenizer": "tokenizer",
        "data_cache": "new/cache",
        "tensorboard": "~/board",
        "cache": {"folder": "../spilled"},
    }
    config = NetworkConfig.model_validate(given)
    assert config.data == str(tmp_path / "text")
    assert config.model == str(tmp_path / "model")
    assert config.tokenizer == str(tmp_path / "tokenizer")
    assert config.data_cache == tmp_path / "new" / "cache"
    assert config.tensorboard == tmp_path / "home" / "board"
    assert config.cache.folder == tmp_path.parent / "spilled"


@pytest.mark.parametrize("setting", ["data", "tokenizer", "data_cache", "tensorboard"])
def test_a_path_in_the_home_folder_of_a_user_without_one_is_refused(
    monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    monkeypatch.setattr("os.path.expanduser", str)  # what it does for a user without HOME and passwd entry
    with pytest.raises(AscError, match=r'"~/mine".*stands for the home folder, and this user has none; give'):
        validate(NetworkConfig, {setting: "~/mine"})
    config = NetworkConfig.model_validate({"tensorboard": "~mine"})
    assert config.tensorboard == Path.cwd() / "~mine"


def test_names_that_are_no_paths_stay_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("stdlib", "bpe", "gpt2"):  # a folder of a name that is taken is ./NAME
        Path(name).mkdir()
    for data in ("stdlib", "wikitext-2", "hf:some/thing", "nowhere"):
        assert NetworkConfig.model_validate({"data": data}).data == data
    for model in ("gpt2", "some/model", "gpt2-nan"):
        assert NetworkConfig.model_validate({"model": model}).model == model
    assert NetworkConfig.model_validate({"tokenizer": "bpe"}).tokenizer == "bpe"
    assert NetworkConfig.model_validate({"model": "./gpt2"}).model == str(tmp_path / "gpt2")


def test_a_relative_path_in_a_folder_that_is_gone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(
        AscError, match=r'"data_cache" was given .*relative to the current folder, which no longer exists'
    ):
        validate(NetworkConfig, {"data_cache": "cache"})
    assert validate(NetworkConfig, {"data_cache": tmp_path}).data_cache == tmp_path


def test_a_run_is_resumed_and_repeated_from_another_folder(
    shared: dict[str, Any],
    as_options: Callable[[dict[str, Any]], list[str]],
    asc_in: Callable[[Path], Asc],
    tmp_path: Path,
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
    for name, place in (("text", shared["data"]), ("model", shared["model"])):
        (here / name).symlink_to(place)
    options = as_options({**shared, "data": "text", "model": "model", "data_cache": "tokens", "steps": 10})
    first = parsed(asc_in(here)("run", "nn_training", *options, "--json", "--quiet"))
    run = here / first["run_dir"]
    (run / "summary.json").unlink()  # as if it had been killed at its end
    again = parsed(asc_in(there)("run", "nn_training", "--resume", str(run), "--json", "--quiet"))
    assert again["resumed_from"] == 10
    assert again["final_digest"] == first["final_digest"]
    (there / "settings.json").write_text(json.dumps(json.loads((run / "config.json").read_text())["config"]))
    other = parsed(asc_in(there)("run", "nn_training", "--config", "settings.json", "--json", "--quiet"))
    assert other["final_digest"] == first["final_digest"]
    assert not (there / "tokens").exists()
