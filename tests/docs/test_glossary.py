"""The glossary has every term that the code and the page on architecture introduce."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import asc.types

DOCS = Path(__file__).parent.parent.parent / "docs"
ENTRIES = re.findall(r"^(\S.*)\n: \S", (DOCS / "glossary.md").read_text(encoding="utf-8"), re.MULTILINE)
TERMS = {term for entry in ENTRIES for term in entry.split(", ")}
ARCHITECTURE = (DOCS / "architecture.md").read_text(encoding="utf-8")
ROLES = re.findall(r"^\| ([a-z ]+) \| .*\?", ARCHITECTURE, re.MULTILINE)  # first column of the table of questions
BOLD = re.findall(r"\*\*([a-z][a-z ]*)\*\*", ARCHITECTURE)
NO_TERMS = {"Advanced": "only the report of one call of `advance`, which has an entry"}
TYPES = [
    re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    for name, value in vars(asc.types).items()
    if isinstance(value, type) and value.__module__ == asc.types.__name__ and name not in NO_TERMS
]


@pytest.mark.parametrize("term", [*TYPES, "prediction"])
def test_a_type_of_the_core_has_an_entry(term: str) -> None:
    assert term in TERMS


@pytest.mark.parametrize("term", sorted({*ROLES, *BOLD}))
def test_a_term_of_the_architecture_has_an_entry(term: str) -> None:
    assert term in TERMS


def test_there_are_terms_to_look_for() -> None:
    assert {"snapshot", "engine state", "verdict"} <= set(TYPES)
    assert {"computation", "recognizer", "predictor", "validator", "trajectory cache"} == set(ROLES)
    assert {"speculator", "scheduler", "monitor", "ledger", "trajectory", "segment"} <= set(BOLD)


def test_the_entries_are_in_order_and_once() -> None:
    assert sorted(set(ENTRIES)) == ENTRIES
