"""The glossary has every term that the code, the page on architecture, the report and the commands introduce."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import asc.types

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
GLOSSARY = (DOCS / "glossary.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^(\S.*)\n: \S", GLOSSARY, re.MULTILINE)
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


def entry(term: str) -> str:
    """Return what the glossary says of a term."""
    return re.split(rf"^{term}\n: ", GLOSSARY, flags=re.MULTILINE)[1].split("\n\n")[0]


def sources(*folders: str) -> str:
    """Return the text of the Python files in these folders or files."""
    files = [
        file for name in folders for file in ([ROOT / name] if name.endswith(".py") else (ROOT / name).rglob("*.py"))
    ]
    return "\n".join(file.read_text(encoding="utf-8") for file in files)


PARTS = sources("asc", "backends/toy/asc_toy", "backends/nn_training/asc_nn_training")
KINDS = sorted({"track", *re.findall(r"\.(?:work|start|charge|book)\(\"([a-z-]+)\"", PARTS)})
SHOWN = sources("asc/report/report.py", "asc/cli/run.py")
LABELS = re.findall(r"^ +yield \"([A-Za-z -]+)\", ", SHOWN, re.MULTILINE)
HEADS = re.findall(
    r"\"([a-z][a-z ]+)\"", " ".join(re.findall(r"(?:head|settled) = \((.*)\)$", sources("asc/report"), re.MULTILINE))
)
PLAIN_WORDS = {
    *("state", "time", "why", "boundaries", "value", "name", "same end as the plain run", "plain time"),
    *("steps ahead", "raised", "position"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_work_that_the_ledger_shows_is_explained(kind: str) -> None:
    assert f"`{kind}`" in entry("kind of work")


@pytest.mark.parametrize("outcome", [outcome.value for outcome in asc.types.Outcome])
def test_an_outcome_is_named(outcome: str) -> None:
    assert outcome in entry("outcome")


@pytest.mark.parametrize("label", sorted({label.lower() for label in [*LABELS, *HEADS]} - PLAIN_WORDS))
def test_what_a_report_or_a_command_calls_a_figure_has_an_entry(label: str) -> None:
    last = label.rpartition(" ")[2]
    assert {label, label.removesuffix("s"), last, last.removesuffix("s")} & TERMS


def test_there_are_labels_to_look_for() -> None:
    assert {"dispatch", "plain", "validate", "notify"} <= set(KINDS)
    assert {"Hit rate", "Net speed-up", "hit rate", "Mean accepted horizon"} <= set(LABELS)
    assert {"settled", "late", "gain"} <= set(HEADS)


def test_there_are_terms_to_look_for() -> None:
    assert {"snapshot", "engine state", "verdict"} <= set(TYPES)
    assert {"computation", "recognizer", "predictor", "validator", "trajectory cache"} == set(ROLES)
    assert {"speculator", "scheduler", "monitor", "ledger", "trajectory", "segment"} <= set(BOLD)


def test_the_entries_are_in_order_and_once() -> None:
    assert sorted(set(ENTRIES)) == ENTRIES
