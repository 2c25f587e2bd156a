"""A study's journal: every record is there, in order, wherever a kill cuts the last line."""

from __future__ import annotations

import json
import os
from math import inf, nan
from pathlib import Path

import numpy as np
import pytest

from asc.errors import AscError
from asc_nn_training.studies.journal import Journal

RECORDS = [{"position": 1, "loss": 2.5}, {"position": 2, "form": "as printed"}, {"position": 3, "all": [1, None]}]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of three records."""
    journal = Journal(tmp_path / "seed-1" / "journal.jsonl")
    for record in RECORDS:
        journal.add(record)
    return journal.path


def test_records_are_read_in_the_order_in_which_they_were_added(path: Path) -> None:
    assert list(Journal(path)) == RECORDS
    assert [json.loads(line) for line in path.read_text().splitlines()] == RECORDS


def test_a_record_is_on_disk_before_add_returns(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    for count, record in enumerate(RECORDS, 1):
        journal.add(record)
        assert list(Journal(journal.path)) == RECORDS[:count]


def test_without_a_file_there_are_no_records_and_no_file_is_made(tmp_path: Path) -> None:
    assert list(Journal(tmp_path / "journal.jsonl")) == []
    assert not list(tmp_path.iterdir())


def test_wherever_a_kill_cuts_the_last_line_only_that_record_is_lost(path: Path) -> None:
    """Cut after every byte of the last line; then a record is added."""
    whole = path.read_bytes()
    begins = len(whole.rstrip(b"\n").rpartition(b"\n")[0]) + 1
    for end in range(begins, len(whole)):
        path.write_bytes(whole[:end])
        journal = Journal(path)
        left = RECORDS if end == len(whole) - 1 else RECORDS[:2]  # only the line feed is missing
        assert list(journal) == left
        journal.add({"position": 4})
        assert list(Journal(path)) == list(journal) == [*left, {"position": 4}]


def test_zeros_that_a_power_cut_leaves_at_the_end_are_ignored(path: Path) -> None:
    with path.open("ab") as stream:
        stream.write(bytes(64))
    assert list(Journal(path)) == RECORDS


@pytest.mark.parametrize(
    "damage", ['{"position": 2, "fo', "", "\udc80\udc81", "null", "[2]", '{"loss": 2}', "[" * 100_000]
)
def test_damage_anywhere_else_is_an_error(path: Path, damage: str) -> None:
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], damage, lines[2], ""]), errors="surrogateescape")
    with pytest.raises(
        AscError, match=r"^Line 2 of .*journal\.jsonl is damaged \(.+\)\. Restore the file, or delete the folder .*\.$"
    ):
        Journal(path)


def test_a_pipe_in_place_of_the_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "journal.jsonl")
    with pytest.raises(AscError, match=r"journal\.jsonl is no ordinary file\. Restore it, or delete "):
        Journal(tmp_path / "journal.jsonl")


def test_infinities_and_nan_become_null_however_deep(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.jsonl")
    journal.add({"position": 1, "loss": inf, "curve": [1.0, nan, (-inf, 2)], "by": {"K": np.float64(inf)}})
    expected = [{"position": 1, "loss": None, "curve": [1.0, None, [None, 2]], "by": {"K": None}}]
    assert list(journal) == list(Journal(journal.path)) == expected


def test_keep_removes_the_other_records_on_disk_too(path: Path) -> None:
    journal = Journal(path)
    journal.keep(lambda record: record["position"] != 2)
    assert list(journal) == list(Journal(path)) == [RECORDS[0], RECORDS[2]]
    journal.add({"position": 4})
    assert list(Journal(path)) == [RECORDS[0], RECORDS[2], {"position": 4}]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((OSError, AscError)):
        Journal(tmp_path / "file" / "journal.jsonl").add({"position": 1})
