"""Runs the tests that are rows of the table of integrations, and writes the table: `python benchmarks/integrations.py`.

The rows go to results/integrations.json with the versions of all packages that matter, and from there to
docs/integrations.md. Nothing is written unless every test passes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tables
from measure import origin, write_result

ROOT = Path(__file__).parent.parent
TESTS = "backends/nn_training/tests"
PACKAGES = ("torch", "transformers", "accelerate", "trl", "peft", "lightning", "schedulefree", "tensorboard")


def ran(arguments: list[str]) -> list[dict[str, Any]]:
    """Run the marked tests, and return one row for each marker and test."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "pytest", TESTS, "-q", "-m", "integration", "--integrations", str(file)]
        subprocess.run([*command, *arguments], cwd=ROOT, check=False)
        rows: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
    return rows


def combined(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row for each place and subject, of all tests that show it."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in rows:
        key = row["where"], row["what"], row["outcome"]
        made = found.setdefault(key, dict(zip(("where", "what", "outcome"), key, strict=True)) | {"tests": 0})
        made["tests"] += 1
        made.setdefault("test", row["test"].partition("[")[0])
        if "sentence" in row:
            made.setdefault("sentence", row["sentence"])
    return list(found.values())


def main() -> None:
    """Run the tests; write the result and the page."""
    rows = ran(sys.argv[1:])
    others = sorted({f"{row['test']} {row['result']}" for row in rows if row["result"] != "passed"})
    silent = sorted({row["test"] for row in rows if row["outcome"] == "refused" and "sentence" not in row})
    if others or silent or not rows:
        wrong = [*others, *(f"{test} has no sentence: call integration_refusal(error.value)" for test in silent)]
        sys.exit("\n".join(["Nothing was written:", *wrong] if wrong else ["No test has the marker integration."]))
    versions = {"python": sys.version.split()[0]} | {name: version(name) for name in PACKAGES}
    body = {"origin": origin("python benchmarks/integrations.py"), "versions": versions, "rows": combined(rows)}
    write_result("integrations", body)
    tables.main()


if __name__ == "__main__":
    main()
