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


def test_the_settings_of_a_judged_backend_are_usable() -> None:
    """As the page on backends shows them."""
    found = runpy.run_path(str(ROOT / "docs" / "snippets" / "judged_config.py"))
    made = found["Config"]()
    assert (made.recognizer.name, made.validator.name) == ("every", "paired")
