"""What was measured, from the committed result files, each with the command, the code and the machine it came from."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asc_reference.markdown import code, escaped, page, table

TABLES = {
    "toy": ("Toy programs", "table"),
    "network": ("The network backend's promises", "network"),
    "recipes": ("Whole training recipes beside their controls", "recipes"),
    "replay": ("Judging an idea offline", "replay"),
    "startup": ("Starting", "startup"),
}
"""Title of each result that has tables, and the function of `benchmarks/tables.py` that makes them."""


def pages(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the page of all benchmarks."""
    make = runpy.run_path(str(root / "benchmarks" / "tables.py"))
    results = {path.stem: path for path in sorted((root / "benchmarks" / "results").glob("*.json"))}
    parts = []
    for name, (title, function) in TABLES.items():
        result = _read(results.pop(name))
        parts += [f"## {title}", make[function](result), "Where it came from:", _origins({name: result})]
    others = {name: _read(path) for name, path in results.items() if not name.startswith("scratch")}
    yield (
        "benchmarks.md",
        page(
            "# Benchmarks",
            "Every figure here is that of a file in `benchmarks/results/`, and every file says what made it. How it is "
            "measured: [measuring](../measuring.md).",
            *parts,
            "## Studies",
            "Their tables are on the page of [findings](../findings.md).",
            _origins({name: result for name, result in others.items() if "study" in result}),
            *_rest({name: result for name, result in others.items() if "study" not in result}),
        ),
    )


def _rest(results: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield what there is to say of results without a table of their own here."""
    if results:
        yield "## Others"
        yield _origins(results)


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _origins(results: Mapping[str, Mapping[str, Any]]) -> str:
    """Return a line for each command: when it was run, on what code and on what machine."""
    rows: dict[tuple[str, ...], None] = {}
    for name, result in results.items():
        given = [result["origin"]] if "origin" in result else [row["origin"] for row in result.get("rows", ())]
        machine = f"{result['machine']['cores']} cores, {result['machine']['processor']}"
        for origin in given:
            changed = ", with changes not committed" if origin.get("uncommitted_changes") else ""
            at = f"{code(origin['commit'][:10])}{changed}"
            note = escaped(origin.get("note", ""))
            rows[code(f"{name}.json"), code(origin["command"]), origin["date"][:10], at, machine, note] = None
    columns = ("file", "command", "date", "commit", "machine", "note")
    if not any(row[-1] for row in rows):
        return table(columns[:-1], (row[:-1] for row in rows))
    return table(columns, rows)
