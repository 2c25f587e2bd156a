"""`asc bench-predictor`, as a user types it."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import pytest

from asc.cli.main import call
from tests.cli.conftest import Asc, one_sentence, parsed

pytest.importorskip("asc_toy")

RUN = ("run", "toy", "--executor", "none", "--quiet", "--json")
QUICK = ("--seconds", "0.5")
PLUGIN = '''
import asc

class Drift:
    """Predicts that every state word goes on at `pace` times the rate of last time."""

    class Config(asc.Settings):
        """Settings of `drift`."""

        pace: float = 0.5

    needs = frozenset()

    def __init__(self, config=None):
        self.config = config or self.Config()

    def predict(self, history, horizon):
        if len(history.positions) < 2:
            return None
        before, now = history.positions[-2:]
        share = self.config.pace * horizon / (now - before)
        return asc.Combination((-share, 1 + share))

class Broken(Drift):
    """Raises."""

    def predict(self, history, horizon):
        raise ValueError("out of ideas")

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "drift", "drift:Drift", "goes on at another pace")
    registry.add("predictor", "broken", "drift:Broken", "raises")
'''


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a short run of a program that counts."""
    folder = tmp_path_factory.mktemp("recorded") / "runs"
    with contextlib.redirect_stdout(io.StringIO()):
        assert call([*RUN, "--program", "collatz", "--n", "20000", "--out", str(folder)]) == 0
    return str(folder)


@pytest.fixture
def plugin(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "drift.py").write_text(PLUGIN)
    return ("--plugin", "drift.py")


def shares(found: dict[str, Any], name: str) -> list[float]:
    (one,) = [one for one in found["predictors"] if one["name"] == name]
    return [row["accepted"] / row["asked"] for row in one["rows"]]


def test_predictors_that_extrapolate_predict_a_count(asc: Asc, runs: str) -> None:
    before = {path: path.read_bytes() for path in Path(runs).rglob("*") if path.is_file()}
    found = parsed(asc("bench-predictor", "affine", "--on", "latest", "--out", runs, *QUICK, "--json"))
    assert set(shares(found, "affine")) == {1.0}
    assert set(shares(found, "last-value")) == {0.0}
    assert found["predictors"][0]["name"] == "affine"
    assert [one["name"] for one in found["predictors"] if one["new"]] == ["affine"]
    assert (found["unit"], found["interrupted"]) == ("steps", False)
    assert "affine does best" in found["conclusions"][0]
    assert {path: path.read_bytes() for path in Path(runs).rglob("*") if path.is_file()} == before


def test_no_predictor_predicts_a_chain_of_digests(asc: Asc) -> None:
    run = parsed(asc(*RUN, "--program", "sha256-chain", "--n", "20000"))["run_dir"]
    found = parsed(asc("bench-predictor", "affine", "--on", run, *QUICK, "--json"))
    assert not any(share for one in found["predictors"] for share in shares(found, one["name"]))
    assert "affine was silent all" in found["conclusions"][0]


def test_an_idea_in_a_file_with_its_settings(asc: Asc, runs: str, plugin: tuple[str, str]) -> None:
    question = ("bench-predictor", "drift", "--on", "latest", "--out", runs, *plugin, *QUICK, "--horizons", "2,1")
    half = parsed(asc(*question, "--beside", "none", "--json"))
    assert [one["name"] for one in half["predictors"]] == ["drift"]
    assert shares(half, "drift") == [0.0, 0.0]
    whole = parsed(asc(*question, "--set", "drift.pace=1", "--beside", "linear", "--json"))
    assert shares(whole, "drift") == shares(whole, "linear") == [1.0, 1.0]
    assert [row["horizon"] for row in whole["predictors"][0]["rows"]] == [1, 2]
    assert "no difference at any" in whole["conclusions"][0]


def test_the_table_fits_a_terminal_and_names_what_raised(asc: Asc, runs: str, plugin: tuple[str, str]) -> None:
    found = asc("bench-predictor", "drift", "broken", "--on", "latest", "--out", runs, *plugin, *QUICK, COLUMNS="80")
    assert found.returncode == 0, found.stderr
    table, _, rest = found.stdout.partition("ahead: in supersteps")
    assert max(map(len, table.splitlines())) <= 80
    assert "* drift" in table
    assert table.index("* drift") < table.index("* broken") < table.index("affine")
    assert "ValueError: out of ideas" in rest
    assert "a call takes" in rest
    assert "broken was not asked again: ValueError: out of ideas (drift.py, line" in rest


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("affine", "--on", "nowhere"), ("no run 'nowhere'", "asc runs")),
        (("afine", "--on", "latest"), ('There is no predictor "afine"', 'Did you mean "affine"')),
        (("affine", "--on", "latest", "--beside", "linaer"), ('There is no predictor "linaer"', '"linear"')),
        (("affine", "affine", "--on", "latest"), ("affine is named twice",)),
        (("affine", "--on", "latest", "--beside", "linear,linear"), ("linear is named twice",)),
        (("affine", "--on", "latest", "--horizons", "1,x"), ('--horizons was given "1,x"', "--horizons 25,50")),
        (("affine", "--on", "latest", "--horizons", "0"), ("whole numbers of 1 or more",)),
        (("affine", "--on", "latest", "--set", "program=lexer"), ("--set changes", "program", "--set affine.")),
        (("affine", "--on", "latest", "--set", "affine.nonsense=1"), ("nonsense", "affine")),
        (("affine", "--on", "latest", "--horizons", "1,1000000"), ("given 1000000; the largest possible here is",)),
        (
            ("quadratic", "--on", "latest", "--set", "history.max_snapshots=1"),
            ("quadratic looks back on 3 snapshots", "max_snapshots is 1"),
        ),
        (("affine", "--on", "latest", "--set", "validator=strict"), ('There is no setting "validator"',)),
        (("affine",), ("Missing option '--on'", "such as --on latest")),
        (("--on", "latest"), ("NAME...",)),
    ],
)
def test_a_mistake_is_answered_with_a_sentence(
    asc: Asc, runs: str, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    one_sentence(asc("bench-predictor", *arguments, "--out", runs), *parts)


def test_needs_that_are_not_provided_and_updates_in_place_are_refused(asc: Asc, runs: str) -> None:
    pytest.importorskip("asc_nn_training")
    one_sentence(
        asc("bench-predictor", "momentum", "--on", "latest", "--out", runs), "needs optimizer", "does not provide"
    )
    one_sentence(
        asc("bench-predictor", "tail-average", "--on", "latest", "--out", runs), "updates in place", "skips no steps"
    )


JUDGED = """
import json
import asc
import numpy as np
from asc.backend import Backend
from asc.config.run import Component, JudgedConfig
from asc.reference.descent import Descent, DescentState
from asc.types import EngineState, Snapshot

class Descents(Backend):
    class Config(JudgedConfig):
        recognizer: Component = Component(name="every", steps=10)
        validator: Component = Component(name="strict")

    def computation(self, plain): return Descent(60, rate=0.001, noise=0.01)
    def outcome(self, computation): return {}

    def save(self, computation, folder, state):
        folder.mkdir(parents=True, exist_ok=True)
        position, _, (vector, velocity, random), _ = computation.snapshot()
        text = json.dumps([position, vector.tolist(), velocity.tolist(), random])
        (folder / "state.json").write_text(text)

    def load(self, computation, folder):
        position, vector, velocity, random = json.loads((folder / "state.json").read_text())
        computation.restore(Snapshot(position, 0, DescentState(np.array(vector), np.array(velocity), random), 0))
        return EngineState()

@asc.hookimpl
def asc_register(registry): registry.add("backend", "descents", "p:Descents", "judged")
"""


class TestJudged:
    """A run whose candidates are judged is replayed at the positions that it kept."""

    @pytest.fixture(autouse=True)
    def _plugin(self, tmp_path: Path) -> None:
        (tmp_path / "p.py").write_text(JUDGED)

    def test_its_own_predictors_stand_beside(self, asc: Asc) -> None:
        kept = parsed(asc("run", "descents", "--plugin", "p.py", "--shadow", "--keep-trajectory", "5", "--json"))
        assert kept["trajectory"]["positions"] == 5
        found = parsed(asc("bench-predictor", "last-value", "--on", "latest", "--plugin", "p.py", "--json"))
        assert (found["unit"], found["positions"], found["kept"]) == ("nats", 5, 5)
        assert [one["name"] for one in found["predictors"]] == ["last-value", "linear"]
        rows = {(row["horizon"], row["asked"]) for one in found["predictors"] for row in one["rows"]}
        assert rows == {(10, 5), (20, 5), (40, 5)}, "one, two and four times the distance of the kept positions"
        assert not any(row["accepted"] for row in found["predictors"][0]["rows"])
        assert "there is only the verdict of the validator" in found["conclusions"][-1]

    def test_the_table_fits_a_terminal(self, asc: Asc) -> None:
        asc("run", "descents", "--plugin", "p.py", "--shadow", "--keep-trajectory", "5", "--quiet")
        arguments = ("last-value", "--on", "latest", "--plugin", "p.py", "--beside", "cascade,linear")
        found = asc("bench-predictor", *arguments, "--horizons", "50,10", COLUMNS="80")
        assert found.returncode == 0, found.stderr
        table, _, rest = found.stdout.partition("ahead: in steps, 0 in place")
        assert max(map(len, table.splitlines())) <= 80
        assert "5 of 5 kept positions" in table
        for heading in ("regime", "accepted", "candidate", "of plain"):
            assert heading in table
        assert "No candidate of last-value is accepted" in rest

    def test_a_horizon_beyond_the_end_is_refused(self, asc: Asc) -> None:
        asc("run", "descents", "--plugin", "p.py", "--shadow", "--keep-trajectory", "5", "--quiet")
        one_sentence(
            asc("bench-predictor", "linear", "--on", "latest", "--plugin", "p.py", "--horizons", "10,61"),
            "--horizons was given 61; the largest possible here is 60: steps from the first kept position",
        )

    def test_a_run_that_kept_nothing_says_what_to_type(self, asc: Asc) -> None:
        asc("run", "descents", "--plugin", "p.py", "--compare", "1", "--set", "recognizer.steps=20", "--quiet")
        one_sentence(
            asc("bench-predictor", "linear", "--on", "latest", "--plugin", "p.py"),
            "kept none of its positions",
            "asc run descents --plugin p.py --set recognizer.steps=20 --quiet --shadow --keep-trajectory 20",
        )
