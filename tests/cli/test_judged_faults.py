"""What a person sees of a validator that raises, of a model that cannot be written, and of verdicts that are drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Asc, one_sentence, parsed

PLUGIN = """
import asc
from pydantic import Field
from asc.backend import Backend
from asc.config.run import Component, JudgedConfig
from asc.reference.descent import Descent
from asc.speculators.judged.scheduler import JudgedScheduler

class Raising(asc.Validator):
    def judge(self, computation, candidate):
        return {}["loss"]

class Bare(Descent):
    provides = frozenset({"vector"})

class Descents(Backend):
    class Config(JudgedConfig):
        recognizer: Component = Component(name="every", steps=10)
        validator: Component = Component(name="strict")
        scheduler: JudgedScheduler.Config = JudgedScheduler.Config(horizons=(10,))
        bare: bool = Field(False, description="provides no losses")

    def computation(self, plain): return (Bare if self.config.bare else Descent)(2000, rate=0.001, noise=0.01)
    def save(self, computation, folder, state): raise OSError("no space left on device")
    def finish(self, computation, folder): (folder / "model.txt").write_text("kept")
    def load(self, computation, folder): return None
    def outcome(self, computation): raise ValueError("no loss")

@asc.hookimpl
def asc_register(registry):
    registry.add("backend", "descents", "p:Descents", "judged")
    registry.add("validator", "raising", "p:Raising", "raises")
"""


@pytest.fixture
def descents(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "p.py").write_text(PLUGIN)
    return ("run", "descents", "--plugin", "p.py")


def test_a_validator_that_raises_is_named_in_a_warning_and_in_the_reason(asc: Asc, descents: tuple[str, ...]) -> None:
    found = asc(*descents, "--validator", "raising", COLUMNS="300")
    assert found.returncode == 0, found.stderr
    assert "Traceback" not in found.stderr
    assert (
        "The validator 'raising' raised KeyError: 'loss' (p.py, line 11): the candidate was not judged." in found.stderr
    )
    why = (
        "No speed-up: speculation was switched off after the validator raising raised KeyError: 'loss' (p.py, line 11)."
    )
    assert why in found.stdout
    assert why in found.stderr, "the last line of the view"


def test_the_model_is_written_where_the_checkpoint_is_not_and_each_failure_is_a_warning(
    asc: Asc, descents: tuple[str, ...], tmp_path: Path
) -> None:
    summary = parsed(asc(*descents, "--quiet", "--json"))
    assert summary["state"] == "finished"
    assert (Path(tmp_path) / summary["run_dir"] / "model.txt").read_text() == "kept"
    assert (Path(tmp_path) / summary["run_dir"] / "report.html").is_file()
    checkpoint, outcome = summary["warnings"]
    assert checkpoint == "The checkpoint at position 2000 could not be written: no space left on device."
    assert outcome.startswith("The outcome of the finished run is not known: ValueError: no loss (p.py, line ")


def test_a_validator_whose_needs_are_not_met_is_refused_at_the_start(asc: Asc, descents: tuple[str, ...]) -> None:
    one_sentence(
        asc(*descents, "--quiet", "--bare"),
        'The validator "strict" needs losses, which this backend does not provide (it offers vector).',
        'name "losses" in its provides',
        "asc new validator NAME",
    )


def test_a_shadow_run_with_drawn_verdicts_says_what_the_speed_up_would_be(asc: Asc, descents: tuple[str, ...]) -> None:
    drawn = (*descents, "--quiet", "--shadow", "--validator", "synthetic")
    found = asc(*drawn, "--set", "validator.rate=0.4", "--set", "validator.worth=0.5", COLUMNS="300")
    assert found.returncode == 0, found.stderr
    assert "With every leap taken, the speed-up would have been 1." in found.stdout
    assert (
        "The validator synthetic draws its verdicts and looks at no candidate, so the gains of this run are assumed"
        in (found.stderr)
    )
    often, rarely = (
        parsed(asc(*drawn, "--set", f"validator.rate={rate}", "--json"))["shadow_speedup"] for rate in ("0.9", "0.1")
    )
    assert often > rarely > 0
