"""The commands of the README, in turn, on a training of a second."""

from __future__ import annotations

import json
import re
import shlex
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from asc_nino.train import main

from asc.cli.main import call

PACKAGE = Path(__file__).parents[1]
INSTALLED = entry_points(group="asc", name="nino")
PLUGIN = [] if INSTALLED else ["--plugin", str(PACKAGE / "asc_nino" / "__init__.py")]
SMALL = "--model tiny --data tiny --data-cache cache --vocabulary 512 --length 32 --batch 4 --gate-sequences 16 \
--gate-subsets 4 --dev-sequences 8 --test-sequences 8 --steps 60 --set recognizer.every=5 --device cpu --quiet"


def small_model_and_text(folder: Path) -> None:
    sizes = {"vocab_size": 512, "n_positions": 96, "n_layer": 1, "n_embd": 32, "n_head": 2}
    kind = {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "bos_token_id": 0, "eos_token_id": 0}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(kind | sizes))
    for number in range(60):
        text = " ".join(f"{word} is {word * word % (number + 7)}," for word in range(300))
        (folder / f"{number}.txt").write_text(text)


def test_the_commands_lead_to_a_table_and_to_a_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = re.sub(r" \\\n\s*", " ", (PACKAGE / "README.md").read_text(encoding="utf-8"))
    commands = [shlex.split(line) for line in re.findall(r"^    (asc .*|python .*)$", text, re.MULTILINE)]
    assert [words[1] for words in commands] == ["run", "-m", "run", "bench-predictor", "run"]
    small_model_and_text(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    printed: dict[str, str] = {}
    for program, name, *rest in commands:
        match name:
            case "run":
                code = call([name, *rest, *shlex.split(SMALL), *PLUGIN])
            case "bench-predictor":
                code = call([name, *(word.replace("20,40,80", "5,10,20") for word in rest), *PLUGIN])
            case _:
                assert (program, rest[0]) == ("python", main.__module__)
                code = main(rest[1:])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        printed[name] = captured.out
    assert "trained on" in printed["-m"]
    assert all(name in printed["bench-predictor"] for name in ("* nino-mlp", "linear", "autoregression"))
