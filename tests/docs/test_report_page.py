"""The page on reports says what to do about every sentence that reports no speed-up."""

from __future__ import annotations

import ast
import re
import runpy
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asc.ledger import Ledger
from asc.run.compare import compare
from asc.speculators.executed.workforce import Workforce
from asc.speculators.judged.explain import explain as judged
from asc.speculators.judged.scheduler import Bounded
from asc.speculators.pool import Pool

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "reading-a-report.md").read_text(encoding="utf-8")
CASES = runpy.run_path(str(ROOT / "tests" / "core" / "test_explain.py"))
SENTENCES = [
    *CASES["executed_sentences"](),
    *(judged(facts, CASES["outcomes"](counts), Bounded()) for facts, counts, _ in CASES["JUDGED"].values()),
    judged(CASES["BASE"], CASES["outcomes"]({}), Bounded(8, 40)),
]
WITHOUT_GAIN = sorted({s for s in SENTENCES if s.startswith("No ") or "withdrawn" in s})
ROWS = [re.findall(r"\*([^*]+)\*", line.split("|")[1]) for line in PAGE.splitlines() if line.startswith("| *")]
PATTERNS = [pattern for row in ROWS for pattern in row]


def shortfall() -> str:
    """Return the sentence where less is measured than was estimated."""
    run = {"seconds": 10.0, "estimated_speedup": 2.0, "reason": "", "position": 100}
    speculative = run | {"ledger": {"plain": {"seconds": 9.0, "steps": 50.0}}}
    same: Any = SimpleNamespace(compare=lambda *_: {"identical": True})
    unable: Any = SimpleNamespace(compare=lambda *_: None)
    return str(compare(speculative, run, same, unable)["reason"])


def breakdowns() -> str:
    """Return what a run says of workers that broke down again and again."""
    workforce = Workforce(Pool(ThreadPoolExecutor, 1), Ledger(lambda _: 0.0, timed=True))
    while not workforce.fault:
        workforce.replace(OSError("no memory"))
    return workforce.fault


def of_the_toy_backend() -> list[str]:
    """Return the texts in the source of the toy backend, with … for what is filled in."""
    texts: list[str] = []
    for path in (ROOT / "backends" / "toy" / "asc_toy").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
            texts += [text, f"the step {text}"]  # phrases about a step are completed where they are shown
    return texts


def says(sentence: str, pattern: str) -> bool:
    return re.search(re.escape(pattern).replace("…", ".+"), sentence) is not None


TOY = of_the_toy_backend()


@pytest.mark.parametrize("sentence", WITHOUT_GAIN)
def test_a_sentence_without_a_gain_is_on_the_page(sentence: str) -> None:
    assert any(says(sentence, pattern) for pattern in PATTERNS)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_sentence_on_the_page_exists(pattern: str) -> None:
    assert any(says(sentence, pattern) for sentence in [*SENTENCES, shortfall(), breakdowns(), *TOY])


def test_there_are_sentences() -> None:
    assert len(WITHOUT_GAIN) > 10
    assert len(ROWS) > 10
