"""The live view of a run on a terminal."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from time import perf_counter, time
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live as Screen
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from asc.hookspecs import RunView, hookimpl
from asc.records.pace import Pace
from asc.types import Boundary, Outcome, Status
from asc.views import figures
from asc.views.encodable import Encodable
from asc.views.speed import Speed

WORDS_SHOWN = 6


class Live:
    """Shows progress, guesses, workers and the estimated gain, and in words why there is one or none.

    Drawn from boundaries, at most four times a second and for at most a fiftieth of the time: there is no thread that
    would take the interpreter from the run. The cursor is never hidden, so no end, not even a kill, can lose it. The
    last view stays on the screen.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self._pace = Pace(every=0.25)
        self._speed = Speed()
        self._screen: Screen | None = None

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        """Draw the first view."""
        self.close()
        self._pace, self._speed = Pace(every=0.25), Speed()
        # What the program prints goes above the view, unless it is on its way to a file or another program.
        self._screen = Screen(
            console=self.console,
            auto_refresh=False,
            transient=False,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._screen.start()
        self.console.show_cursor(True)
        self._draw(run, run.started)

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        """Redraw, if it is time."""
        if self._pace.due(boundary.ended):
            self._draw(run, boundary.ended)

    @hookimpl
    def asc_progress(self, run: RunView) -> None:
        """Redraw within a long superstep, too."""
        now = time()
        if self._pace.due(now):
            self._draw(run, now)

    @hookimpl
    def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        """Draw the last view and give the terminal back."""
        try:
            if self._screen is not None:
                self._draw(run, None, str(summary.get("state", "finished")))
        finally:
            self.close()

    def close(self) -> None:
        """Give the terminal back; the view stays where it is. For an end of which no hook tells, too."""
        if self._screen is not None:
            self._screen.stop()
            self._screen = None

    def _draw(self, run: RunView, now: float | None, state: str | None = None) -> None:
        if self._screen is None:
            return
        began = perf_counter()
        try:
            status = run.status()
            if now is not None:
                self._speed.note(now, status.position)
            shown = view(run.backend, status, self._speed.remaining(status.total), state)
            self._screen.update(Encodable(shown), refresh=True)
        except BaseException:
            self.close()
            raise
        self._pace.spent(perf_counter() - began)


def view(backend: str, status: Status, remaining: float | None, state: str | None = None) -> RenderableType:
    """Return what is shown of a status; `remaining` is the guess in seconds, `state` how the run ended, if it has."""
    parts: list[RenderableType] = [_heading(backend, status, remaining, state)]
    if status.total:
        # A bar alone does not end its line; padding does.
        parts.append(Padding(ProgressBar(total=status.total, completed=status.position), 0))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(status):
        table.add_row(name, text)
    parts.append(table)
    if status.reason:
        parts.append(Text(status.reason, style="italic", overflow="fold"))
    return Group(*parts)


def _heading(backend: str, status: Status, remaining: float | None, state: str | None) -> Text:
    parts = [f"{figures.count(status.position)} steps"]
    if status.total:
        parts[0] = f"{figures.count(status.position)} of {figures.count(status.total)} steps"
        parts.insert(0, figures.percent(status.position / status.total))
    parts.append(figures.clock(status.seconds))
    if state is not None:
        parts.append(state)
    elif status.total:
        parts.append(f"{figures.clock(remaining)} left")
    text = Text(overflow="fold")
    text.append(backend, style="bold")
    return text.append("  " + "  ".join(parts))


def _rows(status: Status) -> list[tuple[str, Text]]:
    outcomes = status.outcomes
    guesses = Text()
    for outcome, word, style in (
        (Outcome.ACCEPTED, "accepted", "green"),
        (Outcome.REJECTED, "rejected", "yellow"),
        (Outcome.SILENT, "silent", ""),
        (Outcome.FAILED, "failed", "red"),
        (Outcome.LATE, "late", "yellow"),
    ):
        number = outcomes.get(outcome.value, 0)
        guesses.append(", " if guesses else "")
        guesses.append(f"{figures.count(number)} {word}", style=style if number else "dim")
    found = (
        f"{figures.percent(status.hit_rate)} of the steps ({figures.count(status.hits)} hits, "
        f"{figures.count(status.misses)} misses), {figures.count(status.skipped)} steps skipped"
    )
    leaps = f"{figures.count(status.hits)} taken, {figures.count(status.skipped)} steps skipped"
    rows = [
        ("at", Text(status.label or figures.UNKNOWN)),
        ("leaps", Text(leaps)) if status.judged else ("hits", Text(found)),
        ("guesses", guesses),
    ]
    if status.measures:
        told = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in status.measures.items())
        rows.append(("measured", Text(told)))
    if status.workers:
        rows.append(("workers", Text(f"{status.busy} of {status.workers} busy")))
    if status.words:
        share = f"{figures.count(len(status.excited))} of {figures.count(status.words)} words"
        named = f": {figures.names(status.excited, WORDS_SHOWN)}" if status.excited else ""
        rows.append(("excited", Text(share + named)))
    gain = Text(figures.ratio(status.estimated_speedup), style="bold")
    ceiling = "" if status.judged else f", ceiling {figures.ratio(status.ceiling)}"
    rows.append(("speed-up", gain.append(f" estimated{ceiling}", style="not bold")))
    return rows
