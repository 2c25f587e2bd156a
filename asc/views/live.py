"""The live view of a run on a terminal."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from time import perf_counter
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
_OUTCOMES = (
    (Outcome.ACCEPTED, "accepted", "green"),
    (Outcome.REJECTED, "rejected", "yellow"),
    (Outcome.SILENT, "silent", ""),
    (Outcome.FAILED, "raised", "red"),
    (Outcome.LATE, "late", "yellow"),
    (Outcome.UNJUDGED, "not judged", "red"),
)


class Live:
    """Shows progress, candidates, workers and the estimated speed-up, and says why there is a speed-up or none.

    The view is drawn at boundaries, at most four times a second, and takes a fiftieth of the time at most: no thread
    takes the interpreter from the run. The cursor is never hidden, so that a kill leaves it visible. The last view
    stays on the screen. `clock` is the one by which a boundary has its times.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = perf_counter) -> None:
        self.console = console
        self._clock = clock
        self._pace = Pace(every=0.25)
        self._speed = Speed()
        self._screen: Screen | None = None

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        """Draw the first view."""
        self.close()
        self._pace, self._speed = Pace(every=0.25), Speed()
        # What the program prints goes above the view, unless it is written to a file or another program.
        self._screen = Screen(
            console=self.console,
            auto_refresh=False,
            transient=False,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._screen.start()
        self.console.show_cursor(True)
        self._draw(run, self._clock())

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        """Redraw, if it is time."""
        if self._pace.due(boundary.ended):
            self._draw(run, boundary.ended)

    @hookimpl
    def asc_progress(self, run: RunView) -> None:
        """Redraw within a long superstep, if it is time."""
        now = self._clock()
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
        """Give the terminal back; the view stays. A run may end without a call of `asc_run_finished`."""
        if self._screen is not None:
            self._screen.stop()
            self._screen = None

    def _draw(self, run: RunView, now: float | None, state: str | None = None) -> None:
        if self._screen is None:
            return
        began = self._clock()
        try:
            status = run.status()
            if now is not None:
                self._speed.note(now, status.position)
            shown = view(run.backend, status, self._speed.remaining(status.total), state)
            self._screen.update(Encodable(shown), refresh=True)
        except BaseException:
            self.close()
            raise
        self._pace.spent(self._clock() - began)


def view(backend: str, status: Status, remaining: float | None, state: str | None = None) -> RenderableType:
    """Return what is shown of a status: `remaining` is an estimate in seconds, `state` how the run ended, if it has."""
    shown: list[RenderableType] = [_heading(backend, status, remaining, state)]
    if status.total:
        # A bar alone does not end its line; padding does.
        shown.append(Padding(ProgressBar(total=status.total, completed=status.position), 0))
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, text in _rows(status):
        table.add_row(name, text)
    shown.append(table)
    if status.reason:
        shown.append(Text(status.reason, style="italic", overflow="fold"))
    return Group(*shown)


def _heading(backend: str, status: Status, remaining: float | None, state: str | None) -> Text:
    heading = [f"{figures.count(status.position)} steps"]
    if status.total:
        heading[0] = f"{figures.count(status.position)} of {figures.count(status.total)} steps"
        heading.insert(0, figures.percent(status.position / status.total))
    heading.append(figures.clock(status.seconds))
    if state is not None:
        heading.append(state)
    elif status.total:
        heading.append(f"{figures.clock(remaining)} left")
    text = Text(overflow="fold")
    text.append(backend, style="bold")
    return text.append("  " + "  ".join(heading))


def _rows(status: Status) -> list[tuple[str, Text]]:
    """Return the rows below the bar: figures that a run does not have are left out."""
    rows = [("at", Text(status.label or figures.UNKNOWN)), _cache(status), ("candidates", _candidates(status.outcomes))]
    if status.acceptance_rate is not None:
        rows.append(("acceptance rate", Text(_acceptance(status))))
    if status.measures:
        measured = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in status.measures.items())
        rows.append(("measured", Text(measured)))
    if status.workers:
        rows.append(("workers", Text(f"{status.busy} of {status.workers} busy")))
    if status.words:
        share = f"{figures.count(len(status.excited))} of {figures.count(status.words)} state words"
        named = f": {figures.names(status.excited, WORDS_SHOWN)}" if status.excited else ""
        rows.append(("excited", Text(share + named)))
    gain = Text(figures.ratio(status.estimated_speedup), style="bold")
    ceiling = f", ceiling {figures.ratio(status.ceiling)}" if math.isfinite(status.ceiling) else ""
    rows.append(("speed-up", gain.append(f" estimated{ceiling}", style="not bold")))
    return rows


def _cache(status: Status) -> tuple[str, Text]:
    skipped = f"{figures.count(status.skipped)} steps skipped"
    if status.hit_rate is None:
        return "leaps", Text(f"{figures.count(status.hits)} taken, {skipped}")
    found = f"{figures.count(status.hits)} hits, {figures.count(status.misses)} misses"
    return "hit rate", Text(f"{figures.percent(status.hit_rate)} of the steps ({found}), {skipped}")


def _candidates(outcomes: Mapping[str, int]) -> Text:
    text = Text()
    for outcome, word, style in _OUTCOMES:
        number = outcomes.get(outcome.value, 0)
        text.append(", " if text else "")
        text.append(f"{figures.count(number)} {word}", style=style if number else "dim")
    return text


def _acceptance(status: Status) -> str:
    rate = figures.percent(status.acceptance_rate)
    if status.mean_accepted_horizon is None:
        return rate
    return f"{rate}, mean accepted horizon {figures.amount(status.mean_accepted_horizon)} steps"
