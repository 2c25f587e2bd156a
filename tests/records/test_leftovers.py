"""What killed processes have left is swept: only ours, only old, and never of a process that lives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from asc.records.folders import new_run_folder, write_text
from asc.records.leftovers import OLD_S, sweep, sweep_runs, temporary_name
from asc.records.lock import LOCK, exclusive

RUN = "2026-11-23T081500-toy-1a2b"


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


def make(path: Path, old: bool = True, folder: bool = False) -> Path:
    """Leave a file, or a folder with a file in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if folder:
        path.mkdir()
    (path / "part" if folder else path).write_text("half")
    return aged(path) if old else path


def aged(path: Path) -> Path:
    before = path.stat().st_mtime - 2 * OLD_S
    os.utime(path, (before, before))
    return path


@pytest.mark.parametrize("folder", [False, True])
def test_what_a_dead_process_has_left_long_ago_is_removed(tmp_path: Path, dead: int, folder: bool) -> None:
    make(tmp_path / f".summary.json.{dead}.tmp", folder=folder)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", [False, True])
def test_what_is_new_or_of_a_process_that_lives_or_not_ours_stays(tmp_path: Path, dead: int, folder: bool) -> None:
    there = {
        make(tmp_path / f".new.{dead}.tmp", old=False, folder=folder),
        make(tmp_path / f".of-a-process-that-lives.{os.getppid()}.tmp", folder=folder),
        make(tmp_path / f"of-a-person.{dead}.tmp", folder=folder),
        make(tmp_path / ".of-another-program.tmp", folder=folder),
        make(tmp_path / "summary.json", folder=folder),
    }
    sweep(tmp_path)
    assert set(tmp_path.iterdir()) == there


def test_a_link_and_what_it_leads_to_stay(tmp_path: Path, dead: int) -> None:
    target = make(tmp_path / "target", folder=True)
    link = tmp_path / f".link.{dead}.tmp"
    link.symlink_to(target)
    os.utime(link, (0, 0), follow_symlinks=False)
    sweep(tmp_path)
    assert link.is_symlink()
    assert (target / "part").exists()


def test_a_folder_that_is_locked_stays(tmp_path: Path, dead: int) -> None:
    path = make(tmp_path / f".weights.{dead}.tmp", folder=True)
    with exclusive(path):
        aged(path)
        sweep(tmp_path)
        assert path.exists()
    aged(path)
    sweep(tmp_path)
    assert not path.exists()


def test_what_another_user_has_left_stays(tmp_path: Path, dead: int, monkeypatch: pytest.MonkeyPatch) -> None:
    path = make(tmp_path / f".theirs.{dead}.tmp")
    monkeypatch.setattr(os, "getuid", lambda: path.stat().st_uid + 1)
    sweep(tmp_path)
    assert path.exists()


def test_a_file_is_written_under_a_name_that_can_be_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    monkeypatch.setattr(os, "replace", lambda temporary, _: seen.append(temporary.name))
    write_text(tmp_path / "summary.json", "{}")
    assert seen == [temporary_name("summary.json")]
    aged(make(tmp_path / seen[0]))
    sweep(tmp_path)  # a process with the same number has left it: a container has few numbers
    assert list(tmp_path.iterdir()) == []


def test_folders_of_runs_that_never_began_are_removed_with_the_next_run(tmp_path: Path, dead: int) -> None:
    out = tmp_path / "runs"
    for number, names in enumerate(([], [LOCK], [LOCK, f".config.json.{dead}.tmp"])):
        for name in names:
            make(out / f"{RUN}{number}" / name)
        (out / f"{RUN}{number}").mkdir(exist_ok=True, parents=True)
        (out / f"{RUN}{number}").rename(out / f"{RUN[:-1]}{number}")
        aged(out / f"{RUN[:-1]}{number}")
    kept = {
        make(out / "2026-11-23T081500-toy-aaaa" / "config.json").parent,
        make(out / "2026-11-23T081500-toy-bbbb" / "notes.txt").parent,
        make(out / "mine" / LOCK).parent,
    }
    new = out / "2026-11-23T081500-toy-cccc"
    new.mkdir()
    busy = out / "2026-11-23T081500-toy-dddd"
    with exclusive(busy):
        for folder in (*kept, busy):
            aged(folder)
        made = new_run_folder(out, "toy")
        assert set(out.iterdir()) == {*kept, new, busy, made}


def test_where_there_are_no_runs_there_is_nothing_to_sweep(tmp_path: Path) -> None:
    sweep_runs(tmp_path / "nowhere")
    sweep(tmp_path / "nowhere")
