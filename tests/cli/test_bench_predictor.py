"""`asc bench-predictor`, as a user types it."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import ASC, Asc, environment, one_sentence, parsed

pytest.importorskip("asc_toy")

RUN = ("run", "toy", "--executor", "none", "--quiet", "--json")
QUICK = ("--seconds", "0.5")
PLUGIN = '''
import asc

class Drift:
    """Guesses that every word goes on at `pace` times the rate of last time."""

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
    registry.add("predictor", "drift", "drift:Drift", "drift:Drift.Config", "goes on at another pace")
    registry.add("predictor", "broken", "drift:Broken", "drift:Broken.Config", "raises")
'''


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder with a short run of a program that counts."""
    folder = tmp_path_factory.mktemp("recorded") / "runs"
    made = [ASC, *RUN, "--program", "collatz", "--n", "20000", "--out", str(folder)]
    subprocess.run(made, check=True, capture_output=True, env=environment())
    return str(folder)


@pytest.fixture
def plugin(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "drift.py").write_text(PLUGIN)
    return ("--plugin", "drift.py")


def shares(found: dict[str, Any], name: str) -> list[float]:
    (one,) = [one for one in found["predictors"] if one["name"] == name]
    return [row["accepted"] / row["asked"] for row in one["rows"]]


def test_who_foretells_a_count(asc: Asc, runs: str) -> None:
    before = {path: path.read_bytes() for path in Path(runs).rglob("*") if path.is_file()}
    found = parsed(asc("bench-predictor", "affine", "--on", "latest", "--out", runs, *QUICK, "--json"))
    assert set(shares(found, "affine")) == {1.0}
    assert set(shares(found, "last-value")) == {0.0}
    assert found["predictors"][0]["name"] == "affine"
    assert [one["name"] for one in found["predictors"] if one["new"]] == ["affine"]
    assert (found["exact"], found["unit"], found["interrupted"]) == (True, "steps", False)
    assert "affine does best" in found["conclusions"][0]
    assert {path: path.read_bytes() for path in Path(runs).rglob("*") if path.is_file()} == before


def test_nobody_foretells_a_chain_of_digests(asc: Asc) -> None:
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
    assert (
        "broken was not asked again, and a run would have switched it off: ValueError: out of ideas (drift.py, line"
        in rest
    )


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
        (("affine",), ("Missing option '--on'", "such as --on latest")),
        (("--on", "latest"), ("NAME...",)),
    ],
)
def test_what_cannot_be_is_said_in_a_sentence(
    asc: Asc, runs: str, arguments: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    one_sentence(asc("bench-predictor", *arguments, "--out", runs), *parts)


def test_keeping_the_trajectory_of_an_exact_run_is_needless(asc: Asc) -> None:
    found = parsed(asc(*RUN, "--program", "collatz", "--n", "500", "--keep-trajectory", "3"))
    assert any("keeps nothing of an exact run" in warning for warning in found["warnings"])


def test_needs_that_are_not_provided_and_updates_in_place_are_refused(asc: Asc, runs: str) -> None:
    pytest.importorskip("asc_nn_training")
    one_sentence(
        asc("bench-predictor", "momentum", "--on", "latest", "--out", runs), "needs optimizer", "does not provide"
    )
    one_sentence(
        asc("bench-predictor", "tail-average", "--on", "latest", "--out", runs), "updates in place", "skips no steps"
    )
