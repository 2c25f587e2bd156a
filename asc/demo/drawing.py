"""Bars, curves and cells of plain characters, which every terminal can show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from rich.text import Text

from asc.views.encodable import encodable

_LEVELS = "▁▂▃▄▅▆▇█"
_INSTEAD = dict(zip("█▒·»×→–µ━─▁▂▃▄▅▆▇±", "#:.>x>-u=-_..-=+*~", strict=True))


def bar(share: float, width: int, style: str) -> Text:
    """Return a bar that is filled up to a share between 0 and 1."""
    filled = round(width * min(1.0, max(0.0, share)))
    return Text("━" * filled, style=style).append("─" * (width - filled), style="dim")


def columns(values: Sequence[float | None], low: float, high: float, height: int) -> list[str]:
    """Return rows of characters, the top row first: one column per value, filled to its height; None stays empty."""
    span = (high - low) or 1.0
    shares = [None if value is None else min(1.0, max(0.0, (value - low) / span)) for value in values]
    eighths = [0 if share is None else max(1, round(8 * height * share)) for share in shares]
    rows = []
    for row in reversed(range(height)):
        left = [min(8, max(0, eighth - 8 * row)) for eighth in eighths]
        rows.append("".join(_LEVELS[level - 1] if level else " " for level in left))
    return rows


class Cell(Enum):
    """What became of a superstep: its sign, a colour, and what the sign means."""

    PLAIN = ("█", "blue", "plain", "run by the main thread")
    LEAPT = ("»", "bold green", "leapt over", "a worker had run it already")
    REJECTED = ("×", "bold red", "rejected", "one or more predictions for it were wrong")
    AHEAD = ("▒", "magenta", "worker ahead", "a worker runs it from a prediction")
    OPEN = ("·", "dim", "still to come", "the run has not come here yet")

    @property
    def sign(self) -> str:
        """One character."""
        return self.value[0]

    @property
    def style(self) -> str:
        """A colour that is readable on a light and on a dark terminal."""
        return self.value[1]

    @property
    def meaning(self) -> str:
        """Words for the legend."""
        return self.value[2]

    @property
    def detail(self) -> str:
        """More words, where there is room."""
        return self.value[3]


def small_cells(cells: Sequence[Cell], width: int) -> Text:
    """Return the cells in lines of so many columns, two signs each."""
    return Text("\n").join(_line(line, 2) for line in _lines(cells, max(1, width // 2)))


def large_cells(cells: Sequence[Cell], in_a_line: int) -> Text:
    """Return the cells with space between them, for a large terminal: four signs each, in two rows."""
    return Text("\n\n").join(Text("\n").join(2 * [_line(line, 4, " ")]) for line in _lines(cells, in_a_line))


def legend(cells: Iterable[Cell], *, in_full: bool = False) -> Text:
    """Return what the signs mean, two of them as `small_cells` draws; in full, with one line and a detail for each."""
    entries = []
    for cell in cells:
        entry = Text.assemble((2 * cell.sign, cell.style), f" {cell.meaning}")
        entries.append(entry.append(f": {cell.detail}", style="dim") if in_full else entry)
    return Text("\n" if in_full else "   ").join(entries)


def available(text: str, encoding: str) -> str:
    """Replace signs that the encoding lacks by others of the same width."""
    if encodable(text, encoding) == text:
        return text
    return encodable(
        "".join(sign if encodable(sign, encoding) == sign else _INSTEAD.get(sign, sign) for sign in text), encoding
    )


def _lines(cells: Sequence[Cell], in_a_line: int) -> list[Sequence[Cell]]:
    return [cells[start : start + in_a_line] for start in range(0, len(cells), in_a_line)]


def _line(cells: Iterable[Cell], signs: int, between: str = "") -> Text:
    return Text(between).join(Text(signs * cell.sign, style=cell.style) for cell in cells)
