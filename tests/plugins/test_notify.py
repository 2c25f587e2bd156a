"""Watching a run: every plugin is called by itself, and one that raises is switched off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from asc import hookimpl, hookspecs
from asc.plugins import Plugins
from asc.plugins.entry import Source
from asc.types import Boundary, Status

BOUNDARY = Boundary(100, "stable", (), (), (), 1.0, 2.0)


class StillRun:
    """A run as hooks see it."""

    backend = "toy"
    config: Mapping[str, Any] = {}
    folder: Path | None = None
    started = 0.0

    def status(self) -> Status:
        return Status(100, None, 1.0, "stable", 0, 0, 0, 0.0, {}, None, None, 0, 0, (), 0, 1.0, 1.0, "")


RUN: hookspecs.RunView = StillRun()


class Watcher:
    """Writes down what it is told; raises in the hooks whose names it is given."""

    def __init__(self, name: str, log: list[tuple[Any, ...]], *broken: str) -> None:
        self.name, self.log, self.broken = name, log, broken

    def _note(self, hook: str, *values: object) -> None:
        self.log.append((self.name, hook, *values))
        if hook in self.broken:
            raise ValueError(f"{self.name} has had enough")

    @hookimpl
    def asc_run_started(self, run: hookspecs.RunView) -> None:
        self._note("started", run)

    @hookimpl
    def asc_boundary(self, run: hookspecs.RunView, boundary: Boundary) -> None:
        self._note("boundary", run, boundary)

    @hookimpl
    def asc_progress(self, run: hookspecs.RunView) -> None:
        self._note("progress", run)

    @hookimpl
    def asc_run_finished(self, run: hookspecs.RunView, summary: Mapping[str, Any]) -> None:
        self._note("finished", run, summary)


def watched(*watchers: Watcher) -> tuple[Plugins, Any, list[str]]:
    plugins = Plugins()
    faults: list[str] = []
    for watcher in watchers:
        plugins.register(watcher, Source(watcher.name, f"asc-{watcher.name}", "1.0"))
    return plugins, plugins.notifier(faults.append), faults


def test_everybody_is_told_everything() -> None:
    log: list[tuple[Any, ...]] = []
    _, notifier, faults = watched(Watcher("one", log), Watcher("two", log))
    summary = {"state": "finished"}
    notifier.run_started(RUN)
    notifier.progress(RUN)
    notifier.boundary(RUN, BOUNDARY)
    notifier.run_finished(RUN, summary)
    assert sorted(log, key=lambda entry: entry[0]) == [
        (name, *told)
        for name in ("one", "two")
        for told in (("started", RUN), ("progress", RUN), ("boundary", RUN, BOUNDARY), ("finished", RUN, summary))
    ]
    assert faults == []


@pytest.mark.parametrize("hook", ["started", "boundary", "finished"])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_one_that_raises_is_switched_off_and_the_others_go_on(hook: str, order: int) -> None:
    log: list[tuple[Any, ...]] = []
    watchers = [Watcher("one", log), Watcher("two", log)]
    watchers.insert(order, Watcher("bad", log, hook))
    plugins, notifier, faults = watched(*watchers)
    notifier.run_started(RUN)
    notifier.boundary(RUN, BOUNDARY)
    notifier.boundary(RUN, BOUNDARY)
    notifier.run_finished(RUN, {})
    name = {"started": "asc_run_started", "boundary": "asc_boundary", "finished": "asc_run_finished"}[hook]
    line = Watcher._note.__code__.co_firstlineno + 3
    assert faults == [
        'The plugin "bad" of asc-bad 1.0 was switched off, and the run continues: '
        f"its {name} raised ValueError: bad has had enough (test_notify.py, line {line})."
    ]
    for good in ("one", "two"):
        assert [entry[1] for entry in log if entry[0] == good] == ["started", "boundary", "boundary", "finished"]
    until = {
        "started": ["started"],
        "boundary": ["started", "boundary"],
        "finished": ["started", "boundary", "boundary", "finished"],
    }
    assert [entry[1] for entry in log if entry[0] == "bad"] == until[hook]
    assert not plugins.manager.has_plugin("bad")
    assert plugins.manager.has_plugin("one")


def test_all_may_fail_at_once() -> None:
    log: list[tuple[Any, ...]] = []
    plugins, notifier, faults = watched(Watcher("one", log, "boundary"), Watcher("two", log, "boundary"))
    notifier.boundary(RUN, BOUNDARY)
    notifier.boundary(RUN, BOUNDARY)
    assert len(faults) == len(log) == 2
    assert plugins.manager.get_plugins() == set()


def test_one_that_raises_at_progress_is_switched_off() -> None:
    log: list[tuple[Any, ...]] = []
    _, notifier, faults = watched(Watcher("one", log, "progress"))
    notifier.progress(RUN)
    notifier.progress(RUN)
    assert len(log) == len(faults) == 1
    assert "its asc_progress raised" in faults[0]


def test_two_runs_at_once_both_survive_one_fault() -> None:
    log: list[tuple[Any, ...]] = []
    plugins, first, faults = watched(Watcher("bad", log, "boundary"))
    second = plugins.notifier(faults.append)
    first.boundary(RUN, BOUNDARY)
    second.boundary(RUN, BOUNDARY)
    assert len(faults) == 2
    plugins.notifier(faults.append).boundary(RUN, BOUNDARY)
    assert len(log) == 2


def test_an_interrupt_is_not_the_plugins_fault() -> None:
    class Interrupted:
        @hookimpl
        def asc_boundary(self) -> None:
            raise KeyboardInterrupt

    plugins = Plugins()
    plugins.observe(Interrupted(), "interrupted")
    with pytest.raises(KeyboardInterrupt):
        plugins.notifier(pytest.fail).boundary(RUN, BOUNDARY)
    assert plugins.manager.has_plugin("interrupted")


def test_an_implementation_gets_the_parameters_that_it_names() -> None:
    told: list[Any] = []

    class Frugal:
        @hookimpl
        def asc_run_started(self) -> None:
            told.append("started")

        @hookimpl
        def asc_boundary(self, boundary: Boundary) -> None:
            told.append(boundary)

        @hookimpl(specname="asc_run_finished")
        def at_the_end(self, summary: Mapping[str, Any], run: hookspecs.RunView, spare: int = 7) -> None:
            told.append((summary, run, spare))

    plugins = Plugins()
    plugins.observe(Frugal(), "frugal")
    notifier = plugins.notifier(pytest.fail)
    notifier.run_started(RUN)
    notifier.boundary(RUN, BOUNDARY)
    notifier.run_finished(RUN, {"a": 1})
    assert told == ["started", BOUNDARY, ({"a": 1}, RUN, 7)]


def test_first_and_last_are_honoured_as_pluggy_does() -> None:
    told: list[str] = []

    def plugin(name: str, first: bool, last: bool) -> object:
        class Ordered:
            @hookimpl(tryfirst=first, trylast=last)
            def asc_boundary(self) -> None:
                told.append(name)

        return Ordered()

    plugins = Plugins()
    for name in ("last", "first", "old", "new"):
        plugins.observe(plugin(name, name == "first", name == "last"), name)
    plugins.notifier(pytest.fail).boundary(RUN, BOUNDARY)
    ours = told.copy()
    told.clear()
    plugins.manager.hook.asc_boundary(run=RUN, boundary=BOUNDARY)
    assert ours == told == ["first", "new", "old", "last"]


def test_nobody_is_called_where_nobody_listens() -> None:
    assert Plugins().calls("asc_boundary") == ()
    Plugins().notifier(pytest.fail).boundary(RUN, BOUNDARY)


def test_an_observer_of_the_running_program_comes_and_goes() -> None:
    log: list[tuple[Any, ...]] = []
    plugins = Plugins()
    plugins.observe(Watcher("live", log, "boundary"), "live")
    faults: list[str] = []
    plugins.notifier(faults.append).boundary(RUN, BOUNDARY)
    assert faults[0].startswith('The plugin "live" was switched off, and the run continues: its asc_boundary raised')
    plugins.remove("live")  # gone already
    plugins.observe(Watcher("live", log), "live")
    plugins.remove("live")
    assert plugins.calls("asc_boundary") == ()
    assert plugins.statuses == []
