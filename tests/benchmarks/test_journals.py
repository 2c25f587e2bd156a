"""Finished seeds are kept beside the results, and seeds that finish later are added to them."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

JOURNALS = Path(__file__).parent.parent.parent / "benchmarks" / "journals.py"

ONE = {"machine": "one", "corpus": "abc"}


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(JOURNALS))


def seed(study: Path, number: int, ended: bool = True) -> str:
    """Write a seed's journal and return it."""
    records = [{"kind": "snapshot", "position": 50}, {"kind": "end", "outcome": {"corpus": "abc"}}][: 1 + ended]
    text = "".join(json.dumps(record) + "\n" for record in records)
    journal = study / f"seed-{number}" / "journal.jsonl"
    journal.parent.mkdir(parents=True, exist_ok=True)
    (study / "study.json").write_text('{"study": "leap-verify"}')
    journal.write_text(text)
    return text


def test_seeds_of_two_machines_are_combined(script: dict[str, Any], tmp_path: Path) -> None:
    kept, first, second = tmp_path / "results" / "gpu-study", tmp_path / "first", tmp_path / "second"
    text = seed(first, 42)
    assert script["pack"](first, kept, {"machine": "one"}) == {"seed-42": ONE}
    script["unpack"](kept, second)
    assert (second / "seed-42" / "journal.jsonl").read_text() == text
    assert (second / "study.json").exists(), "the study's record is there, so that it can be resumed"
    seed(second, 43)
    runs = script["pack"](second, kept, {"machine": "two"})
    assert runs == {"seed-42": ONE, "seed-43": {"machine": "two", "corpus": "abc"}}


def test_only_finished_seeds_are_kept(script: dict[str, Any], tmp_path: Path) -> None:
    seed(tmp_path / "study", 42, ended=False)
    assert script["pack"](tmp_path / "study", tmp_path / "kept", {}) == {}
    script["unpack"](tmp_path / "kept", tmp_path / "other")
    assert not list((tmp_path / "other").glob("seed-*"))


@pytest.mark.parametrize("ended", [True, False])
def test_a_finished_seed_of_the_study_stays_and_an_unfinished_one_is_replaced(
    script: dict[str, Any], tmp_path: Path, ended: bool
) -> None:
    whole = seed(tmp_path / "study", 42)
    script["pack"](tmp_path / "study", tmp_path / "kept", {})
    own = tmp_path / "study" / "seed-42" / "journal.jsonl"
    own.write_text("{}\n" + whole if ended else "{}\n{torn")
    script["unpack"](tmp_path / "kept", tmp_path / "study")
    assert own.read_text() == ("{}\n" + whole if ended else whole)


def test_the_same_journal_is_kept_as_the_same_bytes(script: dict[str, Any], tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        seed(tmp_path / name, 42)
        script["pack"](tmp_path / name, tmp_path / f"{name}-kept", {})
        files.append((tmp_path / f"{name}-kept" / "seed-42.jsonl.gz").read_bytes())
    assert files[0] == files[1]


def test_without_kept_seeds_nothing_happens(script: dict[str, Any], tmp_path: Path) -> None:
    script["unpack"](tmp_path / "nowhere", tmp_path / "study")
    assert not (tmp_path / "study").exists()
