"""The progress of a study, part by part: bars on a terminal, lines anywhere else."""

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


class PartProgress:
    """How much of one part of a study is done."""

    def __init__(self, every: float) -> None:
        self.done = self.total = 0.0
        self.doing = ""
        self.printed: tuple[float, str] | None = None  # what the last line held
        self.pace = Pace(every)
        self.speed = Speed()

    @property
    def over(self) -> bool:
        """Whether the whole part is done."""
        return self.done >= self.total

    def left(self) -> float | None:
        """Seconds until it is over, or None where they cannot be estimated."""
        return None if self.over else self.speed.remaining(self.total)


class ProgressBars:
    """One bar for each part.

    The bars are drawn when the study reports, at most four times a second, and take a fiftieth of the time at most: no
    thread takes the interpreter from the study. The cursor is never hidden, so that a kill leaves it visible.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._parts: dict[str, PartProgress] = {}
        self._pace = Pace(every=0.25)
        # What the program prints goes above the bars, unless it is written to a file or another program.
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
        """Give the terminal back; the bars stay on the screen."""
        try:
            self._draw()
        finally:
            self._screen.stop()

    def __call__(self, part: str, done: float, total: float, doing: str = "") -> None:
        """Redraw, if it is time."""
        now = monotonic()
        state = self._parts.setdefault(part, PartProgress(every=0.25))
        state.done, state.total, state.doing = done, total, doing
        if state.pace.due(now):
            state.speed.note(now, done)
        if self._pace.due(now):
            self._draw()
            self._pace.spent(monotonic() - now)

    def _draw(self) -> None:
        if self._parts:
            self._screen.update(Encodable(view(self._parts)), refresh=True)


def view(parts: Mapping[str, PartProgress]) -> RenderableType:
    """Return a line for each part: its name, a bar, how much is done, the time left, what it does at present."""
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


class ProgressLines:
    """For each part a line when it begins, then one every ten seconds if it has moved, and one when it is over."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._parts: dict[str, PartProgress] = {}
        self._over: set[str] = set()

    def __enter__(self) -> Tell:
        """Nothing is shown before the study reports."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        """Nothing is left to show."""

    def __call__(self, part: str, done: float, total: float, doing: str = "") -> None:
        """Print a line, if it is time."""
        now = monotonic()
        state = self._parts.setdefault(part, PartProgress(every=10.0))
        state.done, state.total, state.doing = done, total, doing
        if state.over:
            due = part not in self._over
            self._over.add(part)
        else:
            self._over.discard(part)
            due = state.printed != (done, doing) and state.pace.due(now)
        if due:
            state.speed.note(now, done)
            state.printed = done, doing
            self._print(part, state)

    def _print(self, name: str, part: PartProgress) -> None:
        share = f" ({figures.percent(part.done / part.total)})" if part.total else ""
        left = part.left()
        left_text = "" if left is None else f", {figures.duration(left)} left"
        doing = f"; {part.doing}" if part.doing and not part.over else ""
        line = encodable(_flat(f"{name}: {_amounts(part)}{share}{left_text}{doing}"), self.console.encoding)
        self.console.print(line, markup=False, highlight=False, emoji=False, soft_wrap=True)


def progress(console: Console, quiet: bool = False) -> AbstractContextManager[Tell]:
    """Return a context that shows progress on this console; entering it gives the call by which a study reports."""
    if quiet:
        return nullcontext(_silent)
    return ProgressBars(console) if console.is_terminal else ProgressLines(console)


def _silent(part: str, done: float, total: float, doing: str = "") -> None:
    """Show nothing."""


def _amounts(part: PartProgress) -> str:
    return f"{figures.amount(part.done)} of {figures.amount(part.total)}"


def _flat(text: str) -> str:
    return " ".join(text.split())
