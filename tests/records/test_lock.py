"""One process at a time in a folder, whatever becomes of the others."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from asc.errors import AscError
from asc.records.lock import LockedError, discard_unused, exclusive, wait_until_free


def test_the_second_is_refused_and_after_the_first_has_ended_it_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with exclusive(folder), pytest.raises(LockedError, match=r"Another process is working in .*run\. Wait until"):
        exclusive(folder).__enter__()
    with exclusive(folder):
        pass


def test_an_error_within_gives_the_folder_free(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), exclusive(tmp_path):
        1 / 0  # noqa: B018
    wait_until_free(tmp_path, 100)
    with exclusive(tmp_path):
        pass


def test_a_forked_worker_that_outlives_its_parent_does_not_keep_the_folder_locked(tmp_path: Path) -> None:
    (ended, end), (begun, begin) = os.pipe(), os.pipe()
    with exclusive(tmp_path):
        child = os.fork()
        if not child:
            os.close(end)
            os.write(begin, b".")
            os.read(ended, 1)  # until the parent has closed its end
            os._exit(0)
        os.read(begun, 1)
    try:
        with exclusive(tmp_path):
            pass
    finally:
        os.close(end)
        os.waitpid(child, 0)
        for descriptor in (ended, begun, begin):
            os.close(descriptor)


def test_waiting_ends_where_the_folder_stays_locked_or_is_not_there(tmp_path: Path) -> None:
    with exclusive(tmp_path):
        wait_until_free(tmp_path, 0.01)
    wait_until_free(tmp_path / "nowhere", 100)
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_written_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AscError, match=r"file/run' cannot be locked for a run or a study \(Not a directory\)"):
        exclusive(tmp_path / "file" / "run").__enter__()


def test_only_a_folder_that_holds_nothing_but_its_lock_is_discarded(tmp_path: Path) -> None:
    for name in ("used", "unused"):
        with exclusive(tmp_path / name):
            pass
    (tmp_path / "used" / "config.json").write_text("{}")
    for name in ("used", "unused", "nowhere"):
        discard_unused(tmp_path / name)
    assert [path.name for path in tmp_path.iterdir()] == ["used"]
    assert len(list((tmp_path / "used").iterdir())) == 2
