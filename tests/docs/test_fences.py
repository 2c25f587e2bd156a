"""Python in pages that is not included from a file: it is Python, and what it imports is there."""

from __future__ import annotations

import ast
import re
import runpy
import textwrap
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("asc_toy")
pytest.importorskip("asc_nn_training")

ROOT = Path(__file__).parent.parent.parent
FENCES = [
    pytest.param(textwrap.dedent(code), id=f"{page.stem}-{number}")
    for page in sorted((ROOT / "docs").glob("*.md"))
    for number, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL), 1)
]


@pytest.mark.parametrize("code", FENCES)
def test_it_is_python_and_imports_what_there_is(code: str) -> None:
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            module = import_module(node.module or "")
            assert all(hasattr(module, alias.name) for alias in node.names), node.module


WIDTH = 88  # columns of code that a page of the site shows
PAGES = [*(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("README.md"), ROOT / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_line_of_code_is_wider_than_the_page(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    fenced = re.findall(r"^```[^\n]*\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    indented = re.findall(r"(?<=\n\n)(?:    (?![-*|\d]).*\n)+", text)
    lines = [line for block in fenced for line in block.splitlines()]
    lines += [line[4:] for block in indented for line in block.splitlines()]
    assert [line for line in lines if len(line) > WIDTH] == []


def test_no_comment_stands_behind_a_command_that_is_long() -> None:
    commands = [line for page in PAGES for line in page.read_text("utf-8").splitlines() if line.startswith("    asc ")]
    assert [line for line in commands if "  # " in line and len(line) > WIDTH] == []


def test_what_is_wider_continues_on_the_next_line_of_the_site() -> None:
    """Programs that a page includes have lines of up to 120 columns."""
    settings = runpy.run_path(str(ROOT / "docs" / "conf.py"))
    (style,) = settings["html_css_files"]
    (folder,) = settings["html_static_path"]
    assert "white-space: pre-wrap" in (ROOT / "docs" / folder / style).read_text(encoding="utf-8")


def test_the_settings_of_a_judged_backend_are_usable() -> None:
    """As the page on backends shows them."""
    found = runpy.run_path(str(ROOT / "docs" / "snippets" / "judged_config.py"))
    made = found["Config"]()
    assert (made.recognizer.name, made.validator.name) == ("every", "paired")
