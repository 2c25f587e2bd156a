"""A table of any width on a terminal of any width, without a figure broken in two."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

from rich.align import Align
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

GAP = 2


class Column(NamedTuple):
    """A heading and the cells below it. Cells on the right side are figures, which are never broken."""

    heading: str
    cells: tuple[str, ...]
    side: Literal["left", "right"]

    def least(self) -> int:
        """The width below which a word or a figure would be broken."""
        words = [word for text in (self.heading, *self.cells) for word in text.split()]
        return max(map(cell_len, [*words, *(self.cells if self.side == "right" else ())]), default=1)

    def most(self) -> int:
        """The width above which nothing is gained."""
        return max(map(cell_len, (self.heading, *self.cells)))


class WideTable:
    """A table that breaks columns between words. Columns without room go below, beside the first column again."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        room = options.max_width
        for number, columns in enumerate(_split(self._columns, room)):
            if number:
                yield Text()
            shown = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
            for column, width in zip(columns, _widths(columns, room), strict=True):
                heading = Align(Text(column.heading), column.side, vertical="bottom")
                shown.add_column(heading, justify=column.side, width=width, overflow="fold")
            for row in zip(*(column.cells for column in columns), strict=True):
                shown.add_row(*map(Text, row))
            yield shown


def _split(columns: Sequence[Column], room: int) -> Iterator[list[Column]]:
    """Yield groups of columns that fit side by side; the first column, which names the row, is in all of them."""
    first, group = columns[:1], list(columns[:1])
    for column in columns[1:]:
        if len(group) > 1 and sum(GAP + member.least() for member in [*group, column]) - GAP > room:
            yield group
            group = list(first)
        group.append(column)
    yield group


def _widths(columns: Sequence[Column], room: int) -> list[int]:
    """Give each column the least that it needs, and share what is left among those that want more."""
    widths = [column.least() for column in columns]
    left = room - GAP * (len(columns) - 1) - sum(widths)
    if left < 0:  # two columns, one of which holds something long: it has to be folded
        share = (room - GAP * (len(columns) - 1)) // len(columns)
        return [max(1, min(width, max(share, room - GAP - min(widths)))) for width in widths]
    modest = sorted(range(len(columns)), key=lambda index: columns[index].most() - widths[index])
    for number, index in enumerate(modest):
        more = min(columns[index].most() - widths[index], left // (len(columns) - number))
        widths[index], left = widths[index] + more, left - more
    return widths
