"""A page of the tour: a title, sentences, a scene that computes what it shows, and how all this fills a terminal."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple, Protocol

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.constrain import Constrain
from rich.segment import Segment
from rich.text import Text

WIDTH, HEIGHT = 60, 20  # the smallest terminal that a page fits
WIDEST = 120  # columns that a page uses at most
_READABLE = 96  # columns of a sentence at most: longer lines are hard to read
_AIRY = 24  # rows from which on there is room for empty rows
_MARGIN = 2

_KEYS = (("space", "next"), ("b", "back"), ("r", "again"), ("s", "skip"), ("q", "leave"))


class PageLeft(Exception):  # noqa: N818 -- not an error: the reader has turned the page
    """The reader has left the page while it was being computed."""


class Tempo:
    """Waits so that a person can follow; at speed 2 it waits half as long."""

    def __init__(self, speed: float = 1.0) -> None:
        self.speed = speed
        self._left = threading.Event()

    def wait(self, seconds: float) -> None:
        """Wait. Raises PageLeft as soon as the page is left."""
        if self._left.wait(seconds / self.speed):
            raise PageLeft

    def at(self, speed: float) -> Tempo:
        """Return a tempo of another speed that ends together with this one."""
        other = Tempo(speed)
        other._left = self._left
        return other

    def leave(self) -> None:
        """End all waiting, present and future."""
        self._left.set()


class Room(NamedTuple):
    """Columns and rows that a scene has."""

    width: int
    height: int

    @property
    def roomy(self) -> bool:
        """Whether the terminal is large enough for larger cells and more figures."""
        return self.width >= 100 and self.height >= 24


class Scene(Protocol):
    """What a page shows. It is computed once, and drawn often meanwhile."""

    def play(self) -> None:
        """Compute to the end. On a terminal this is called in a thread of its own."""

    def draw(self, room: Room) -> RenderableType:
        """Return what there is to see at present. May be called at any time, also before `play`."""


class Page(NamedTuple):
    """One page."""

    title: str
    words: str
    scene: Callable[[Tempo], Scene]


def full_screen(page: Page, scene: Scene, number: int, pages: int, console: Console) -> RenderableType:
    """Return a page as it fills the screen, with the keys in its last row."""
    columns, rows = console.size
    if columns < WIDTH or rows < HEIGHT:
        return Text(too_small(columns, rows))
    width = min(columns, WIDEST) - 2 * _MARGIN
    return _Screen(body(page, scene, number, console, width), _footer(number, pages, width), width, rows)


def body(page: Page, scene: Scene, number: int, console: Console, width: int) -> RenderableType:
    """Return what is above the row of keys."""
    rows = console.height
    air = [Text()] if rows >= _AIRY else []
    above = Group(*air, heading(page, number), *air, sentences(page), Text())
    taken = len(console.render_lines(above, console.options.update(width=width)))
    return Group(above, scene.draw(Room(width, rows - 2 - taken)))


def heading(page: Page, number: int) -> Text:
    """Return the number and the title."""
    return Text.assemble((f"{number}  ", "bold magenta"), (page.title, "bold"))


def sentences(page: Page) -> RenderableType:
    """Return the sentences, in lines of a readable length."""
    return Constrain(Text(page.words), _READABLE)


def too_small(columns: int, rows: int) -> str:
    """Say that the terminal is too small, and what to do."""
    return (
        f"The terminal has {columns} columns and {rows} rows, and the tour needs {WIDTH} and {HEIGHT}: enlarge the "
        "window, or print the pages with: asc demo | more"
    )


def _footer(number: int, pages: int, width: int) -> Text:
    keys = Text()
    renamed = {"space": "end"} if number == pages else {}
    for key, action in _KEYS:
        word = renamed.get(key, action)
        keys.append(key, style="bold").append(f" {word}   " if width >= 76 else f" {word}  ", style="dim")
    count = f"{number} of {pages}"
    keys.append(" " * max(1, width - keys.cell_len - len(count)))
    return keys.append(count, style="dim")


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
