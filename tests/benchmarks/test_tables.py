"""A study with tables of its own has a section on the page of results."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

SCRIPT = runpy.run_path(str(Path(__file__).parent.parent.parent / "benchmarks" / "tables.py"))
ORIGIN = {"command": "asc study collapse", "date": "2026-01-02T03:04:05", "commit": "0123456789abcdef"}
RESULT: dict[str, Any] = {
    "study": "collapse",
    "origin": ORIGIN,
    "machine": {"cores": 2, "processor": "some"},
    "tables": [
        {"name": "arms", "title": "Arms", "columns": ["arm", "loss"], "rows": [["one", "5.1"]], "notes": ["A note."]}
    ],
}


def test_its_tables_are_below_its_heading_with_their_origin() -> None:
    page = SCRIPT["page"]({"study-collapse": RESULT})
    section = page.split("## Ensemble collapse\n")[1].split("\n## Studies")[0]
    assert "### Arms\n\n| arm | loss |\n" in section
    assert "| one | 5.1 |\n\nA note.\n" in section
    assert "| `study-collapse.json` | `asc study collapse` | 2026-01-02 |" in section


def test_it_is_not_listed_among_the_studies_of_the_page_of_findings() -> None:
    page = SCRIPT["page"]({"study-collapse": RESULT, "study-other": RESULT})
    listed = page.split("## Studies\n")[1]
    assert "study-other.json" in listed
    assert "study-collapse.json" not in listed
