"""The little Markdown that the generated pages are made of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_CODE = re.compile(r"(`+[^`]*`+)")
_BAR = re.compile(r"(?<!\\)\|")
_SPECIAL = re.compile(r"([*<\[\]|])")


def escaped(text: str) -> str:
    """Take plain text as it is, but for what stands between backticks, which is code."""
    parts = _CODE.split(text)
    return "".join(part if index % 2 else _SPECIAL.sub(r"\\\1", part) for index, part in enumerate(parts))


def prose(docstring: str) -> str:
    """Turn a docstring into Markdown: paragraphs and lists; what is indented, such as formulas and code, stays so."""
    paragraphs = docstring.split("\n\n")
    return "\n\n".join(text if text.startswith("    ") else escaped(text) for text in paragraphs)


def code(text: str) -> str:
    """Return text as code within a line or a cell of a table; nothing for nothing."""
    return f"`{text}`" if text else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of cells that are Markdown already; a bar within code is escaped there too."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return _BAR.sub(r"\|", " ".join(text.split()))


def toctree(pages: Iterable[str], *, hidden: bool = True) -> str:
    """Return the list of pages below a page, for the navigation."""
    return "\n".join(["```{toctree}", *([":hidden:"] if hidden else [":maxdepth: 1"]), "", *pages, "```"])


def page(*parts: str) -> str:
    """Join parts by empty lines."""
    return "\n\n".join(part for part in parts if part) + "\n"
