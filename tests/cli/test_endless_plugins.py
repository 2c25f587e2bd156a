"""Components that never answer: the first Ctrl-C names the component, the second the place and how to continue."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import HANG_S, Asc
from tests.cli.test_broken_plugins import CHOSEN, plugin

LOOP = f"""
import signal, sys, time

def loop():
    signal.raise_signal(signal.SIGINT)
    deadline = time.monotonic() + {HANG_S}
    while "Waiting" not in sys.stderr.getvalue() and time.monotonic() < deadline:
        pass
    signal.raise_signal(signal.SIGINT)
"""
"""What an endless loop is to a user: presses Ctrl-C, waits for what is said, and presses it again."""

OFTEN = ("--quiet", "--set", "checkpoint_seconds=1e-9")
RUN = r"Start it again without that component, or resume with: asc run descents --resume runs/\S+ --plugin p.py$"
HERE = r"\(p\.py, line \d+\)\."


@pytest.fixture(autouse=True)
def _heard() -> Iterator[None]:
    """A background job ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def stopped(asc: Asc, tmp_path: Path, source: str, *words: str) -> str:
    """Type a command with the plugin, and return what it says until it was stopped, on one line."""
    (tmp_path / "p.py").write_text(LOOP + source)
    found = asc(*words, "--plugin", "p.py", COLUMNS="400")
    said = " ".join(found.stderr.split())
    assert found.returncode == 130, said
    assert "Traceback" not in said
    return said


@pytest.mark.parametrize(
    ("kind", "method", "does"),
    [
        ("predictor", "predict", "def predict(self, history, horizon): loop()"),
        ("predictor", "links", "def links(self, horizon): loop()"),
        ("predictor", "settle", "def settle(self, taken): loop()"),
        (
            "predictor",
            "state_dict",
            "asked = []\ndef state_dict(self): return {'a': self.asked and loop() or self.asked.append(0)}",
        ),
        ("recognizer", "recognise", "def recognise(self, computation): loop()"),
        ("recognizer", "next_boundary", "def next_boundary(self, position, computation): loop()"),
        ("recognizer", "learn", "def learn(self, decision): loop()"),
        ("recognizer", "follow", "def follow(self, computation): loop()"),
        ("validator", "judge", "def judge(self, computation, candidate): loop()"),
    ],
)
def test_a_run_names_the_component(asc: Asc, tmp_path: Path, kind: str, method: str, does: str) -> None:
    text = stopped(asc, tmp_path, plugin(kind, does), "run", "descents", CHOSEN[kind], "mine", *OFTEN)
    title = f'the {kind} "mine"'
    assert f"Waiting for {title}, which is in {method}. A second Ctrl-C ends the command at once." in text
    assert re.search(f"stopped: interrupted while {title} was in {method} {HERE} {RUN}", text)


def test_a_run_names_the_plugin_of_a_hook(asc: Asc, tmp_path: Path) -> None:
    hook = "\n@asc.hookimpl\ndef asc_boundary(run, boundary): loop()\n"
    text = stopped(asc, tmp_path, plugin("predictor") + hook, "run", "descents", "--quiet")
    assert 'Waiting for the plugin "p.py", which is in asc_boundary.' in text
    assert re.search(f'interrupted while the plugin "p.py" was in asc_boundary {HERE} {RUN}', text)


def test_a_run_names_the_backend_whose_steps_do_not_end(asc: Asc, tmp_path: Path) -> None:
    walk = "def advance(self, max_steps, record=False): loop()"
    text = stopped(asc, tmp_path, plugin("backend", walk=walk), "run", "mine", "--quiet")
    assert 'Waiting for the backend "mine". A second Ctrl-C ends the command at once.' in text
    assert "stopped: interrupted. Resume with: asc run mine --resume runs/" in text


def test_a_replay_names_the_predictor(asc: Asc, tmp_path: Path) -> None:
    (tmp_path / "p.py").write_text(plugin("predictor"))
    asc("run", "descents", "--plugin", "p.py", "--quiet", "--shadow", "--keep-trajectory", "3")
    source = plugin("predictor", "def predict(self, history, horizon): loop()")
    text = stopped(asc, tmp_path, source, "bench-predictor", "mine", "--on", "latest")
    assert 'Waiting for the predictor "mine", which is in predict.' in text
    assert re.search(f'while the predictor "mine" was in predict {HERE} Leave that component out, or repair it.$', text)


@pytest.mark.parametrize("method", ["run(self, folder, tell, stopped)", "tables(self, folder)"])
def test_a_study_is_named_and_recorded_as_stopped(asc: Asc, tmp_path: Path, method: str) -> None:
    loop = "loop()" if method.startswith("run") else "signal.raise_signal(signal.SIGINT)"
    text = stopped(asc, tmp_path, plugin("study", f"def {method}: {loop}"), "study", "mine", "--quiet")
    name = method.partition("(")[0]
    assert f'stopped: interrupted while the study "mine" of file p.py was in {name} (p.py, line ' in text
    assert text.endswith("Resume with: asc study mine --resume --out studies/mine --plugin p.py")
    assert '"state": "stopped"' in (tmp_path / "studies" / "mine" / "study.json").read_text()


def test_one_ctrl_c_ends_what_is_being_made_and_names_it(asc: Asc, tmp_path: Path) -> None:
    source = plugin("predictor", "def __init__(self, config=None): signal.raise_signal(signal.SIGINT)")
    text = stopped(asc, tmp_path, source, "run", "descents", "--predictors", "mine", "--quiet")
    assert text.startswith('stopped: interrupted while the predictor "mine" of file p.py was in compose (p.py, line ')
