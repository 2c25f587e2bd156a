"""Every mistake is told in a sentence on standard error, without a traceback, and with an exit code of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Asc, one_sentence, parsed

pytest.importorskip("asc_toy")

RUN = ("run", "toy", "--program", "lcg-pi", "--n", "100", "--executor", "none", "--quiet")

MINE = """
import time
import asc
from asc_toy.backend import SpeculationConfig, ToyBackend
from asc_toy.program import Program


def raising(state):
    state.n += 1
    if state.n == 700:
        raise KeyError("nothing there")


def clock(state):
    state.n = time.perf_counter_ns()


def listing(state):
    state.n = [1]


def sorting(state):
    state.a.sort()


class Config(SpeculationConfig):
    step: str = "raising"


class Mine(ToyBackend):
    '''Programs of my own.'''

    Config = Config

    def __init__(self, config):
        import numpy
        state = {"n": 0, "x": 0, "a": numpy.zeros(3)}
        super().__init__(config, Program(config.step, globals()[config.step], state, 2000))


@asc.hookimpl
def asc_register(registry):
    registry.add("backend", "mine", "p:Mine", "programs of my own")
"""


@pytest.fixture
def mine(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "p.py").write_text(MINE)
    return ("run", "mine", "--plugin", "p.py", "--quiet")


def sentence(asc: Asc, *arguments: str, code: int = 1) -> str:
    """Run; what standard error holds, which is a sentence, and perhaps another one on what to type."""
    found = asc(*arguments)
    one_sentence(found)
    assert found.returncode == code
    lines = found.stderr.splitlines()
    assert len(lines) <= 2, found.stderr
    assert lines[0].startswith("error: ")
    return " ".join(lines)


@pytest.mark.parametrize(
    "how", [("--executor", "none"), ("--executor", "threads", "--set", "recognizer.distance=16"), ("--no-speculation",)]
)
def test_step_that_raises(asc: Asc, mine: tuple[str, ...], how: tuple[str, ...]) -> None:
    told = sentence(asc, *mine, *how)
    assert "The step function of 'raising' raised KeyError at position 699 of 2000: 'nothing there'" in told
    (listed,) = json.loads(asc("runs", "--json").stdout)
    assert listed["state"] == "failed"


def test_step_that_raises_raises_again_when_resumed(asc: Asc, mine: tuple[str, ...]) -> None:
    first = sentence(asc, *mine, "--executor", "none")
    assert sentence(asc, *mine, "--resume", "latest") == first


@pytest.mark.parametrize("executor", ["none", "threads"])
def test_step_that_is_no_function_of_the_state(asc: Asc, mine: tuple[str, ...], executor: str) -> None:
    told = sentence(asc, *mine, "--step", "clock", "--executor", executor)
    assert "The step function of 'clock' is no function of its state." in told
    assert "the step calls time.perf_counter_ns (p.py, line " in told
    assert "--no-speculation" in told
    assert asc(*mine, "--step", "clock", "--no-speculation").returncode == 0


@pytest.mark.parametrize("step", ["listing", "sorting"])
def test_step_may_do_to_a_state_what_it_may_do_to_an_object(asc: Asc, mine: tuple[str, ...], step: str) -> None:
    told = asc(*mine, "--step", step, "--compare", "--json")
    assert (told.returncode, json.loads(told.stdout)["identical"]) == (0, True)


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("c.json", '{"programm": "lcg-pi"}', ("programm", "program")),
        ("c.json", '{"n": "many"}', ("n", "many")),
        ("c.json", '{"cache": {"max_entries": -1}}', ("cache.max_entries", "-1")),
        ("c.json", '{"predictors": [{"name": "polynomial", "degre": 2}]}', ("degre", "degree")),
        ("c.json", '{"n": 5', ("c.json", "is not JSON", "line 1")),
        ("c.toml", "n = = 5", ("c.toml", "is not TOML", "line 1")),
        ("c.json", "[1, 2]", ("c.json", "holds a list")),
        ("c.yaml", "n: 5", ("c.yaml", "ends in .json or .toml")),
        ("c.json", "\udcff", ("c.json", "is not text in UTF-8")),
    ],
)
def test_configuration_file_that_is_wrong(
    asc: Asc, tmp_path: Path, name: str, text: str, parts: tuple[str, ...]
) -> None:
    (tmp_path / name).write_text(text, errors="surrogateescape")
    told = sentence(asc, "run", "toy", "--config", name)
    for part in parts:
        assert part in told


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("n=many", ("n", "many")),
        ("n=0", ("n", "1")),
        ("cache=5", ("cache",)),
        ("cache.max_entries=lots", ("cache.max_entries", "lots")),
        ("predictors.7.name=linear", ("predictors", "7")),
        ("=5", ("--set",)),
        ("checkpoint_seconds=0", ("checkpoint_seconds",)),
    ],
)
def test_setting_that_is_wrong(asc: Asc, text: str, parts: tuple[str, ...]) -> None:
    told = sentence(asc, *RUN, "--set", text)
    for part in parts:
        assert part in told


@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "toy", "--n"),
        ("run", "toy", "--n", "five"),
        ("run", "toy", "extra"),
        ("run", "toy", "--unknown"),
        ("run", "toy", "--config", "."),
        ("run",),
        ("explain",),
        ("advise", "toy", "--seconds", "0"),
    ],
)
def test_wrong_usage_has_a_code_of_its_own(asc: Asc, arguments: tuple[str, ...]) -> None:
    found = asc(*arguments)
    assert found.returncode == 2
    assert "Traceback" not in found.stderr
    assert found.stderr or "Usage" in found.stdout


@pytest.mark.parametrize(
    ("name", "text", "parts"),
    [
        ("p.py", "def broken(:\n", ("p.py", "syntax error in line 1")),
        ("p.py", "1 / 0\n", ("p.py", "ZeroDivisionError")),
        ("p.py", "import sys; sys.exit(3)\n", ("p.py", "SystemExit")),
        ("p.txt", "", ("p.txt", "expected a Python file")),
        (
            "p.py",
            "import asc\n@asc.hookimpl\ndef asc_register(registry):\n"
            '    registry.add("predictor", "gone", "nowhere:Gone", "x")\n',
            (),
        ),
    ],
)
def test_plugin_file_that_is_wrong(asc: Asc, tmp_path: Path, name: str, text: str, parts: tuple[str, ...]) -> None:
    (tmp_path / name).write_text(text)
    if parts:
        told = sentence(asc, *RUN, "--plugin", name)
    else:
        told = sentence(asc, *RUN, "--plugin", name, "--predictors", "gone")
        parts = ("gone", "nowhere")
    for part in parts:
        assert part in told


class TestResume:
    def test_of_another_backend(self, asc: Asc, mine: tuple[str, ...]) -> None:
        assert asc(*mine, "--step", "clock", "--no-speculation").returncode == 0
        assert "is of the backend 'mine'" in sentence(asc, "run", "toy", "--resume", "latest")

    def test_of_nothing(self, asc: Asc) -> None:
        assert "no run 'latest': there are no runs in 'runs'" in sentence(asc, "run", "toy", "--resume", "latest")
        parsed(asc(*RUN, "--json"))
        assert "no run '19'" in sentence(asc, "run", "toy", "--resume", "19")

    def test_with_other_settings(self, asc: Asc) -> None:
        parsed(asc(*RUN, "--json"))
        told = sentence(asc, "run", "toy", "--resume", "latest", "--set", "cache.max_entries=5")
        assert "A resumed run keeps its settings" in told
        parsed(asc("run", "toy", "--resume", "latest", "--set", "n=100", "--json"))  # the same as they are

    def test_of_a_record_that_is_damaged(self, asc: Asc, tmp_path: Path) -> None:
        folder = tmp_path / parsed(asc(*RUN, "--json"))["run_dir"]
        (folder / "config.json").write_text('{"backend": "toy", "con')
        assert "is damaged" in sentence(asc, "run", "toy", "--resume", folder.name)

    @pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
    def test_of_a_checkpoint_that_is_damaged(self, asc: Asc, tmp_path: Path, damage: str) -> None:
        folder = tmp_path / parsed(asc(*RUN, "--json"))["run_dir"]
        path = folder / "checkpoints" / "state.safetensors"
        (folder / "summary.json").unlink()
        data = path.read_bytes()
        place = data.index(b'"position":"100"') + 13
        flipped = data[:place] + b"9" + data[place + 1 :]
        path.write_bytes({"cut": data[:-9], "flipped": flipped, "empty": b""}[damage])
        told = sentence(asc, "run", "toy", "--resume", folder.name)
        assert "state.safetensors is damaged" in told
        assert "Start the run anew, without --resume." in told

    def test_of_a_checkpoint_of_another_program(self, asc: Asc, tmp_path: Path) -> None:
        one = tmp_path / parsed(asc(*RUN, "--json"))["run_dir"]
        other = (
            tmp_path
            / parsed(asc("run", "toy", "--program", "lexer", "--n", "20", "--executor", "none", "--json"))["run_dir"]
        )
        shutil.copytree(one / "checkpoints", other / "checkpoints", dirs_exist_ok=True)
        (other / "summary.json").unlink()
        told = sentence(asc, "run", "toy", "--resume", str(other))
        assert 'was written under other settings: program is "lcg-pi" there, and "lexer" here; ' in told


def test_no_mistake_leaves_a_run_behind(asc: Asc, tmp_path: Path) -> None:
    for arguments in (("--program", "colatz"), ("--set", "n=0"), ("--validator", "strikt"), ("--scheduler",)):
        assert asc("run", "toy", *arguments).returncode in (1, 2)
    assert not list(tmp_path.glob("runs/*"))


def test_folder_of_the_runs_that_is_a_file(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "'file" in sentence(asc, *RUN, "--out", "file")
    assert "'file" in sentence(asc, "runs", "--out", "file")
