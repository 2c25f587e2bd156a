"""Shows the tour: pages that keys turn on a terminal, or all pages one after another in a pipe."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console, Group
from rich.text import Text

from asc.demo.drawing import available
from asc.demo.keys import Key, Keys, keys
from asc.demo.page import (
    HEIGHT,
    WIDEST,
    WIDTH,
    Page,
    PageLeft,
    Room,
    Tempo,
    full_screen,
    heading,
    sentences,
    too_small,
)
from asc.errors import AscError
from asc.views.encodable import Encodable

_REDRAW_S = 0.08
_FAST = 10.0  # times the normal speed, where pages are printed or skipped
_PATIENCE_S = 5.0


def show(console: Console, pages: Sequence[Page], first: int, speed: float, auto: float | None) -> None:
    """Show the pages from `first` on. With `auto`, each page is turned so many seconds after its scene has ended."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or console.is_dumb_terminal:
        print_pages(console, pages[first - 1 :], first, speed)
        return
    if console.width < WIDTH or console.height < HEIGHT:
        raise AscError(too_small(console.width, console.height))
    number = turn_pages(console, pages, first, speed, auto)
    if number < len(pages):
        console.print(Text(f"Continue with: asc demo --page {number}"))
    else:  # the suggestions of the last page stay on the screen
        console.print(Encodable(pages[-1].scene(Tempo()).draw(room(console)), available))


def turn_pages(console: Console, pages: Sequence[Page], first: int, speed: float, auto: float | None) -> int:
    """Show pages on a screen of their own until the reader leaves; return the number of the last page shown."""
    number, tempo = first, speed
    with _ended_by_signals(), keys() as pressed, console.screen(hide_cursor=True) as screen:
        while True:
            page = pages[number - 1]
            player = Player(page, tempo)

            def draw(page: Page = page, player: Player = player, number: int = number) -> None:
                screen.update(Encodable(full_screen(page, player.scene, number, len(pages), console), available))

            try:
                key = _watch(console, player, draw, pressed, auto)
            finally:
                player.stop()
            tempo = speed * _FAST if key is Key.SKIP else speed
            if key is Key.LEAVE or (key is Key.NEXT and number == len(pages)):
                return number
            number = max(1, number + {Key.NEXT: 1, Key.BACK: -1}.get(key, 0))


def print_pages(console: Console, pages: Sequence[Page], first: int, speed: float) -> None:
    """Print the pages one after another. Their scenes are computed as well, at a higher speed."""
    for number, page in enumerate(pages, first):
        tempo = Tempo(speed * _FAST)
        scene = page.scene(tempo)
        try:
            scene.play()
        finally:
            tempo.leave()
        printed = Group(heading(page, number), Text(), sentences(page), Text(), scene.draw(room(console)), Text())
        console.print(Encodable(printed, available), width=room(console).width)


def room(console: Console) -> Room:
    """Return the room of a page that is printed, which may be long."""
    return Room(min(console.width, WIDEST), 2 * HEIGHT)


class Player:
    """Plays a page's scene in a thread of its own, so that keys are read meanwhile."""

    def __init__(self, page: Page, speed: float) -> None:
        self._tempo = Tempo(speed)
        self.scene = page.scene(self._tempo)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._play, name="asc-demo-scene", daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        """Whether the scene has ended. Raises what the scene has raised."""
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Leave the page, whatever its scene is doing."""
        self._tempo.leave()
        self._thread.join(_PATIENCE_S)

    def _play(self) -> None:
        try:
            self.scene.play()
        except PageLeft:
            pass
        except BaseException as error:  # noqa: BLE001 -- `over` raises it again
            self._error = error


def _watch(console: Console, player: Player, draw: Callable[[], None], pressed: Keys, auto: float | None) -> Key:
    """Draw until a key is pressed, or `auto` seconds have passed since the scene's end; return the key."""
    drawn: object = None
    over_since: float | None = None
    while True:
        over, now = player.over, time.monotonic()
        if over and over_since is None:
            over_since = now
        if not over or drawn != console.size:
            draw()
            drawn = console.size if over else None
        key = pressed.read(_REDRAW_S)
        if key is not None and not (key is Key.SKIP and over):
            return key
        if auto is not None and over_since is not None and time.monotonic() - over_since >= auto:
            return Key.NEXT


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Restore the terminal before a signal ends the process. Ctrl-C is such a signal, even if it was ignored before."""
    asked = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

    def end(number: int, _frame: object) -> None:
        raise KeyboardInterrupt if number == signal.SIGINT else SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)  # None: the handler was not set by Python
