"""A study's tables on a terminal, in Markdown and in CSV."""

from __future__ import annotations

import csv
import io
import math

import pytest
from rich.console import Console

from asc.report.study_tables import csv_text, markdown, rich_table
from asc.study import Cell, Table
from asc.views.encodable import Encodable

TABLE = Table(
    "table-1",
    "Acceptance by horizon",
    ("predictor", "K", "accepted", "rate", "remark"),
    (
        ("momentum", 5, "1,204", "93.2 %", "a|b"),
        ("linear", 100, "7 of 12", "–", None),
        ("quadratic\nof old", 3, None, "0.31 ± 0.02", "[bold]x\\"),
    ),
    ("A note that says what a rate is.", "Another one."),
)


def shown(table: Table, width: int, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    console = Console(width=width, file=io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    console.print(Encodable(rich_table(table)))
    return raw.getvalue().decode(encoding)


def test_a_terminal_shows_title_table_and_notes() -> None:
    lines = [line.rstrip() for line in shown(TABLE, 100).splitlines()]
    assert lines[0] == "Acceptance by horizon"
    assert lines[1] == "predictor           K  accepted         rate  remark"
    assert lines[2] == "momentum            5     1,204       93.2 %  a|b"
    assert lines[3] == "linear            100   7 of 12            –  –"
    assert lines[4] == "quadratic of old    3         –  0.31 ± 0.02  [bold]x\\"
    assert lines[-2:] == ["A note that says what a rate is.", "Another one."]
    assert len(lines) == 7


@pytest.mark.parametrize("width", [80, 60, 40, 23])
def test_a_narrow_terminal_breaks_no_figure(width: int) -> None:
    names = tuple(f"acceptance rate {i}" for i in range(12))
    row = tuple(f"{i}.123 ± 0.4" for i in range(12))
    text = shown(Table("w", "Wide", ("predictor", *names), (("momentum", *row), ("linear", *row))), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text
    for figure in row:
        assert text.count(f" {figure}") == 2
    blocks = text.count("momentum")
    assert blocks == text.count("predictor") == text.count("linear") == text.count("\n\n") + 1


@pytest.mark.parametrize("width", [30, 12, 5])
def test_what_is_too_long_for_any_line_is_folded(width: int) -> None:
    text = shown(Table("l", "L", ("a", "b"), (("x" * 50, "y" * 20), ("1", "z"))), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert (text.count("x"), text.count("y"), text.count("z")) == (50, 20, 1)


def test_words_are_wrapped_only_where_there_is_no_room() -> None:
    remark = "a remark of several words"
    table = Table("r", "R", ("figure", "remark"), (("1,000 of 2,000", remark),))
    assert remark in shown(table, 41)
    narrow = shown(table, 30).splitlines()
    assert narrow[2].startswith("1,000 of 2,000")
    assert len(narrow) == 4


def test_a_console_of_ascii_shows_what_it_can() -> None:
    assert "0.31 ? 0.02" in shown(TABLE, 100, "ascii")


def test_markdown_has_a_heading_a_table_and_notes_for_each() -> None:
    other = Table("table-2", "Nothing | yet", ("name",), ())  # no rows, no header
    assert markdown([TABLE, other]) == (
        "## Acceptance by horizon\n\n"
        "| predictor | K | accepted | rate | remark |\n"
        "| --- | ---: | ---: | ---: | --- |\n"
        "| momentum | 5 | 1,204 | 93.2 % | a\\|b |\n"
        "| linear | 100 | 7 of 12 | – | – |\n"
        "| quadratic of old | 3 | – | 0.31 ± 0.02 | [bold]x\\\\ |\n\n"
        "A note that says what a rate is.\n\nAnother one.\n\n"
        "## Nothing | yet\n"
    )


def test_csv_holds_the_cells_as_they_are() -> None:
    rows = list(csv.reader(io.StringIO(csv_text(TABLE), newline="")))
    assert rows[0] == list(TABLE.columns)
    assert rows[2] == ["linear", "100", "7 of 12", "–", ""]
    assert rows[3] == ["quadratic\nof old", "3", "", "0.31 ± 0.02", "[bold]x\\"]


def test_what_is_no_number_is_a_dash_and_figures_stand_to_the_right() -> None:
    rows: tuple[tuple[Cell, ...], ...] = ((math.nan, "3-point", "warm-up", "-1e-05"), (0.25, "4", "5", "~2×"))
    table = Table("t", "T", ("a", "b", "c", "d"), rows)
    assert csv_text(table) == "a,b,c,d\n,3-point,warm-up,-1e-05\n0.25,4,5,~2×\n"
    assert "| ---: | --- | --- | ---: |\n| – | 3-point |" in markdown([table])


def test_a_table_without_rows_is_its_title_and_notes() -> None:
    table = Table("none", "Nothing", ("a", "b"), (), ("There was nothing.",))
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(rich_table(table))
    assert console.export_text().split() == ["Nothing", "There", "was", "nothing."]
    assert markdown([table]) == "## Nothing\n\nThere was nothing.\n"
