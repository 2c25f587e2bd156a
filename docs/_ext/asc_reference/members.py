"""What autodoc does not see by itself: code in docstrings, comments beside fields of tuples, what settings mean."""

from __future__ import annotations

import ast
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Iterator, Sequence
from enum import Enum
from itertools import pairwise
from typing import Any

from pydantic import BaseModel

from asc.config.fields import settings
from asc.settings import Configurable

_MARKS = re.compile(r"[*|_\\]")


def skip(_app: object, _what: str, name: str, obj: object, _skipped: bool, _options: object) -> bool | None:
    """Leave out what every model has, the base's empty settings, and fields of tuples, which the class's text lists."""
    hidden = name == "model_config" or obj is Configurable.Config or type(obj).__name__ == "_tuplegetter"
    return True if hidden else None


def describe(_app: object, what: str, _name: str, obj: Any, _options: object, lines: list[str]) -> None:
    """Add to the text of a named tuple its fields, to that of an enum its values, to that of settings what they are."""
    if what != "class" or not isinstance(obj, type):
        return
    if issubclass(obj, tuple) and hasattr(obj, "_fields"):
        lines += _rows(("field", "type", "what it is"), _fields(obj))
    elif issubclass(obj, Enum):
        lines += _rows(("value", "shown as"), [(member.name, str(member.value)) for member in obj])
    elif issubclass(obj, BaseModel):
        found = [(setting.path, setting.type, setting.default, setting.description) for setting in settings(obj)]
        lines += _rows(("setting", "type", "default", "description"), found)


def examples(_app: object, _what: str, _name: str, _obj: object, _options: object, lines: list[str]) -> None:
    """Mark indented blocks as code, which they are in this project; those of a section such as "Args:" are not."""
    marked: list[str] = []
    outer, within = "", False  # the last line that is no code, and whether a block of code goes on
    for before, line in pairwise(["", *lines]):
        indented = line.startswith("    ")
        if indented and not before.strip() and not within and not outer.startswith(" "):
            marked += [".. code-block:: python", ""]
            within = True
        within = within and (indented or not line.strip())
        outer = line if line.strip() and not within else outer
        marked.append(line)
    lines[:] = marked


def _fields(cls: type) -> Iterator[tuple[str, str, str]]:
    source = textwrap.dedent(inspect.getsource(cls))
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string.lstrip("# ") for token in tokens if token.type == tokenize.COMMENT}
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.ClassDef)
    for node in tree.body:
        if isinstance(node, ast.AnnAssign):
            kind = ast.unparse(node.annotation) + (f" = {ast.unparse(node.value)}" if node.value else "")
            said = [comments[at] for at in range(node.lineno, (node.end_lineno or node.lineno) + 1) if at in comments]
            yield ast.unparse(node.target), kind, " ".join(said)


def _rows(columns: Sequence[str], rows: Iterator[tuple[str, ...]] | Sequence[tuple[str, ...]]) -> list[str]:
    """Return a table in reStructuredText, which autodoc reads; all but the last column is code."""
    lines = ["", ".. list-table::", "   :header-rows: 1", ""]
    for row in (columns, *rows):
        for at, cell in enumerate(row):
            literal = cell and row is not columns and at < len(row) - 1
            lines.append(f"   {'  ' if at else '* '}- {f'``{cell}``' if literal else escape(cell)}".rstrip())
    return [*lines, ""] if len(lines) > 4 + len(columns) else []


def escape(text: str) -> str:
    """Take a description as it is, but for what stands between backticks, which is code."""
    parts = text.split("`")
    return "".join(f"``{part}``" if at % 2 else _MARKS.sub(r"\\\g<0>", part) for at, part in enumerate(parts))
