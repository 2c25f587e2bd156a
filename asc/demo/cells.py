"""A run as a row of cells, one a superstep: how each of them was passed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from rich.text import Text


class Cell(Enum):
    """What became of a superstep: the sign, its colour, and what it means."""

    PLAIN = ("█", "blue", "plain", "run by the main thread")
    LEAPT = ("»", "bold green", "leapt over", "a worker had been there")
    REFUSED = ("×", "bold red", "refused", "the guess was wrong")
    AHEAD = ("▒", "magenta", "worker ahead", "it goes on from a guess")
    OPEN = ("·", "dim", "still to come", "nobody has been there")

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

    @property
    def why(self) -> str:
        """More words, where there is room."""
        return self.value[3]


def strip(cells: Sequence[Cell], width: int) -> Text:
    """Return the cells in lines of so many columns, two signs each."""
    return Text("\n").join(_line(line, 2) for line in _lines(cells, max(1, width // 2)))


def blocks(cells: Sequence[Cell], in_a_line: int) -> Text:
    """Return the cells larger and apart, for a terminal with room: four signs each, in two rows."""
    return Text("\n\n").join(Text("\n").join(2 * [_line(line, 4, " ")]) for line in _lines(cells, in_a_line))


def _lines(cells: Sequence[Cell], in_a_line: int) -> list[Sequence[Cell]]:
    return [cells[start : start + in_a_line] for start in range(0, len(cells), in_a_line)]


def _line(cells: Iterable[Cell], signs: int, between: str = "") -> Text:
    return Text(between).join(Text(signs * cell.sign, style=cell.style) for cell in cells)


def legend(cells: Iterable[Cell], *, in_full: bool = False) -> Text:
    """Return what the signs mean, in full with a line for each."""
    entries = []
    for cell in cells:
        entry = Text.assemble((cell.sign, cell.style), f" {cell.meaning}")
        entries.append(entry.append(f": {cell.why}", style="dim") if in_full else entry)
    return Text("\n" if in_full else "   ").join(entries)
