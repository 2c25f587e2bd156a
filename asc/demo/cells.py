"""A run as a row of cells, one a superstep: how each of them was passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from rich.text import Text


class Cell(Enum):
    """What became of a superstep: the sign, its colour, and what it means."""

    PLAIN = ("█", "blue", "plain")
    LEAPT = ("»", "bold green", "leapt over")
    REFUSED = ("×", "bold red", "refused")
    AHEAD = ("▒", "magenta", "worker ahead")
    OPEN = ("·", "dim", "still to come")

    @property
    def sign(self) -> str:
        """One character."""
        return self.value[0]

    @property
    def style(self) -> str:
        """A colour that is readable on light and on dark."""
        return self.value[1]

    @property
    def meaning(self) -> str:
        """Words for the legend."""
        return self.value[2]


def strip(cells: Sequence[Cell], width: int) -> Text:
    """Return the cells in lines of so many columns, two signs each."""
    text, in_a_line = Text(), max(1, width // 2)
    for number, cell in enumerate(cells):
        text.append("\n" if number and number % in_a_line == 0 else "").append(2 * cell.sign, style=cell.style)
    return text


def legend(cells: Iterable[Cell]) -> Text:
    """Return what the signs mean."""
    text = Text()
    for number, cell in enumerate(cells):
        text.append("   " if number else "").append(cell.sign, style=cell.style).append(f" {cell.meaning}")
    return text
