"""A page as it stands on the screen: a heading, its sentences, what it shows, the keys."""

from __future__ import annotations

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.segment import Segment
from rich.text import Text

from asc.demo.page import Page, Room, Scene

WIDTH, HEIGHT = 60, 20  # what a page needs at least
WIDEST = 120  # columns that are made use of at most
_READABLE = 96  # sentences in lines longer than this are hard to read
_AIRY = 24  # rows from which on there is room for empty ones
_MARGIN = 2

_KEYS = (("space", "next"), ("b", "back"), ("r", "again"), ("s", "skip"), ("q", "leave"))


def frame(page: Page, scene: Scene, number: int, pages: int, console: Console) -> RenderableType:
    """Return the whole screen."""
    columns, rows = console.size
    if columns < WIDTH or rows < HEIGHT:
        return Text(too_small(columns, rows))
    width = min(columns, WIDEST) - 2 * _MARGIN
    return _Screen(body(page, scene, number, console, width), _footer(number, pages, width), width, rows)


def body(page: Page, scene: Scene, number: int, console: Console, width: int) -> RenderableType:
    """Return what stands above the footer."""
    rows = console.height
    air = [Text()] if rows >= _AIRY else []
    above = Group(*air, heading(page, number), *air, sentences(page), Text())
    taken = len(console.render_lines(above, console.options.update(width=width)))
    return Group(above, scene.draw(Room(width, rows - 2 - taken)))


def heading(page: Page, number: int) -> Text:
    """Return the number and the title."""
    return Text.assemble((f"{number}  ", "bold magenta"), (page.title, "bold"))


def sentences(page: Page) -> RenderableType:
    """Return what the page says, in lines that are not too long to read."""
    return Constrain(Text(page.words), _READABLE)


def too_small(columns: int, rows: int) -> str:
    """Say what is too small, and what to do."""
    return (
        f"The terminal has {columns} columns and {rows} rows, and the tour needs {WIDTH} and {HEIGHT}: enlarge the "
        "window, or print the pages with: asc demo | more"
    )


def _footer(number: int, pages: int, width: int) -> Text:
    keys = Text()
    does_what = {"space": "end"} if number == pages else {}
    for key, does in _KEYS:
        word = does_what.get(key, does)
        keys.append(key, style="bold").append(f" {word}   " if width >= 76 else f" {word}  ", style="dim")
    place = f"{number} of {pages}"
    keys.append(" " * max(1, width - keys.cell_len - len(place)))
    return keys.append(place, style="dim")


class _Screen:
    """The body at the top, cut where it is too long, and the footer in the last row."""

    def __init__(self, body: RenderableType, footer: Text, width: int, rows: int) -> None:
        self._body, self._footer, self._width, self._rows = body, footer, width, rows

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        inside, margin, room = options.update(width=self._width, height=None), Segment(" " * _MARGIN), self._rows - 2
        lines = console.render_lines(self._body, inside)[:room]
        lines += [[] for _ in range(room + 1 - len(lines))]
        for line in [*lines, *console.render_lines(self._footer, inside)[:1]]:
            yield margin
            yield from line
            yield Segment.line()
