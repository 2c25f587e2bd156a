"""Predictors asked at the kept positions of a training: what they would have been worth, compared by hand."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from asc.run.replay import positions
from asc.types import Combination, Plan
from asc.validators.scores import Reports
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.validators.held_out_loss import HeldOutLoss

STEPS, EVERY = 40, 8
HORIZONS = (8, 16)
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bench")


@pytest.fixture(scope="module")
def command(folder: Path, asc_in: Callable[[Path], Command]) -> Command:
    return partial(asc_in(folder), columns=80)


@pytest.fixture(scope="module")
def recorded(command: Command, folder: Path, options: list[str]) -> Path:
    """The folder of a run in shadow that kept all its boundaries."""
    own = ("--steps", str(STEPS), "--shadow", "--keep-trajectory", "12", "--quiet", "--json")
    sets = ("--set", f"recognizer.every={EVERY}", "--set", "scheduler.horizons=[8,16]")
    found = command("run", "nn_training", *options, *own, *sets)
    assert found.returncode == 0, found.stderr
    summary = json.loads(found.stdout)
    assert summary["trajectory"]["positions"] == STEPS // EVERY
    return folder / str(summary["run_dir"])


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def rows(found: dict[str, Any], name: str) -> dict[tuple[int, str], dict[str, Any]]:
    (one,) = [one for one in found["predictors"] if one["name"] == name]
    return {(row["horizon"], row["regime"]): row for row in one["rows"]}


def test_values_are_those_judged_by_hand_and_the_folder_stays_as_it_is(command: Command, recorded: Path) -> None:
    before = contents(recorded)
    process = command("bench-predictor", "linear", "--beside", "none", "--on", str(recorded), "--json")
    assert process.returncode == 0, process.stderr
    found = json.loads(process.stdout)
    assert contents(recorded) == before

    config = NetworkConfig.model_validate(json.loads((recorded / "config.json").read_text())["config"])
    backend = NetworkBackend(config)
    computation = backend.computation(plain=True)
    assert isinstance(computation, Reports)
    states, reported = [computation.observe()], [computation.report(None).mean()]
    gains: dict[int, list[float]] = {horizon: [] for horizon in HORIZONS}
    accepted = dict.fromkeys(HORIZONS, 0)
    validator = HeldOutLoss(HeldOutLoss.Config())
    while computation.position() < STEPS - EVERY:
        computation.advance(EVERY)
        states.append(computation.observe())
        reported.append(computation.report(None).mean())
        for horizon in HORIZONS:
            share = horizon / EVERY
            plan = Plan("linear", horizon)
            candidate = computation.materialise(Combination((-share, 1 + share)), states[-2:], plan)
            assert candidate is not None
            accepted[horizon] += validator.judge(computation, candidate._replace(rivals=2)).accepted
            gains[horizon].append(float(reported[-1] - computation.report(candidate.state).mean()))
    for horizon in HORIZONS:
        row = next(row for (ahead, _), row in rows(found, "linear").items() if ahead == horizon)  # all regimes
        assert (row["asked"], row["silent"], row["accepted"]) == (STEPS // EVERY, 1, accepted[horizon])
        assert row["candidate_gain"] == pytest.approx(np.mean(gains[horizon]), abs=1e-6)
        ahead = horizon // EVERY
        real = [reported[i] - reported[i + ahead] for i in range(1, len(reported) - ahead)]
        if sum(real) > 0:
            share_of_real = sum(gains[horizon][: len(real)]) / sum(real)
            assert row["share_of_plain"] == pytest.approx(share_of_real, abs=1e-4)


def test_a_report_leaves_everything_as_it_is(recorded: Path) -> None:
    config = NetworkConfig.model_validate(json.loads((recorded / "config.json").read_text())["config"])
    backend = NetworkBackend(config)
    computation = backend.computation(plain=True)
    for place in positions.kept_positions(recorded)[:2]:
        assert backend.load(computation, place.folder) is not None
        drawn, digest = torch.get_rng_state(), computation.digest()
        now = computation.observe()
        other = computation.materialise(Combination((1.5,)), (now,), Plan("p", 8))
        assert other is not None
        assert not np.array_equal(computation.report(other.state), computation.report(None))
        assert computation.digest() == digest
        assert torch.equal(torch.get_rng_state(), drawn)
        assert computation.position() == place.position


def test_predictors_of_every_kind_stand_beside_in_a_table_of_80_columns(command: Command, recorded: Path) -> None:
    beside = "linear,nesterov-outer,cascade,anderson"
    found = command("bench-predictor", "momentum", "--beside", beside, "--on", str(recorded), "--horizons", "8")
    assert found.returncode == 0, found.stderr
    table, _, rest = found.stdout.partition("ahead: in steps")
    assert max(map(len, table.splitlines())) <= 80
    for name in ("* momentum", *beside.split(",")):
        assert name in table
    assert "momentum" in rest.splitlines()[-1]


def test_other_settings_of_history_and_validator(command: Command, recorded: Path) -> None:
    own = ("--on", str(recorded), "--beside", "none", "--horizons", "8", "--json")
    found = command("bench-predictor", "quadratic", *own, "--set", "validator.criterion=strict")
    assert found.returncode == 0, found.stderr
    everywhere = rows(json.loads(found.stdout), "quadratic")
    total = next(iter(everywhere.values()))
    assert total["silent"] == 2  # it looks back on three, for which the history is as deep as it would be in a run
    bounded = command("bench-predictor", "quadratic", *own, "--set", "history.max_snapshots=2")
    assert bounded.returncode == 1
    assert "quadratic looks back on 3 snapshots, and history.max_snapshots is 2" in bounded.stderr


def test_a_run_that_kept_nothing_says_what_to_type(command: Command, options: list[str]) -> None:
    run = command("run", "nn_training", *options, "--steps", "2", "--quiet", "--json")
    folder = json.loads(run.stdout)["run_dir"]
    found = command("bench-predictor", "linear", "--on", folder)
    assert found.returncode == 1
    assert found.stdout == ""
    assert "kept none of its positions" in found.stderr
    assert "--steps 2" in found.stderr
    assert "--shadow --keep-trajectory 20" in found.stderr


def test_a_resumed_run_goes_on_keeping(command: Command, small: Callable[..., NetworkConfig], tmp_path: Path) -> None:
    from asc.config.run import Component
    from asc.plugins import load
    from asc.run.run import Run

    config = small(steps=32, keep_trajectory=3, recognizer=Component(name="every", steps=8))

    def made(resume: bool) -> Run:
        backend = NetworkBackend(config)
        return Run(backend, "nn_training", load(), folder=tmp_path, resume=resume, shadow=True)

    first = made(resume=False)
    after = first.computation.watch.after

    def stopping(position: int, loss: float) -> None:
        after(position, loss)
        if position == 12:
            first.stop()

    first.computation.watch.after = stopping
    assert first.execute()["state"] == "interrupted"
    assert [place.position for place in positions.kept_positions(tmp_path)] == [0, 8]
    assert made(resume=True).execute()["state"] == "finished"
    assert [place.position for place in positions.kept_positions(tmp_path)] == [0, 8, 16]
    assert not (tmp_path / positions.TRAJECTORY / "model").exists()
