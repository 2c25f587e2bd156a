"""The tour itself: turns the pages by keys or by itself, or prints them all where nobody can press any."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.text import Text

from asc.demo.frame import HEIGHT, WIDEST, WIDTH, frame, heading, sentences, too_small
from asc.demo.keys import Key, Keys, keys
from asc.demo.pace import Pace
from asc.demo.page import Page, Room
from asc.demo.player import Player
from asc.demo.signs import shown
from asc.errors import AscError
from asc.views.encodable import Encodable

_FRAME_S = 0.08
_QUICK = 10.0  # times the pace, where nobody watches or wants to wait


def show(console: Console, pages: Sequence[Page], first: int, speed: float, auto: float | None) -> None:
    """Show the pages from `first` on; with `auto`, each is turned so many seconds after it has come to its end."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or console.is_dumb_terminal:
        print_pages(console, pages[first - 1 :], first, speed)
        return
    if console.width < WIDTH or console.height < HEIGHT:
        raise AscError(too_small(console.width, console.height))
    number = turn_pages(console, pages, first, speed, auto)
    if number < len(pages):
        console.print(Text(f"Go on with: asc demo --page {number}"))
    else:  # what there is to type stays on the screen
        console.print(Encodable(pages[-1].scene(Pace()).draw(room(console)), shown))


def turn_pages(console: Console, pages: Sequence[Page], first: int, speed: float, auto: float | None) -> int:
    """Show pages on a screen of their own until somebody leaves; return the number of the last one that was shown."""
    number, pace = first, speed
    with _ended_by_signals(), keys() as pressed, console.screen(hide_cursor=True) as screen:
        while True:
            page = pages[number - 1]
            player = Player(page, pace)

            def draw(page: Page = page, player: Player = player, number: int = number) -> None:
                screen.update(Encodable(frame(page, player.scene, number, len(pages), console), shown))

            try:
                key = _look(console, player, draw, pressed, auto)
            finally:
                player.stop()
            pace = speed * _QUICK if key is Key.SKIP else speed
            if key is Key.LEAVE or (key is Key.NEXT and number == len(pages)):
                return number
            number = max(1, number + {Key.NEXT: 1, Key.BACK: -1}.get(key, 0))


def print_pages(console: Console, pages: Sequence[Page], first: int, speed: float) -> None:
    """Print the pages one after another; what they show is computed all the same, only quicker."""
    for number, page in enumerate(pages, first):
        pace = Pace(speed * _QUICK)
        scene = page.scene(pace)
        try:
            scene.play()
        finally:
            pace.leave()
        told = Group(heading(page, number), Text(), sentences(page), Text(), scene.draw(room(console)), Text())
        console.print(Encodable(told, shown), width=room(console).width)


def room(console: Console) -> Room:
    """Return what a page has where it is printed, and may be as long as it likes."""
    return Room(min(console.width, WIDEST), 2 * HEIGHT)


def _look(console: Console, player: Player, draw: Callable[[], None], pressed: Keys, auto: float | None) -> Key:
    """Draw until a key, or the time, asks for something else."""
    drawn: object = None
    over_since: float | None = None
    while True:
        over, now = player.over, time.monotonic()
        if over and over_since is None:
            over_since = now
        if not over or drawn != console.size:
            draw()
            drawn = console.size if over else None
        key = pressed.read(_FRAME_S)
        if key is not None and not (key is Key.SKIP and over):
            return key
        if auto is not None and over_since is not None and time.monotonic() - over_since >= auto:
            return Key.NEXT


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Let a request to end the process give the terminal back first."""
    asked = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: it was not Python that had set it
