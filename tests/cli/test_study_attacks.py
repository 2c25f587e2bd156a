"""Attacks on a study's own files: from every file event on they fail, and the study is resumed to the same results."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from failing_disk import DISK, HOWS, Countdown, How, Killed

from tests.cli.conftest import Asc, parsed

STUDY = """
import asc
from asc.records.folders import write_text
from asc.study import Table

class Count(asc.Study):
    class Config(asc.Settings):
        pass

    def run(self, folder, tell, stopped):
        for number in range(2):
            if not (folder / f"{number}.txt").exists():
                write_text(folder / f"{number}.txt", "counted")
        return True

    def tables(self, folder):
        rows = tuple((path.name,) for path in sorted(folder.glob("?.txt")))
        return [Table("counted", "What was counted", ("file",), rows)] if rows else []

    def pictures(self, folder, target):
        (target / "one.svg").write_text("<svg/>")
        return [target / "one.svg"]

@asc.hookimpl
def asc_register(registry):
    registry.add("study", "count", "p:Count", "Counts.")
"""
COUNT = ("study", "count", "--plugin", "p.py", "--out", "s", "--json")
EVENTS = 32  # more than the study has


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "p.py").write_text(STUDY)
    return tmp_path / "s"


@pytest.fixture(scope="module")
def expected() -> dict[str, Any]:
    """What the study's files hold in the end."""
    return {}


def results(folder: Path) -> dict[str, str]:
    """Every file that the study and its report leave, but the record, which has times."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name not in ("study.json", ".lock")]
    return {str(path.relative_to(folder)): path.read_text() for path in paths if not path.name.endswith(".tmp")}


def test_every_event_of_a_study_is_among_them(asc: Asc, home: Path, expected: dict[str, Any]) -> None:
    events = Countdown(EVENTS)
    with DISK.failing(home, "killed", events):
        parsed(asc(*COUNT))
    assert 0 <= events.left < EVENTS // 4, "neither too few nor many that never come"
    expected |= results(home)
    assert set(expected) == {"0.txt", "1.txt", "tables.md", "results.json", "tables/counted.csv", "figures/one.svg"}


@pytest.mark.parametrize("how", HOWS)
@pytest.mark.parametrize("event", range(EVENTS))
def test_a_study_whose_files_fail_from_any_event_on_is_resumed_to_the_same_results(
    asc: Asc, home: Path, expected: dict[str, Any], event: int, how: How
) -> None:
    with suppress(Killed), DISK.failing(home, how, Countdown(event)):
        first = asc(*COUNT)
        assert "Traceback" not in first.stderr
    begun = (home / "study.json").exists()
    found = parsed(asc(*COUNT, *(("--resume",) if begun else ())))
    assert found["state"] == "finished"
    assert found["tables"][0]["rows"] == [["0.txt"], ["1.txt"]]
    assert results(home) == (expected or results(home))
    assert json.loads((home / "study.json").read_text())["state"] == "finished"
