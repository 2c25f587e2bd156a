"""Hook calls during a run: quick, and safe from a plugin that raises."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from asc.errors import describe_error

if TYPE_CHECKING:
    from asc.hookspecs import RunView
    from asc.plugins.loader import Plugins
    from asc.types import Boundary

Call = Callable[..., object]


class Notifier:
    """Tells the plugins what happens in one run.

    Each plugin is called by itself, so that one that raises is switched off (unregistered, and told of to `on_fault` in
    a sentence) while the others and the run go on. It knows the plugins that were there when it was made.
    """

    def __init__(self, plugins: Plugins, on_fault: Callable[[str], object]) -> None:
        self._plugins = plugins
        self._on_fault = on_fault
        self._started = plugins.calls("asc_run_started")
        self._boundary = plugins.calls("asc_boundary")
        self._progress = plugins.calls("asc_progress")
        self._finished = plugins.calls("asc_run_finished")

    def run_started(self, run: RunView) -> None:
        """Call `asc_run_started`."""
        self._tell("asc_run_started", self._started, run)

    def boundary(self, run: RunView, boundary: Boundary) -> None:
        """Call `asc_boundary`. Costs about 0.1 µs where nobody listens."""
        if self._boundary:
            self._tell("asc_boundary", self._boundary, run, boundary)

    def progress(self, run: RunView) -> None:
        """Call `asc_progress`."""
        self._tell("asc_progress", self._progress, run)

    def run_finished(self, run: RunView, summary: Mapping[str, Any]) -> None:
        """Call `asc_run_finished`."""
        self._tell("asc_run_finished", self._finished, run, summary)

    def _tell(self, hook: str, calls: tuple[tuple[str, Call], ...], *values: object) -> None:
        for plugin, call in calls:
            try:
                call(*values)
            except Exception as error:  # noqa: BLE001 - whatever a plugin raises, the run goes on without it
                self._drop(plugin, hook, error)

    def _drop(self, plugin: str, hook: str, error: Exception) -> None:
        title = self._plugins.source(plugin).title
        self._plugins.remove(plugin)
        self._started, self._boundary, self._progress, self._finished = (
            tuple(pair for pair in calls if pair[0] != plugin)
            for calls in (self._started, self._boundary, self._progress, self._finished)
        )
        self._on_fault(f"{title} was switched off, and the run goes on: its {hook} raised {describe_error(error)}.")
