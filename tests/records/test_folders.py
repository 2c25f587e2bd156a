from __future__ import annotations

import json
import math
import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from asc.errors import AscError
from asc.records.folders import find_run, list_runs, new_run_folder, read_json, write_json


def test_run_folders_are_named_after_time_and_backend_and_never_shared(tmp_path: Path) -> None:
    folders = [new_run_folder(tmp_path / "new", "my/Backend") for _ in range(20)]
    assert len(set(folders)) == 20
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}-my-Backend-[0-9a-f]{4}", folder.name) for folder in folders)
    assert all(folder.is_dir() for folder in folders)


def test_a_folder_that_cannot_be_made_is_named_and_so_is_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(AscError, match=r"cannot make a folder for the run in '.*file'.*--out"):
        new_run_folder(tmp_path / "file", "toy")


def test_json_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "summary.json"
    write_json(path, {"a": 1})

    def fail(source: object, target: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(AscError, match=r"cannot write '.*summary.json' \(No space left on device\)"):
        write_json(path, {"a": 2})
    assert read_json(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_json_takes_what_a_summary_may_hold(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"n": np.int64(3), "f": np.float32(0.5), "p": Path("a"), "s": {"b", "a"}, "u": "\udcff ü"})
    assert read_json(path) == {"n": 3, "f": 0.5, "p": "a", "s": ["a", "b"], "u": "\udcff ü"}


def test_json_files_hold_no_infinity(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"losses": [1.0, math.inf, math.nan]})
    assert (tmp_path / "x.json").read_text().split() == ["{", '"losses":', "[", "1.0,", "null,", "null", "]", "}"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"{", "is damaged"), (b"\xff\xfe", "is damaged"), (b"[1]", "holds a list"), (None, "cannot read")],
)
def test_a_file_that_cannot_be_read_is_explained(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "config.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(AscError, match=words) as caught:
        read_json(path)
    assert "asc runs" in str(caught.value)


def test_runs_are_listed_newest_first_and_broken_ones_as_such(tmp_path: Path, fake: SimpleNamespace) -> None:
    done = fake.folder(tmp_path / "2026-01-01-toy-done", 30)
    killed = fake.folder(tmp_path / "2026-01-02-toy-killed", 30, finished=False)
    config = json.loads((killed / "config.json").read_text())
    write_json(killed / "config.json", config | {"started": config["started"] + 60})
    (killed / "events.jsonl").write_bytes((killed / "events.jsonl").read_bytes() + b'{"event": "bou')
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "config.json").write_text("{")
    os.utime(broken, (1, 1))
    (tmp_path / "no run").mkdir()
    (tmp_path / "file").write_text("")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "config.json").write_text('{"started": "yesterday", "backend": 3}')
    os.utime(tmp_path / "odd", (2, 2))

    runs = list_runs(tmp_path)
    assert [run.id for run in runs] == [killed.name, done.name, "odd", "broken"]
    first, second, odd, last = runs
    assert (first.state, first.speedup, first.measured, first.backend) == ("running or killed", None, False, "toy")
    assert first.position is not None
    assert second.position is not None
    assert 0 < first.position <= second.position  # the same walk, but for what was not written yet
    assert first.seconds is not None
    assert first.seconds > 0
    assert (second.state, second.speedup, second.measured) == ("finished", 3.2, True)
    assert (odd.state, odd.backend, odd.position, odd.seconds) == ("running or killed", "3", None, None)
    assert last.state == "unreadable"


def test_an_estimate_is_not_called_measured(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / "a", 5)
    summary = read_json(folder / "summary.json")
    write_json(folder / "summary.json", summary | {"net_speedup": None})
    assert list_runs(tmp_path)[0].speedup == 3.31
    assert not list_runs(tmp_path)[0].measured
    endless = json.dumps(summary | {"net_speedup": math.inf, "estimated_speedup": None})
    (folder / "summary.json").write_text(endless)
    assert list_runs(tmp_path)[0].speedup is None


def test_no_folder_means_no_runs_and_a_file_is_explained(tmp_path: Path) -> None:
    assert list_runs(tmp_path / "nowhere") == []
    (tmp_path / "file").write_text("")
    with pytest.raises(AscError, match=r"cannot list the runs in .*--out"):
        list_runs(tmp_path / "file")


def test_a_run_is_found_by_path_id_beginning_or_as_the_latest(tmp_path: Path, fake: SimpleNamespace) -> None:
    old = fake.folder(tmp_path / "2026-01-01-toy-aa", 3)
    new = fake.folder(tmp_path / "2026-01-02-toy-bb", 3)
    write_json(new / "config.json", read_json(new / "config.json") | {"started": fake.started + 1})
    assert find_run(tmp_path, "latest") == new
    assert find_run(tmp_path, "2026-01-01-toy-aa") == old
    assert find_run(tmp_path, "2026-01-01") == old
    assert find_run(tmp_path / "elsewhere", str(old)) == old


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("2026-01-0", r"begins 2 runs: 2026-01-01-toy-aa, 2026-01-02-toy-bb; type more"),
        ("2026-01-01-toy-ab", r"nearest is '2026-01-01-toy-aa'; `asc runs` lists them"),
        ("", r"no run ''"),
        ("x" * 5_000, r"`asc runs` lists them"),
    ],
)
def test_a_run_that_is_not_there_gets_a_sentence(tmp_path: Path, fake: SimpleNamespace, asked: str, words: str) -> None:
    fake.folder(tmp_path / "2026-01-01-toy-aa", 3)
    fake.folder(tmp_path / "2026-01-02-toy-bb", 3)
    with pytest.raises(AscError, match=words):
        find_run(tmp_path, asked)


def test_where_there_are_no_runs_at_all_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(AscError, match="there are no runs in"):
        find_run(tmp_path, "latest")
