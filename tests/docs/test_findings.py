"""The pages on findings match the committed results, and every sentence names the command that shows it."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
SHOWN_BY = re.compile(r"\[[A-Z]\]|`(python|asc) [^`]+`")


@pytest.fixture(scope="module")
def script() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "benchmarks" / "findings.py"))


def test_the_pages_match_the_results(script: dict[str, Any]) -> None:
    results = script["load"]()
    assert script["findings"](results) == PAGE
    assert script["momentum"](results) in (ROOT / "docs" / "momentum.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("line", [line for line in PAGE.splitlines() if line.startswith("- ")])
def test_every_finding_names_the_command_that_shows_it(line: str) -> None:
    assert SHOWN_BY.search(line), line


def test_every_departure_names_the_command_that_shows_it() -> None:
    rows = re.findall(r"^\| .*\|$", PAGE.split("## What the code does")[1].split("##")[0], re.MULTILINE)[1:]
    assert len(rows) == 6
    assert all(SHOWN_BY.search(row) for row in rows)


def test_the_commands_exist(script: dict[str, Any]) -> None:
    studies = runpy.run_path(str(ROOT / "benchmarks" / "studies.py"))["STUDIES"]
    assert set(studies) == set(script["LETTERS"])
    assert all(f"`asc study {command}`" in PAGE for command in studies.values())


def test_every_figure_is_there() -> None:
    for page in ("findings.md", "momentum.md"):
        text = (ROOT / "docs" / page).read_text(encoding="utf-8")
        for figure in re.findall(r"!\[[^]]+\]\(([^)]+)\)", text):
            assert (ROOT / "docs" / figure).is_file()
