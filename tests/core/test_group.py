"""Runs of several processes, seen from one of them: the others are played by a group that answers for them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from asc.backend import Backend
from asc.cli.run import _compare
from asc.cli.session import CommandSession
from asc.config.run import Component, JudgedConfig
from asc.errors import AscError
from asc.group import Group
from asc.hookspecs import hookimpl
from asc.interrupts import postponing_termination, stoppable
from asc.plugins import Plugins, load
from asc.reference.descent import Descent
from asc.run.record import keep
from asc.run.run import Run
from asc.types import EngineState

T = TypeVar("T")
STEPS = 300
CONFIG = JudgedConfig(recognizer=Component(name="every", steps=10), validator=Component(name="strict"))


class Pair(Group):
    """One of two processes. `others` says, call by call, whether the other process sets the flag."""

    count = 2  # type: ignore[assignment]

    def __init__(self, others: Sequence[bool] = (), *, first: bool = True) -> None:
        self._others, self._first = iter(others), first
        self.asked = 0
        self.agreed: list[Any] = []

    @property
    def first(self) -> bool:
        return self._first

    def agree(self, value: T) -> T:
        self.agreed.append(value)
        return value

    def any(self, flag: bool) -> bool:
        self.asked += 1
        return flag or next(self._others, False)


class Descents(Backend[Descent]):
    """A backend of two processes, whose checkpoint is a line that says which process wrote it."""

    Config = JudgedConfig

    def __init__(self, group: Group, config: JudgedConfig = CONFIG) -> None:
        super().__init__(config)
        self._group, self.saved, self.asked_at_end = group, list[int](), 0

    @property
    def group(self) -> Group:
        return self._group

    def computation(self, plain: bool) -> Descent:
        return Stepping(STEPS)

    def save(self, computation: Descent, folder: Path, state: EngineState) -> None:
        self.saved.append(computation.position())
        if self.group.first:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "checkpoint").write_text(str(computation.position()))

    def load(self, computation: Descent, folder: Path) -> EngineState | None:
        return None

    def outcome(self, computation: Descent) -> Mapping[str, Any]:
        self.asked_at_end += 1
        return {}


class Stepping(Descent):
    """A descent that reports each step, as trainings do, and fails where it is told to."""

    fails_at = -1

    def advance(self, max_steps: int, record: bool = False) -> Any:
        done = 0
        while done < max_steps and not self.finished() and not self.stopped:
            if self.position() == self.fails_at:
                raise AscError("Another process does not answer.")
            done += super().advance(1, record).steps
            if self.on_step is not None and self.on_step():
                break
        return super().advance(0, record)._replace(steps=done)

    stopped = False

    def stop(self) -> None:
        self.stopped = True


class Seen:
    """An observer that counts its calls."""

    calls = 0

    @hookimpl
    def asc_run_started(self, run: Any) -> None:
        self.calls += 1


@pytest.fixture
def plugins() -> Plugins:
    return load(environ={"ASC_LOAD_PLUGINS": ""})


def test_one_process_agrees_with_itself() -> None:
    alone = Group()
    assert (alone.count, alone.first, alone.command) == (1, True, ("asc",))
    assert alone.agree({"a": 1}) == {"a": 1}
    assert [alone.any(True), alone.any(False)] == [True, False]


def test_only_the_first_process_calls_hooks_and_writes_the_record(plugins: Plugins, tmp_path: Path) -> None:
    observer = Seen()
    plugins.observe(observer, "observer")
    digests = []
    for first in (True, False):
        backend = Descents(Pair(first=first))
        run = Run(backend, "descents", plugins, folder=tmp_path / str(first))
        digests.append(run.execute()["final_digest"])
        assert observer.calls == 1
        assert backend.saved == [STEPS]  # both contribute to the checkpoint
    assert digests[0] == digests[1]
    assert not (tmp_path / "False").exists()


def test_all_processes_stop_after_the_step_in_which_one_was_asked(plugins: Plugins) -> None:
    """A request waits for the end of the step, where the processes agree; it costs one question a step."""
    asked_here = Descents(Pair())
    run = Run(asked_here, "descents", plugins)
    run.stop()
    assert not run.stopped
    assert run.execute()["position"] == 0
    group = Pair([*[False] * 24, True, True])
    asked_elsewhere = Run(Descents(group), "descents", plugins, speculate=False)
    summary = asked_elsewhere.execute()
    assert summary["state"] == "interrupted"
    assert 0 < summary["position"] <= 24
    assert group.asked <= 24 + 3 + summary["position"]


def test_the_first_process_says_when_a_checkpoint_is_due(plugins: Plugins, tmp_path: Path) -> None:
    """The other process has been as long without a checkpoint, and waits for the first all the same."""
    always = CONFIG.model_copy(update={"checkpoint_seconds": 1e-9})
    for first in (True, False):
        backend = Descents(Pair(first=first), always)
        Run(backend, "descents", plugins, folder=tmp_path).execute()
        assert (len(backend.saved) > 100) is first
        assert backend.saved[-1] == STEPS


def test_a_plain_run_takes_as_many_steps_at_a_time_as_the_first_process_says(plugins: Plugins) -> None:
    group = Pair()
    Run(Descents(group), "descents", plugins, speculate=False).execute()
    assert group.agreed
    assert all(isinstance(steps, int) for steps in group.agreed)


def test_after_a_failure_nothing_is_asked_of_processes_that_may_have_ended(
    plugins: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Stepping, "fails_at", 25)
    backend = Descents(Pair())
    run = Run(backend, "descents", plugins, folder=tmp_path)
    with pytest.raises(AscError, match="does not answer"):
        run.execute()
    assert (backend.asked_at_end, backend.saved) == (0, [])
    summary = run.summary("failed")
    assert (summary["state"], summary["final_digest"], summary["outcome"]) == ("failed", "", {})
    keep(run, summary, Pair(first=False))
    assert not (tmp_path / "summary.json").exists()
    keep(run, summary, backend.group)
    assert json.loads((tmp_path / "summary.json").read_text())["state"] == "failed"


def test_positions_for_a_replay_are_kept_by_the_first_process(plugins: Plugins, tmp_path: Path) -> None:
    keeping = CONFIG.model_copy(update={"keep_trajectory": 3})
    for first in (True, False):
        backend = Descents(Pair(first=first), keeping)
        Run(backend, "descents", plugins, folder=tmp_path / str(first)).execute()
        assert len(backend.saved) >= 3
        assert (tmp_path / str(first) / "trajectory").exists() is first


def test_a_termination_before_another_run_of_a_comparison_keeps_the_result(plugins: Plugins) -> None:
    backend = Descents(Pair(first=False))
    run = Run(backend, "descents", plugins)
    summary = run.execute()
    session = CommandSession()
    session.__dict__["plugins"] = plugins
    _compare(session, "descents", backend, run, summary, 1, lambda: True)
    assert "A run to compare with was interrupted" in summary["warnings"][-1]


def test_the_other_processes_print_errors_only(capfd: pytest.CaptureFixture[str]) -> None:
    session = CommandSession()
    session.mute()
    session.warn("a warning")
    session.console.print("a result")
    assert capfd.readouterr() == ("", "")
    session.fail("The disk is full.")
    assert capfd.readouterr().err == "error: The disk is full.\n"


def test_sigterm_asks_for_a_clean_end_as_often_as_it_comes() -> None:
    asked: list[int] = []
    before = signal.getsignal(signal.SIGTERM)
    with postponing_termination() as terminated:
        with stoppable(lambda: asked.append(1)):
            for _ in range(2):
                os.kill(os.getpid(), signal.SIGTERM)
        assert asked == [1, 1]
        assert not terminated()
        os.kill(os.getpid(), signal.SIGTERM)  # such as while the record is being written
        assert terminated()
    assert signal.getsignal(signal.SIGTERM) is before
