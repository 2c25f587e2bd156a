from __future__ import annotations

import io

import pytest
from rich.style import Style
from rich.table import Table
from rich.text import Text

from asc.views.console import TextConsole

ESCAPES = "a\x1b[31mb\x1b]0;title\x07c\x9b2Jd\x7f"


def printed(what: object, encoding: str = "utf-8", **about: bool) -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, write_through=True)
    TextConsole(width=60, file=stream, **about).print(what)  # type: ignore[arg-type]
    return raw.getvalue().decode(encoding)


def in_a_table(text: str) -> Table:
    table = Table(box=None)
    table.add_row(Text(text), "y")
    return table


@pytest.mark.parametrize("form", [str, Text, in_a_table], ids=["str", "text", "table"])
def test_escape_sequences_are_shown_as_text(form: type) -> None:
    found = printed(form(ESCAPES))
    assert r"a\x1b[31mb\x1b]0" in found
    assert not {character for character in found if not character.isprintable()} - {"\n"}


def test_styles_are_still_shown_as_styles() -> None:
    text = Text("red\x1b[0m", Style(color="red"))
    found = printed(text, force_terminal=True)
    assert found.startswith("\x1b[")
    assert r"red\x1b[0m" in found


def test_characters_that_the_encoding_lacks_become_question_marks() -> None:
    assert printed("2 × 3", "ascii") == "2 ? 3\n"
