"""How far a study has come, part by part: bars on a terminal, lines anywhere else."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from time import monotonic
from types import TracebackType

from rich.console import Console, RenderableType
from rich.live import Live as Screen
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from asc.records.pace import Pace
from asc.study import Tell
from asc.views import figures
from asc.views.encodable import Encodable, encodable
from asc.views.speed import Speed

BAR = 20  # characters


class Part:
    """What is known of one part."""

    def __init__(self, every: float) -> None:
        self.done = self.total = 0.0
        self.doing = ""
        self.said: tuple[float, str] | None = None  # what the last line told
        self.pace = Pace(every)
        self.speed = Speed()

    @property
    def over(self) -> bool:
        """Whether all of it is done."""
        return self.done >= self.total

    def left(self) -> float | None:
        """Seconds until it is over, as far as that can be told."""
        return None if self.over else self.speed.remaining(self.total)


class Bars:
    """One bar for each part.

    Drawn when something is told, at most four times a second and for at most a fiftieth of the time: there is no
    thread that would take the interpreter from the study. The cursor is never hidden, so no end can lose it.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._parts: dict[str, Part] = {}
        self._pace = Pace(every=0.25)
        # What the program prints goes above the bars, unless it is on its way to a file or another program.
        self._screen = Screen(
            console=console,
            auto_refresh=False,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )

    def __enter__(self) -> Tell:
        """Take the terminal."""
        self._screen.start()
        self.console.show_cursor(True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Give the terminal back; the bars stay where they are."""
        try:
            self._draw()
        finally:
            self._screen.stop()

    def __call__(self, part: str, done: float, total: float, doing: str = "") -> None:
        """Redraw, if it is time."""
        now = monotonic()
        known = self._parts.setdefault(part, Part(every=0.25))
        known.done, known.total, known.doing = done, total, doing
        if known.pace.due(now):
            known.speed.note(now, done)
        if self._pace.due(now):
            self._draw()
            self._pace.spent(monotonic() - now)

    def _draw(self) -> None:
        if self._parts:
            self._screen.update(Encodable(view(self._parts)), refresh=True)


def view(parts: Mapping[str, Part]) -> RenderableType:
    """Return a line for each part: its name, a bar, how much is done, how long it will take, what it is doing."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for justify in ("left", "left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_column(style="dim")
    for name, part in parts.items():
        left = "done" if part.over else f"{figures.clock(part.left())} left"
        table.add_row(
            Text(name, style="bold"),
            ProgressBar(total=part.total or 1.0, completed=part.done if part.total else 1.0, width=BAR),
            Text(_amounts(part)),
            Text(left),
            Text(_flat(part.doing), no_wrap=True, overflow="ellipsis"),
        )
    return table


class PartLines:
    """For each part a line when it begins, then one every ten seconds if it has moved, and one when it is over."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._parts: dict[str, Part] = {}
        self._over: set[str] = set()

    def __enter__(self) -> Tell:
        """Nothing is shown before something is told."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Nothing is left to be shown."""

    def __call__(self, part: str, done: float, total: float, doing: str = "") -> None:
        """Print a line, if it is time."""
        now = monotonic()
        known = self._parts.setdefault(part, Part(every=10.0))
        known.done, known.total, known.doing = done, total, doing
        if known.over:
            due = part not in self._over
            self._over.add(part)
        else:
            self._over.discard(part)
            due = known.said != (done, doing) and known.pace.due(now)
        if due:
            known.speed.note(now, done)
            known.said = done, doing
            self._say(part, known)

    def _say(self, name: str, part: Part) -> None:
        share = f" ({figures.percent(part.done / part.total)})" if part.total else ""
        left = part.left()
        left_text = "" if left is None else f", {figures.duration(left)} left"
        doing = f"; {part.doing}" if part.doing and not part.over else ""
        line = encodable(_flat(f"{name}: {_amounts(part)}{share}{left_text}{doing}"), self.console.encoding)
        self.console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def progress(console: Console, quiet: bool = False) -> AbstractContextManager[Tell]:
    """Return what shows progress on this console while it is entered, and what a study tells of it."""
    if quiet:
        return nullcontext(_silent)
    return Bars(console) if console.is_terminal else PartLines(console)


def _silent(part: str, done: float, total: float, doing: str = "") -> None:
    """Show nothing."""


def _amounts(part: Part) -> str:
    return f"{figures.amount(part.done)} of {figures.amount(part.total)}"


def _flat(text: str) -> str:
    return " ".join(text.split())
