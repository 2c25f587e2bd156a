"""The hooks: everything that a plugin may implement.

A plugin is a module, or any object, with functions marked by `asc.hookimpl`:

    import asc

    @asc.hookimpl
    def asc_register(registry):
        registry.add("predictor", "mine", "my_package.mine:Mine", "predicts as I would")

It is found by its entry point of the group `asc`, or given as a single file with `--plugin FILE.py`. Hooks register
things, add pages to the tour, and watch a run at its boundaries; none is called within the step loop. An implementation
takes any of the parameters below, by name, and may leave out those that it does not need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from asc.types import Boundary, Status

PROJECT = "asc"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


class Registrar(Protocol):
    """What `asc_register` is given: a place to announce components."""

    def add(self, kind: str, name: str, factory: str, summary: str) -> None:
        """Announce a component; nothing is imported before it is used.

        Args:
            kind: "backend", "predictor", "recognizer", "validator" or "study".
            name: what people type: lower-case words joined by hyphens or underscores.
            factory: dotted path of the class, "package.module:Class". In a single file, "my_file:Class", or
                `__name__ + ":Class"`, which stays right when the file is renamed. The class extends the base of its
                kind, such as `asc.Predictor`. Its settings are its nested class `Config`.
            summary: one line for `asc plugins`.

        Raises AscError where one of them is not of this form, or where the name is taken.
        """


class RunView(Protocol):
    """What a hook sees of a run. Read-only: a hook watches a run and never steers it."""

    @property
    def backend(self) -> str:
        """Name of the backend, as in `asc run BACKEND`."""

    @property
    def config(self) -> Mapping[str, Any]:
        """The complete configuration, of values that JSON can hold."""

    @property
    def folder(self) -> Path | None:
        """Folder that the run is recorded in; None for a run that is not recorded."""

    @property
    def started(self) -> float:
        """Time at which the run began, in seconds since the epoch."""

    def status(self) -> Status:
        """Return the run's figures as they are now; costs some microseconds."""


@hookspec
def asc_register(registry: Registrar) -> None:
    """Announce components. Called once, while plugins are loaded and before anything runs.

    Args:
        registry: takes the announcements. A plugin that raises here contributes nothing and is reported as failed.

    Returns:
        Nothing; a value is ignored.
    """


@hookspec
def asc_demo_pages() -> Sequence[Any]:
    """Add pages to the tour of `asc demo`, before its last one. Called when the tour begins.

    Returns:
        Pages, each an `asc.demo.page.Page`: a title, sentences, and a scene that computes what it shows. A plugin that
        raises adds none, with a warning. A scene that raises says so on its page.
    """
    raise NotImplementedError


@hookspec
def asc_run_started(run: RunView) -> None:
    """Watch a run begin, or resume from a checkpoint. Called once, before the first step.

    Args:
        run: the run; it stays the same object in all later calls.

    Returns:
        Nothing; a value is ignored. A plugin that raises is switched off with a warning, and the run continues.
    """


@hookspec
def asc_boundary(run: RunView, boundary: Boundary) -> None:
    """Watch a boundary. Called after each boundary, between supersteps, up to tens of thousands of times a second.

    Args:
        run: the run; `run.status()` is costly compared with this call, so do not ask for it at each boundary.
        boundary: what happened here: leaps, decisions, workers' tasks. Reading it costs nothing.

    Returns:
        Nothing; a value is ignored. A plugin that raises is switched off with a warning, and the run continues.
    """


@hookspec
def asc_progress(run: RunView) -> None:
    """Watch a long superstep. Called between two boundaries that are seconds apart, about once a second.

    Args:
        run: the run, between two boundaries. A plain run has boundaries as well, which tell as much.

    Returns:
        Nothing; a value is ignored. A plugin that raises is switched off with a warning, and the run continues.
    """


@hookspec
def asc_run_finished(run: RunView, summary: Mapping[str, Any]) -> None:
    """Watch a run end. Called once, after the last step or when the run was stopped; not called after a kill.

    Args:
        run: the run, in its last state.
        summary: what `summary.json` holds, of values that JSON can hold.

    Returns:
        Nothing; a value is ignored. A plugin that raises is switched off with a warning.
    """
