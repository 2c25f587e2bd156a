"""A study's tables as a terminal, a Markdown file and a CSV file show them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from rich.console import Group, RenderableType
from rich.text import Text

from asc.records.numbers import finite
from asc.study import Cell, Table
from asc.views import figures
from asc.views.wide_table import Column, WideTable

_FIGURE = re.compile(r"[-+−±~≈<>≤≥\[(]?\s*\d.*", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{4,}")  # more than a unit or an exponent


def rich_table(table: Table) -> RenderableType:
    """Return a table for a terminal of any width: columns without room go below, and the notes follow.

    A table without rows is shown as its title and notes.
    """
    columns = []
    for index, (name, side) in enumerate(zip(table.columns, _sides(table), strict=True)):
        columns.append(Column(_flat(name), tuple(_flat(_text(row[index])) for row in table.rows), side))
    notes = (Text(note, style="dim") for note in table.notes)
    return Group(Text(table.title, style="bold"), *([WideTable(columns)] if table.rows else []), *notes)


def markdown(tables: Sequence[Table]) -> str:
    """Return all tables as one Markdown text, each under its own heading and with its notes below."""
    return "\n\n".join("\n\n".join(_paragraphs(table)) for table in tables) + "\n"


def _paragraphs(table: Table) -> Iterator[str]:
    yield f"## {_flat(table.title)}"
    rules = ["---:" if side == "right" else "---" for side in _sides(table)]
    rows = [_line(map(_escaped, table.columns)), _line(rules)]
    rows += [_line(_escaped(_text(cell)) for cell in row) for row in table.rows]
    if table.rows:
        yield "\n".join(rows)
    for note in table.notes:
        yield _flat(note)


def csv_text(table: Table) -> str:
    """Return a table as CSV: its columns, then its rows, without title and notes."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(["" if _missing(cell) else cell for cell in row] for row in table.rows)
    return stream.getvalue()


def _sides(table: Table) -> list[Literal["left", "right"]]:
    """Return the side of each column's cells: right where all of them are figures, also figures given as text."""
    sides: list[Literal["left", "right"]] = []
    for index in range(len(table.columns)):
        given = [cell for row in table.rows if not _empty(cell := row[index])]
        sides.append("right" if given and all(map(_figure, given)) else "left")
    return sides


def _figure(cell: Cell) -> bool:
    if isinstance(cell, str):
        return _FIGURE.fullmatch(cell) is not None and _WORD.search(cell) is None
    return True


def _empty(cell: Cell) -> bool:
    return cell in ("", "-", figures.UNKNOWN) or _missing(cell)


def _missing(cell: Cell) -> bool:
    return cell is None or (isinstance(cell, float) and finite(cell) is None)


def _text(cell: Cell) -> str:
    return figures.UNKNOWN if _missing(cell) else str(cell)


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Keep a cell between its bars, on one line."""
    return _flat(text).replace("\\", "\\\\").replace("|", "\\|")


def _flat(text: str) -> str:
    return " ".join(text.split())
