"""A study that is killed at every file event, and resumed each time, ends as one that never stopped."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from failing_disk import DISK, HOWS, How, Killed, Once

from asc.errors import AscError
from asc.study import Study, Table
from asc_nn_training.studies import cascades, departures, resumable, verdicts
from asc_nn_training.studies.collapse import Collapse
from asc_nn_training.studies.departures import Departures
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.leap_verify import LeapVerify
from asc_nn_training.studies.momentum import MomentumStudy
from asc_nn_training.studies.rates import Rates
from asc_nn_training.studies.verdicts import Verdicts

CHOICES: dict[type[Study], dict[str, Any]] = {
    LeapVerify: {
        **{"steps": 14, "snapshot_every": 3, "horizons": (2, 4), "seeds": (3,), "cascade_every": 2, "as_": "corrected"},
        "device_bytes": 0,  # so that past weights move, which is counted
        "thresholds": {"name": "fixed", "stable": 0.5, "chaotic": 0.1},
    },
    Collapse: {
        **{"steps": 8, "every": 3, "together": (0, 2), "members": 2, "seeds": (3,), "points": 1, "barrier": 100.0},
        "thresholds": {"name": "fixed", "chaotic": -1.0, "stable": 1.0},
    },
    MomentumStudy: {"steps": 6, "seed": 3, "at": (2, 5), "horizons": (2,)},
    Departures: {"steps": 100, "seed": 3},
    Rates: {"steps": 20, "rates": (1e-3, 2e-3), "seeds": (3,), "first": 0.4, "spans": (2,), "lr": None},
    Verdicts: {
        **{"steps": 50, "rates": (1e-3,), "seeds": (3,), "at": (36, 38), "every": 2, "trials": (2,), "stretch": 2},
        "orders": 2,
    },
}
SERIES = [
    *((study, 30 if study is Departures else 4, how) for study in CHOICES for how in HOWS),
    (LeapVerify, 1, "killed"),
    (LeapVerify, 40, "torn"),
]
"""A study, the checks from one checkpoint to the next, and what happens once at every file event."""
MEASURED = ("seconds", "moved_s", "live_s", "read_out_s")  # in journals; everything else is determined


class Whole(NamedTuple):
    """What a study leaves, without what the clock has measured."""

    journals: dict[str, list[dict[str, Any]]]
    tables: list[Table]


def left(study: Study, folder: Path) -> Whole:
    """Return the journals and the tables."""

    def determined(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: determined(part) for key, part in value.items() if key not in MEASURED}
        return [determined(part) for part in value] if isinstance(value, list) else value

    journals = {
        str(path.relative_to(folder)): [determined(record) for record in Journal(path)]
        for path in sorted(folder.rglob(JOURNAL))
    }
    return Whole(journals, [timeless(table) for table in study.tables(folder)])


def timeless(table: Table) -> Table:
    """Return the table without its columns of seconds."""
    kept = [number for number, name in enumerate(table.columns) if "seconds" not in name]
    return table._replace(columns=kept, rows=[[row[number] for number in kept] for row in table.rows])


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cascades, trials and kinds of candidates that short trainings have room for."""
    monkeypatch.setattr(cascades, "GRID", ((2, 2),))
    monkeypatch.setattr(departures, "AFTER", (1, 2, 3))
    monkeypatch.setattr(departures, "_MOST", 100)  # passages, which are tokenised at each start
    few = dict(list(verdicts.kinds(0.97).items())[:1])
    monkeypatch.setattr(verdicts, "kinds", lambda _: few)
    checkpoints_every(10**9, monkeypatch)
    monkeypatch.setattr(os, "fsync", lambda _: None)  # which takes long, and matters where the power is cut


@pytest.fixture(scope="module")
def wholes() -> dict[type[Study], Whole]:
    """What studies that were never stopped have left, by kind."""
    return {}


def checkpoints_every(checks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a checkpoint be due by the number of checks, and not by the clock."""

    def due(self: resumable.ResumableTraining) -> bool:
        since, saved = getattr(self, "checked", (0, self._saved))
        self.checked = (since + 1 if saved == self._saved else 1), self._saved  # type: ignore[attr-defined]
        return self.checked[0] > checks  # type: ignore[attr-defined,no-any-return]

    monkeypatch.setattr(resumable.ResumableTraining, "_due", due)


@pytest.mark.parametrize(("kind", "checks", "how"), SERIES)
def test_a_study_that_fails_once_at_every_file_event_ends_as_one_that_never_failed(
    kind: type[Study],
    checks: int,
    how: How,
    wholes: dict[type[Study], Whole],
    recipe: dict[str, Any],
    tiny: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = {"model": str(tiny), "length": 16, "batch": 2, "gate_sequences": 6, "warmup": 2}
    study = kind(kind.Config.model_validate({**recipe, **own, **CHOICES[kind]}))
    run = partial(study.run, tell=lambda *_: None, stopped=lambda: False)
    if kind not in wholes:
        assert run(tmp_path / "whole")
        wholes[kind] = left(study, tmp_path / "whole")
    checkpoints_every(checks, monkeypatch)
    every, failures, done = Once(how), 0, False
    while not done:
        with suppress(Killed, OSError, AscError), DISK.failing(tmp_path / "killed", how, every):
            done = run(tmp_path / "killed")
        failures += DISK.failed
        assert done or DISK.failed
    assert failures >= sum(map(len, wholes[kind].journals.values()))
    assert left(study, tmp_path / "killed") == wholes[kind]
