"""A run as plain lines, for a log file or a pipe."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from rich.console import Console

from asc.hookspecs import RunView, hookimpl
from asc.records.pace import Pace
from asc.types import Boundary, Status
from asc.views import figures
from asc.views.encodable import encodable
from asc.views.speed import Speed


class Lines:
    """Prints a line at the start, after a second, then every five seconds, and at the end.

    `clock` is the one by which a boundary has its times.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = perf_counter) -> None:
        self.console = console
        self._clock = clock
        self._pace = Pace(every=5.0, first=1.0)
        self._speed = Speed()

    @hookimpl
    def asc_run_started(self, run: RunView) -> None:
        """Say what runs."""
        status, now = run.status(), self._clock()
        self._pace.start(now)
        self._speed = Speed()
        self._speed.note(now, status.position)
        recorded = f", recorded in {run.folder}" if run.folder is not None else ""
        self._print(f"{run.backend}: starting at {_position(status)}{recorded}")

    @hookimpl
    def asc_boundary(self, run: RunView, boundary: Boundary) -> None:
        """Report progress, if a line is due."""
        self._report(run, boundary.ended)

    @hookimpl
    def asc_progress(self, run: RunView) -> None:
        """Report progress within a long superstep, if a line is due."""
        self._report(run, self._clock())

    def _report(self, run: RunView, now: float) -> None:
        if not self._pace.due(now):
            return
        began = self._clock()
        status = run.status()
        self._speed.note(now, status.position)
        remaining = self._speed.remaining(status.total)
        left = "" if remaining is None else f", {figures.duration(remaining)} left"
        self._print(f"{run.backend}: {_position(status)}{left}; {_metrics(status)}")
        self._pace.spent(self._clock() - began)

    @hookimpl
    def asc_run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        """Say how the run ended."""
        status = run.status()
        end = str(summary.get("state", "finished"))
        reason = f"; {status.reason}" if status.reason else ""
        ended = f"{run.backend}: {end} at {_position(status)} after {figures.duration(status.seconds)}"
        self._print(f"{ended}; {_metrics(status)}{reason}")

    def _print(self, line: str) -> None:
        """Print one line of plain text, whatever it holds."""
        text = encodable(" ".join(line.split()), self.console.encoding)
        self.console.print(text, markup=False, highlight=False, emoji=False, soft_wrap=True)


def _position(status: Status) -> str:
    if not status.total:
        return f"step {figures.count(status.position)}"
    share = figures.percent(status.position / status.total)
    return f"step {figures.count(status.position)} of {figures.count(status.total)} ({share})"


def _metrics(status: Status) -> str:
    """Return the figures of a run, of which a run without cache hits on steps or without candidates has fewer."""
    metrics = [f"{name.replace('_', ' ')} {value:.4g}" for name, value in status.measures.items()]
    if status.hit_rate is None:
        leaps = "1 leap" if status.hits == 1 else f"{figures.count(status.hits)} leaps"
        metrics += [status.label, leaps]
    else:
        metrics.append(f"hit rate {figures.percent(status.hit_rate)}, {figures.count(status.skipped)} steps skipped")
    if status.acceptance_rate is not None:
        metrics.append(f"acceptance rate {figures.percent(status.acceptance_rate)}")
    if status.mean_accepted_horizon is not None:
        metrics.append(f"mean accepted horizon {figures.amount(status.mean_accepted_horizon)}")
    if status.workers:
        metrics.append(f"{status.busy} of {status.workers} workers busy")
    ceiling = f" (ceiling {figures.ratio(status.ceiling)})" if math.isfinite(status.ceiling) else ""
    return f"{', '.join(metrics)}, speed-up {figures.ratio(status.estimated_speedup)} estimated{ceiling}"
