"""A run as plain lines, for a log file or a pipe."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter, time
from typing import Any

from rich.console import Console

from asc.hookspecs import RunView, hookimpl
from asc.records.pace import Pace
from asc.types import Boundary, Outcome, Status
from asc.views import figures
from asc.views.encodable import encodable
from asc.views.speed import Speed


class Lines:
    """Prints a line at the start, after a second, then every five seconds, and at the end."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._pace = Pace(every=5.0, first=1.0)
        self._speed = Speed()

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        """Say what runs."""
        status = run.status()
        self._pace.start(run.started)
        self._speed = Speed()
        self._speed.note(run.started, status.position)
        recorded = f", recorded in {run.folder}" if run.folder is not None else ""
        self._say(f"{run.backend}: starting at {_place(status)}{recorded}")

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        """Say how far it is, if it is time."""
        self._tell(run, boundary.ended)

    @hookimpl
    def asc_progress(self, run: RunView) -> None:
        """Say so within a long superstep, too."""
        self._tell(run, time())

    def _tell(self, run: RunView, now: float) -> None:
        if not self._pace.due(now):
            return
        began = perf_counter()
        status = run.status()
        self._speed.note(now, status.position)
        remaining = self._speed.remaining(status.total)
        left = "" if remaining is None else f", {figures.duration(remaining)} left"
        self._say(f"{run.backend}: {_place(status)}{left}; {_gains(status)}")
        self._pace.spent(perf_counter() - began)

    @hookimpl
    def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        """Say how it ended."""
        status = run.status()
        end = str(summary.get("state", "finished"))
        reason = f"; {status.reason}" if status.reason else ""
        ended = f"{run.backend}: {end} at {_place(status)} after {figures.duration(status.seconds)}"
        self._say(f"{ended}; {_gains(status)}{reason}")

    def _say(self, line: str) -> None:
        """Print one line as it is, whatever it holds."""
        text = encodable(" ".join(line.split()), self.console.encoding)
        self.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _place(status: Status) -> str:
    if not status.total:
        return f"step {figures.count(status.position)}"
    share = figures.percent(status.position / status.total)
    return f"step {figures.count(status.position)} of {figures.count(status.total)} ({share})"


def _gains(status: Status) -> str:
    outcomes = status.outcomes
    workers = f", {status.busy} of {status.workers} workers busy" if status.workers else ""
    measured = "".join(f"{name.replace('_', ' ')} {value:.4g}, " for name, value in status.measures.items())
    guesses = (
        f"{figures.count(outcomes.get(Outcome.ACCEPTED.value, 0))} accepted, "
        f"{figures.count(outcomes.get(Outcome.REJECTED.value, 0))} rejected"
    )
    speedup = f"speed-up {figures.ratio(status.estimated_speedup)} estimated"
    if status.judged:
        leaps = "1 leap" if status.hits == 1 else f"{figures.count(status.hits)} leaps"
        return f"{measured}{status.label}, {leaps}, {guesses}, {speedup}"
    return (
        f"{measured}hit rate {figures.percent(status.hit_rate)}, {figures.count(status.skipped)} steps skipped, "
        f"{guesses}{workers}, {speedup} (ceiling {figures.ratio(status.ceiling)})"
    )
