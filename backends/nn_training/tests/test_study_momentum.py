"""`asc study momentum`: leaps explode by the formula or by the precision, and with both corrected they do not."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from itertools import product
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from asc.config.validate import validate
from asc.errors import AscError
from asc.plugins import load
from asc_nn_training.backend import NetworkComputation
from asc_nn_training.studies.candidates import gate_loss, make_candidate
from asc_nn_training.studies.journal import Journal
from asc_nn_training.studies.momentum import FORMULAS, PRECISIONS, MomentumStudy
from asc_nn_training.studies.recipe import backend
from asc_nn_training.studies.resumable import ResumableTraining

AT, HORIZONS = (20, 40), (5, 25)
CANDIDATES = len(AT) * len(FORMULAS) * len(PRECISIONS) * len(HORIZONS)


class Whole(NamedTuple):
    """A study that was never stopped, its training at the end, and its progress reports."""

    study: MomentumStudy
    folder: Path
    computation: NetworkComputation
    records: list[dict[str, Any]]
    reports: list[tuple[str, float, float]]

    def found(self, form: str, precision: str, horizon: int, position: int = AT[-1]) -> dict[str, Any]:
        key = (form, precision, horizon, position)
        [record] = [r for r in self.records if key == (r["form"], r["precision"], r["horizon"], r["position"])]
        return record

    def ratio(self, form: str, precision: str, horizon: int) -> float:
        record = self.found(form, precision, horizon)
        return inf if record["predicted"] is None else float(record["predicted"] / record["current"])


@pytest.fixture(scope="module")
def config(recipe: dict[str, Any]) -> MomentumStudy.Config:
    return MomentumStudy.Config.model_validate({**recipe, "at": AT, "horizons": HORIZONS, "dropout": 0.1})


@pytest.fixture(scope="module")
def whole(config: MomentumStudy.Config, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder, ended = tmp_path_factory.mktemp("momentum"), list[NetworkComputation]()
    reports = list[tuple[str, float, float]]()
    with pytest.MonkeyPatch.context() as patch:
        remove = ResumableTraining.remove_checkpoints
        patch.setattr(
            ResumableTraining,
            "remove_checkpoints",
            lambda training: (ended.append(training.computation), remove(training)),
        )
        study = MomentumStudy(config)
        assert study.run(folder, lambda part, done, total, doing="": reports.append((part, done, total)), lambda: False)
    records = [record for record in Journal(folder / "journal.jsonl") if "form" in record]
    return Whole(study, folder, ended[0], records, reports)


def quiet(part: str, done: float, total: float, doing: str = "") -> None:
    """Report nothing."""


def test_every_formula_precision_and_horizon_is_tried_at_every_position(whole: Whole) -> None:
    found = [(r["position"], r["form"], r["precision"], r["horizon"]) for r in whole.records]
    assert sorted(found) == sorted(product(AT, FORMULAS, PRECISIONS, HORIZONS))
    assert not (whole.folder / "checkpoints").exists()


def test_progress_is_reported_to_its_end(whole: Whole) -> None:
    for part, total in (("training", AT[-1]), ("step 20", 12), ("step 40", 12)):
        done = [(done, of) for name, done, of in whole.reports if name == part]
        assert done == sorted(done)
        assert done[-1] == (total, total)


@pytest.mark.parametrize("precision", PRECISIONS)
def test_the_share_of_v_that_becomes_zero_is_a_count(whole: Whole, precision: str) -> None:
    v = torch.cat([state["exp_avg_sq"].flatten() for state in whole.computation.training.optimizer.state.values()])
    gone = (v > 0) & (v.to(getattr(torch, precision)) == 0)
    expected = int(gone.sum()) / int((v > 0).sum())
    assert whole.found("as coded", precision, HORIZONS[0])["flushed"] == expected
    assert expected > 0.5 if precision == "float16" else expected == 0


@pytest.mark.parametrize("form", ["as coded", "corrected, held", "corrected, decaying"])
def test_half_precision_alone_makes_a_leap_explode(whole: Whole, form: str) -> None:
    """bfloat16 has as few digits, but the range of float32: the range is what counts."""
    for horizon in HORIZONS:
        near = max(whole.ratio(form, precision, horizon) for precision in ("float32", "bfloat16"))
        assert whole.ratio(form, "float16", horizon) > 100 * near


@pytest.mark.parametrize(("precision", "horizon"), list(product(PRECISIONS, HORIZONS)))
def test_the_printed_formula_alone_makes_a_leap_explode(whole: Whole, precision: str, horizon: int) -> None:
    assert whole.ratio("as printed", precision, horizon) > 100


@pytest.mark.parametrize("form", ["corrected, held", "corrected, decaying"])
def test_corrected_and_in_single_precision_a_leap_stays_near(whole: Whole, form: str) -> None:
    assert whole.ratio(form, "float32", 5) < 1.1
    assert whole.ratio(form, "float32", 25) < 1.5
    assert whole.found(form, "float32", 25)["length"] < 0.2


@pytest.mark.parametrize(
    ("form", "name"), [("corrected, held", "momentum"), ("corrected, decaying", "momentum-decaying")]
)
@pytest.mark.parametrize("horizon", HORIZONS)
def test_corrected_is_the_predictor_that_runs_use(whole: Whole, form: str, name: str, horizon: int) -> None:
    """That predictor is K steps of AdamW if the gradient does not change: see test_momentum.py."""
    computation, predictor = whole.computation, load().registry.create("predictor", name, {})
    candidate = make_candidate(computation, predictor, horizon, (computation.observe(),))
    assert candidate is not None
    found = whole.found(form, "float32", horizon)
    assert found["predicted"] == gate_loss(computation, candidate.state)
    assert found["current"] == gate_loss(computation)
    weights = computation.weights.copy(), candidate.state.terms[0].values()
    here, there = (torch.cat([part.flatten() for part in parts]) for parts in weights)
    assert found["length"] == pytest.approx(float((there - here).norm() / here.norm()), rel=1e-4)


def test_the_training_is_not_disturbed(whole: Whole, config: MomentumStudy.Config) -> None:
    plain = backend(config, config.seed).computation(plain=True)
    plain.advance(AT[-1])
    assert whole.computation.position() == AT[-1]
    assert whole.computation.digest() == plain.digest()


def after(calls: int) -> Callable[[], bool]:
    """Return a function that is true from this call on."""
    count = iter(range(1, 10**9))
    return lambda: next(count) >= calls


def test_stopped_and_resumed_it_writes_the_same_journal(
    whole: Whole, config: MomentumStudy.Config, tmp_path: Path
) -> None:
    """Stopped while it trains and between candidates, and resumed each time by a new study object."""
    known, stops = [0], 0
    while not MomentumStudy(config).run(tmp_path, quiet, after(27)):
        known.append(len(list(Journal(tmp_path / "journal.jsonl"))))
        stops += 1
    assert known == sorted(known), "no record is lost"
    assert any(count % (CANDIDATES // len(AT)) > 0 for count in known), "one stop was between candidates"
    assert stops > 2
    assert (tmp_path / "journal.jsonl").read_text() == (whole.folder / "journal.jsonl").read_text()


def test_a_study_that_is_done_is_not_done_again(whole: Whole, config: MomentumStudy.Config) -> None:
    before = (whole.folder / "journal.jsonl").read_bytes()
    reports = list[str]()
    assert MomentumStudy(config).run(whole.folder, lambda part, *_: reports.append(part), lambda: True)
    assert not reports
    assert (whole.folder / "journal.jsonl").read_bytes() == before


def test_a_time_limit_stops_it_and_may_change_on_resume(config: MomentumStudy.Config, tmp_path: Path) -> None:
    assert "time_limit" in MomentumStudy.free
    hurried = MomentumStudy(config.model_copy(update={"time_limit": 1e-9}))
    assert not hurried.run(tmp_path, quiet, lambda: False)
    assert list((tmp_path / "checkpoints").glob("step-*"))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"at": (20, 20)}, r'The setting "at" was given \[20, 20\]; give distinct whole numbers of 1 or more\.'),
        ({"at": (0, 20)}, r'"at" was given \[0, 20\]; give distinct whole numbers of 1 or more\.'),
        ({"horizons": (5, 5)}, r'"horizons" was given \[5, 5\]; give distinct whole numbers'),
        ({"at": ()}, r'"at" was given \[\]; expected .*at least 1 long'),
        ({"at": (20, 61)}, r"after step 61, and training ends after 60: lower at, or give more steps\."),
        ({"gate_subsets": 2}, r'"gate_subsets" was given 2; expected .*at least 3'),
    ],
)
def test_settings_that_cannot_be_are_refused_in_a_sentence(
    recipe: dict[str, Any], given: dict[str, Any], message: str
) -> None:
    with pytest.raises(AscError, match=message):
        validate(MomentumStudy.Config, {**recipe, **given})


def test_positions_and_horizons_are_sorted(recipe: dict[str, Any]) -> None:
    config = MomentumStudy.Config.model_validate({**recipe, "at": (60, 20), "horizons": (25, 5)})
    assert (config.at, config.horizons) == ((20, 60), (5, 25))


def test_before_anything_is_done_there_are_no_results(config: MomentumStudy.Config, tmp_path: Path) -> None:
    study = MomentumStudy(config)
    assert not study.tables(tmp_path)
    assert study.data(tmp_path) == {"rows": []}
    assert not study.pictures(tmp_path, tmp_path)
    assert not list(tmp_path.iterdir())


def test_tables_and_numbers_are_the_means_over_positions(whole: Whole, config: MomentumStudy.Config) -> None:
    """A study that has run nothing makes them."""
    study = MomentumStudy(config)
    [table] = study.tables(whole.folder)
    assert table.columns[-2:] == ("K = 5", "K = 25")
    assert [row[:2] for row in table.rows[:-1]] == list(product(FORMULAS, PRECISIONS))
    assert table.rows[-1] == ("paper, GPT-2 124M", "float16", "", "", "122", "782")
    assert "after step 20, 40 of 60" in table.notes[0]
    rows = json.loads(json.dumps(study.data(whole.folder), allow_nan=False))["rows"]
    for row, shown in zip(rows, table.rows, strict=False):
        both = [whole.found(row["form"], row["precision"], 5, position) for position in AT]
        assert row["ratio"]["5"] == pytest.approx(sum(r["predicted"] / r["current"] for r in both) / 2)
        assert row["flushed"] == pytest.approx(sum(r["flushed"] for r in both) / 2)
        assert row["length"]["25"] > row["length"]["5"] > 0
        assert float(str(shown[4]).replace(",", "")) == pytest.approx(row["ratio"]["5"], rel=1e-2)


def test_a_loss_that_is_not_finite_is_shown_as_such_and_an_unknown_one_is_blank(
    config: MomentumStudy.Config, tmp_path: Path
) -> None:
    record = {"position": 20, "form": "as printed", "precision": "float16", "flushed": 0.75, "current": 2.0}
    Journal(tmp_path / "journal.jsonl").add({**record, "horizon": 5, "predicted": inf, "length": 9.0})
    study = MomentumStudy(config)
    [table] = study.tables(tmp_path)
    assert table.rows[0] == ("as printed", "float16", "75.0%", "", "not finite", "")
    assert "after step 20 of 60" in table.notes[0]
    [row] = study.data(tmp_path)["rows"]
    assert row["ratio"] == {"5": None, "25": None}
    assert row["length"] == {"5": 9.0, "25": None}
    json.dumps(row, allow_nan=False)


def test_at_the_command_line(
    recipe: dict[str, Any],
    as_options: Callable[[dict[str, Any]], list[str]],
    asc: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
) -> None:
    options = as_options({**recipe, "steps": 8, "at": "4,8", "horizons": "2,5"})
    found = asc("study", "momentum", *options, "--quiet")
    assert found.returncode == 0, found.stderr
    assert "Predicted over current loss, by K" in found.stdout
    assert len([line for line in found.stdout.splitlines() if line.startswith("corrected, held ")]) == len(PRECISIONS)
    folder = tmp_path / "studies" / "momentum"
    results = json.loads((folder / "results.json").read_text())
    assert (results["study"], results["state"], results["config"]["at"]) == ("momentum", "finished", [4, 8])
    assert len(results["data"]["rows"]) == len(FORMULAS) * len(PRECISIONS)
    assert (folder / "figures" / "momentum.png").exists()
    again = asc("study", "momentum", *options)
    assert again.returncode == 1
    assert again.stderr.startswith("error: There is a study in studies/momentum already. To resume it, add --resume")
    assert len(again.stderr.splitlines()) == 1
