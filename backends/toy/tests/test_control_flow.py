"""How a call of `accelerate` ends: by its count, its condition, an error of the step, Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asc.errors import StepError
from asc.plugins.registry import Registry
from asc.recognizers.recurring import Recurring
from asc.run.run import Run
from asc_toy import Interrupted, accelerate, api
from asc_toy.computation import ToyComputation

EXECUTORS = ("none", "threads", "processes")
UNTRACKED = {"executor": "none", "scheduler": {"memoise": False}}
"""Every step but the first is run once, so a step can send a signal without sending it twice."""
HANG_S = 100.0  # for a slow machine; no promise of the code


pytestmark = pytest.mark.usefixtures("heard")


def step(state: Any) -> None:
    x = state.n
    for _ in range(200):
        x = (1_103_515_245 * x + 12_345) % 2**31
    state.add("total", x)
    state.n += 1


def loop(steps: int) -> dict[str, int]:
    """The same by hand."""
    total = 0
    for n in range(steps):
        x = n
        for _ in range(200):
            x = (1_103_515_245 * x + 12_345) % 2**31
        total += x
    return {"n": steps, "total": total}


def send_at(position: int, number: int = signal.SIGINT) -> Callable[[Any], None]:
    """A step that sends this process a signal, as Ctrl-C does."""

    def sending(state: Any) -> None:
        state.n += 1
        if state.n == position:
            signal.raise_signal(number)

    return sending


class TestUntil:
    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_the_condition_is_asked_before_each_step(self, executor: str) -> None:
        result = accelerate(
            step, {"n": 0, "total": 0}, until=lambda state: state.n >= 3_001, config={"executor": executor}
        )
        assert result.state == loop(3_001)
        assert result.summary["state"] == "finished"
        assert (result.summary["position"], result.summary["total"]) == (3_001, None)

    def test_a_condition_that_holds_at_the_start_leaves_no_step(self) -> None:
        assert accelerate(step, {"n": 5, "total": 0}, until=lambda state: True).state == {"n": 5, "total": 0}
        assert accelerate(step, {"n": 5, "total": 0}, 9, until=lambda state: state.n == 5).state == {"n": 5, "total": 0}

    @pytest.mark.parametrize(("steps", "end"), [(700, 700), (701, 701), (5_000, 1_234), (None, 1_234)])
    def test_with_a_count_as_well_the_first_of_the_two_ends_the_run(self, steps: int | None, end: int) -> None:
        result = accelerate(step, {"n": 0, "total": 0}, steps, {"executor": "threads"}, until=lambda s: s.n == 1_234)
        assert result.state == loop(end)
        assert result.summary["position"] == end

    def test_any_true_value_ends_the_run(self) -> None:
        def shrinking(state: Any) -> None:
            state.left = state.left // 2

        found = accelerate(shrinking, {"left": 10**9, "done": ""}, until=lambda s: "" if s.left else "done").state
        assert found == {"left": 0, "done": ""}

    def test_the_condition_may_read_arrays(self) -> None:
        def halving(state: Any) -> None:
            state.x *= 0.5
            state.n += 1

        until = lambda state: np.abs(state.x).max() < 1e-3  # noqa: E731
        result = accelerate(halving, {"x": np.array([1.0, -8.0]), "n": 0}, until=until)
        assert result.state["n"] == 13
        assert result.state["x"].tolist() == [2.0**-13, -(2.0**-10)]

    def test_the_plain_run_ends_by_the_same_condition(self) -> None:
        until = lambda state: state.total > 10**12  # noqa: E731
        summary = accelerate(step, {"n": 0, "total": 0}, until=until, compare_plain=True).summary
        assert summary["identical"] is True
        assert summary["state"] == "finished"

    def test_the_report_of_a_run_without_count_is_a_line(self, tmp_path: Path) -> None:
        until = lambda state: state.n >= 2_000  # noqa: E731
        folder = tmp_path / "run"
        result = accelerate(step, {"n": 0, "total": 0}, until=until, folder=folder)
        assert "\n" not in result.report
        assert "of None" not in (folder / "report.html").read_text()


class TestErrorOfAStep:
    @pytest.mark.parametrize("executor", EXECUTORS)
    def test_it_has_the_position_and_the_last_good_state(self, executor: str) -> None:
        def failing(state: Any) -> None:
            state.half = state.n / 2
            state.n += 1
            if state.n == 501:
                raise LookupError("not that one")

        with pytest.raises(StepError, match="'failing' raised LookupError at position 500 of 1000") as caught:
            accelerate(failing, {"n": 0, "half": 0.0}, 1_000, {"executor": executor})
        assert caught.value.position == 500
        assert caught.value.state in ({"n": 500, "half": 249.5}, None)
        assert isinstance(caught.value.__cause__, LookupError)

    def test_the_last_good_state_of_words_is_kept(self) -> None:
        def failing(state: Any) -> None:
            state.n += 1
            1 // (3 - state.n)

        with pytest.raises(StepError, match="ZeroDivisionError at position 2") as caught:
            accelerate(failing, {"n": 0}, 10, UNTRACKED)
        assert (caught.value.position, caught.value.state) == (2, {"n": 2})

    def test_it_can_be_pickled(self) -> None:
        error = StepError("it raised", position=7, state={"n": 7})
        again = pickle.loads(pickle.dumps(error))
        assert (str(again), again.position, again.state) == ("it raised", 7, {"n": 7})
        assert (StepError("x").position, StepError("x").state) == (None, None)

    @pytest.mark.parametrize("leaving", [SystemExit(3), KeyboardInterrupt()])
    def test_what_a_step_raises_to_end_the_program_ends_it(self, leaving: BaseException) -> None:
        def final(state: Any) -> None:
            state.n += 1
            if state.n == 300:
                raise leaving

        with pytest.raises(type(leaving)):
            accelerate(final, {"n": 0}, 1_000, {"executor": "threads"})


class TestInterrupted:
    def test_ctrl_c_raises_keyboard_interrupt_with_the_result_so_far(self) -> None:
        before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt) as caught:
            accelerate(send_at(12_345), {"n": 0}, 1_000_000, UNTRACKED)
        assert isinstance(caught.value, Interrupted)
        result = caught.value.result
        position = result.summary["position"]
        assert 12_345 <= position < 1_000_000
        assert result.state == {"n": position}
        assert result.summary["state"] == "interrupted"
        expected = f"Interrupted at step {position:,} of 1,000,000; the state so far is in error.result."
        assert str(caught.value) == expected
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before

    def test_sigterm_does_the_same(self) -> None:
        with pytest.raises(
            Interrupted, match=r"Interrupted at step [\d,]+; the state so far is in error\.result\."
        ) as caught:
            accelerate(send_at(500, signal.SIGTERM), {"n": 0}, until=lambda state: state.n > 10**9, config=UNTRACKED)
        assert caught.value.result.state["n"] == caught.value.result.summary["position"]

    def test_a_second_ctrl_c_is_immediate(self) -> None:
        def stuck(state: Any) -> None:
            state.n += 1
            while state.n == 500:
                signal.raise_signal(signal.SIGINT)

        with pytest.raises(KeyboardInterrupt) as caught:
            accelerate(stuck, {"n": 0}, 1_000_000, UNTRACKED)
        assert type(caught.value) is KeyboardInterrupt

    def test_ctrl_c_in_the_last_step_is_not_lost(self) -> None:
        with pytest.raises(Interrupted, match="after the last step, 500; the finished result") as caught:
            accelerate(send_at(500), {"n": 0}, 500, UNTRACKED, compare_plain=True)
        assert caught.value.result.state == {"n": 500}
        assert caught.value.result.summary["state"] == "finished"
        assert caught.value.result.summary["net_speedup"] is None

    @pytest.mark.parametrize("times", [1, 2])
    def test_ctrl_c_during_the_plain_run_keeps_the_result(self, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
        class Stopped(Run):
            def _run_plain(self) -> None:
                for _ in range(times):
                    signal.raise_signal(signal.SIGINT)
                super()._run_plain()

        monkeypatch.setattr(api, "Run", Stopped)
        with pytest.raises(Interrupted) as caught:
            accelerate(step, {"n": 0, "total": 0}, 400, UNTRACKED, compare_plain=True)
        result = caught.value.result
        assert result.state == loop(400)
        assert result.summary["state"] == "finished"
        assert "A run to compare with was interrupted" in result.summary["warnings"][-1]

    def test_an_ignored_signal_stays_ignored(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            assert accelerate(send_at(500), {"n": 0}, 1_000, UNTRACKED).state == {"n": 1_000}
            assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
        finally:
            signal.signal(signal.SIGINT, before)

    def test_in_another_thread_no_handler_is_installed(self) -> None:
        results: list[Any] = []
        before = signal.getsignal(signal.SIGINT)
        thread = threading.Thread(target=lambda: results.append(accelerate(step, {"n": 0, "total": 0}, 3_000)))
        thread.start()
        while thread.is_alive():
            assert signal.getsignal(signal.SIGINT) is before
            thread.join(0.001)
        assert results[0].state == loop(3_000)

    def test_it_can_be_pickled(self) -> None:
        with pytest.raises(Interrupted) as caught:
            accelerate(send_at(500), {"n": 0}, 10_000, UNTRACKED)
        again = pickle.loads(pickle.dumps(caught.value))
        assert (str(again), again.result.state) == (str(caught.value), caught.value.result.state)


SCRIPT = """
import json, sys
from asc_toy import Interrupted, accelerate

def step(state):
    x = state.n
    for _ in range(2_000):
        x = (1_103_515_245 * x + 12_345) % 2**31
    state.add("total", x)
    state.n += 1
    if state.n == 2_000:
        print("running", flush=True)

if __name__ == "__main__":
    try:
        accelerate(step, {"n": 0, "total": 0}, 10**9, {"executor": sys.argv[1], "workers": 2})
    except Interrupted as stop:
        print(json.dumps([stop.result.state["n"], stop.result.summary["position"], str(stop)]))
        sys.exit(7)
"""


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a script in a process group of its own, as a terminal does; what still runs at the end is killed."""
    every: list[subprocess.Popen[str]] = []

    def begin(source: str, *arguments: str) -> subprocess.Popen[str]:
        script = tmp_path / "mine.py"
        script.write_text(source)
        command = [sys.executable, "-W", "error", str(script), *arguments]
        every.append(
            subprocess.Popen(
                command,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return every[-1]

    yield begin
    for process in every:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def group(leader: int) -> list[int]:
    """Processes of the group that still run."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, number = stat.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(number) == leader and state != "Z":
            found.append(int(stat.parent.name))
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="groups of processes are read from /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_script_is_stopped_from_a_terminal_and_leaves_no_process(
    start: Callable[..., subprocess.Popen[str]], executor: str, number: signal.Signals
) -> None:
    """A terminal sends Ctrl-C to the whole group; SIGTERM is sent to one process."""
    process = start(SCRIPT, executor)
    assert process.stdout is not None
    assert process.stdout.readline() == "running\n"
    if number is signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        process.send_signal(number)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, err) == (7, "")
    reached, position, sentence = json.loads(out.splitlines()[-1])
    assert reached == position
    assert f"Interrupted at step {position:,} of 1,000,000,000" in sentence
    deadline = time.monotonic() + HANG_S
    while group(process.pid):
        assert time.monotonic() < deadline, "a process was left"
        time.sleep(0.01)


class BellError(TimeoutError):
    """What a user's alarm raises: an OSError too, and asc catches both in many places."""


WHERE = {
    "in a step": (ToyComputation, "advance"),
    "while components are made": (Registry, "create"),
    "in a recognizer": (Recurring, "recognise"),
    "in a checkpoint": (api.ToyBackend, "save"),
    "while the run is described": (api.Run, "summary"),
}


@pytest.mark.parametrize(("owner", "method"), WHERE.values(), ids=WHERE)
def test_what_an_alarm_of_the_user_raises_reaches_the_user(
    owner: type, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner, rung = getattr(owner, method), list[int]()

    def ringing(*arguments: Any, **named: Any) -> Any:
        if not rung:
            rung.append(1)
            signal.raise_signal(signal.SIGALRM)
        return inner(*arguments, **named)

    def ring(*_: object) -> None:
        raise BellError("time is up")

    monkeypatch.setattr(owner, method, ringing)
    before = signal.signal(signal.SIGALRM, ring)
    try:
        with pytest.raises(BellError, match="time is up"):
            accelerate(step, {"n": 0, "total": 0}, 400, UNTRACKED, folder=tmp_path / "run")
        assert signal.getsignal(signal.SIGALRM) is ring
    finally:
        signal.signal(signal.SIGALRM, before)
    assert rung


def test_an_alarm_that_a_step_handles_itself_ends_nothing() -> None:
    def patient(state: Any) -> None:
        state.n += 1
        if state.n == 300:
            before = signal.signal(signal.SIGALRM, ring)
            with contextlib.suppress(BellError):
                signal.raise_signal(signal.SIGALRM)
            signal.signal(signal.SIGALRM, before)

    def ring(*_: object) -> None:
        raise BellError("time is up")

    assert accelerate(patient, {"n": 0}, 400, UNTRACKED).state == {"n": 400}
