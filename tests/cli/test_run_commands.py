from __future__ import annotations

import io
import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import rich_click as click
from click.testing import CliRunner
from rich.console import Console

from asc.cli.report import report_command
from asc.cli.runs import runs_command
from asc.errors import AscError


def said(command: click.Command, *arguments: str, **console: object) -> str:
    out = io.StringIO()
    options = {"file": out, "width": 80} | console
    obj = SimpleNamespace(console=Console(**options))  # type: ignore[arg-type]
    CliRunner().invoke(command, list(arguments), obj=obj, catch_exceptions=False, standalone_mode=False)
    return out.getvalue()


def test_runs_are_a_table_with_whole_names(tmp_path: Path, fake: SimpleNamespace) -> None:
    fake.folder(tmp_path / ("2026-11-23T081500-toy-" + "long-" * 20), 5)
    fake.folder(tmp_path / "2026-11-23T081500-toy-killed", 5, finished=False)
    text = said(runs_command, "--out", str(tmp_path))
    assert "2026-11-23T081500-toy-" + "long-" * 20 in text
    assert "3.20× net" in text
    assert "running or killed" in text
    assert len(text.splitlines()) == 3


@pytest.mark.parametrize("width", [30, 60, 120])
def test_a_terminal_gets_a_table_of_its_width(tmp_path: Path, fake: SimpleNamespace, width: int) -> None:
    fake.folder(tmp_path / "2026-11-23T081500-toy-1a2b", 5)
    text = said(runs_command, "--out", str(tmp_path), width=width, force_terminal=True, color_system=None)
    assert max(map(len, text.splitlines())) <= width


def test_runs_as_json_are_strict_json(tmp_path: Path, fake: SimpleNamespace) -> None:
    fake.folder(tmp_path / "a", 5)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "config.json").write_text("nonsense")
    read = json.loads(said(runs_command, "--out", str(tmp_path), "--json"), parse_constant=pytest.fail)
    assert {run["id"]: run["state"] for run in read} == {"a": "finished", "b": "unreadable"}
    assert read[0]["folder"] == str(tmp_path / read[0]["id"])


def test_no_runs_is_a_sentence_or_an_empty_list(tmp_path: Path) -> None:
    assert said(runs_command, "--out", str(tmp_path)).startswith("no runs in")
    assert json.loads(said(runs_command, "--out", str(tmp_path), "--json")) == []


def test_report_writes_a_page_and_a_trace_and_says_where(tmp_path: Path, fake: SimpleNamespace) -> None:
    folder = fake.folder(tmp_path / ("long-" * 30), 5)
    page, trace = said(report_command, "latest", "--out", str(tmp_path)).splitlines()
    assert page == str(folder / "report.html")
    assert trace == str(folder / "trace.json")
    assert Path(page).read_text().startswith("<!doctype html>")
    assert json.loads(Path(trace).read_text())["traceEvents"]


def test_a_report_of_an_unknown_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AscError, match="no run 'x'"):
        said(report_command, "x", "--out", str(tmp_path))
