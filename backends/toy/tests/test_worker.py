"""What runs in a worker: replicas, supersteps from candidates, and their time limit."""

from __future__ import annotations

import contextlib
import gc
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import pytest

from asc.speculators.pool import NoWorkersError
from asc.types import Transition
from asc_toy.ambient import ImpureError, Watch
from asc_toy.program import Program
from asc_toy.tracking.replica import Task
from asc_toy.workers import limits
from asc_toy.workers.limits import OverTimeError, run_limited
from asc_toy.workers.worker import Parcel, run_task

LIMIT_S = 0.02
DEADLINE_S = 60.0  # for a slow machine; no promise of the code


OnWorker = Callable[..., list[Transition]]


@pytest.fixture
def on_worker() -> Iterator[OnWorker]:
    """Run tasks in a thread of the test's own: a worker keeps its replica there."""
    with ThreadPoolExecutor(1) as pool:

        def run(parcel: Parcel, *lengths: int, seconds: float | None = None, **words: Any) -> list[Transition]:
            names = tuple(words) + tuple(name for name in parcel.program.state if name not in words)
            task = Task(0, lengths or (1,), names, words, {}, {}, frozenset())
            return pool.submit(lambda: list(run_task(parcel.key, task, seconds))).result(DEADLINE_S)

        yield run


@pytest.fixture
def impatient_threads() -> Iterator[None]:
    """Let threads take turns so often that a limit strikes anywhere."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def parcel_of(step: Callable[[Any], None], **state: Any) -> Parcel:
    return Parcel(Program("test", step, state, 1000), Watch([step], state.values()))


def lookup(state: Any) -> None:
    state.y = int(state.a[state.i])
    state.a[state.i] += 1


class TestReplica:
    def test_runs_from_the_candidate_s_words(self, on_worker: OnWorker) -> None:
        (found,) = on_worker(parcel_of(lookup, i=0, y=0, a=np.arange(5)), i=3, y=0)
        assert found.causal == {"i": 3}
        assert after(found)["y"] == 3

    def test_hands_over_each_part(self, on_worker: OnWorker) -> None:
        parts = on_worker(parcel_of(lookup, i=0, y=0, a=np.arange(5)), 1, 2, i=3, y=0)
        assert [(part.start, part.steps, after(part)["y"]) for part in parts] == [(0, 1, 3), (1, 2, 5)]

    def test_is_as_it_was_for_the_next_task(self, on_worker: OnWorker) -> None:
        parcel = parcel_of(lookup, i=0, y=0, a=np.arange(5))
        first, second = (on_worker(parcel, 2, i=3, y=0) for _ in range(2))
        assert after(first[0])["y"] == after(second[0])["y"] == 4

    def test_unknown_program_is_reported(self, on_worker: OnWorker) -> None:
        parcel = parcel_of(lookup, i=0, y=0, a=np.arange(5))
        parcel.key = "no such key"
        with pytest.raises(NoWorkersError, match="was started for another program and does not know this one"):
            on_worker(parcel, i=1)

    def test_a_program_is_forgotten_with_its_parcel(self) -> None:
        parcel = parcel_of(lookup, i=0, y=0, a=np.arange(5))
        known = weakref.ref(parcel)
        del parcel
        gc.collect()
        assert known() is None

    def test_one_program_after_another(self, on_worker: OnWorker) -> None:
        one, other = (parcel_of(lookup, i=0, y=0, a=np.arange(5) * factor) for factor in (1, 10))
        assert [after(on_worker(parcel, i=2, y=0)[0])["y"] for parcel in (one, other, one)] == [2, 20, 2]

    def test_wrong_candidate_raises_and_leaves_the_replica_usable(self, on_worker: OnWorker) -> None:
        parcel = parcel_of(lookup, i=0, y=0, a=np.arange(5))
        for wrong in (99, "x", 1.5):
            with pytest.raises((IndexError, TypeError)):
                on_worker(parcel, 3, i=wrong, y=0)
        assert after(on_worker(parcel, i=3, y=0)[0])["y"] == 3


def after(transition: Transition) -> dict[str, Any]:
    """Return the words that the effect leads to."""
    words: dict[str, Any] = {"i": 3, "y": 0, "a": np.arange(5)}
    transition.effect.apply(words)
    return words


COUNTER = 0


class TestImpureStep:
    def test_is_rejected_with_a_plain_phrase(self, on_worker: OnWorker) -> None:
        def step(state: Any) -> None:
            state.n += 1
            if state.n > 5:
                time.monotonic()

        parcel = parcel_of(step, n=0)
        with pytest.raises(ImpureError, match=r"^the step calls time.monotonic \(test_worker.py, line \d+\)$"):
            on_worker(parcel, n=5)
        assert on_worker(parcel, n=1)

    def test_that_changes_something_spoils_its_process(self, on_worker: OnWorker) -> None:
        """Whatever it would compute from now on, it might compute from what has changed."""

        def step(state: Any) -> None:
            global COUNTER  # noqa: PLW0603 -- that is the point
            state.n += 1
            if state.n > 5:
                COUNTER += 1

        parcel = parcel_of(step, n=0)
        assert on_worker(parcel, n=1)
        for n in (5, 1):
            with pytest.raises(NoWorkersError, match=r"^the step changes `COUNTER`, a global of `.*test_worker`"):
                on_worker(parcel, n=n)

    def test_that_leaves_python_is_bad_speculation(self, on_worker: OnWorker) -> None:
        def step(state: Any) -> None:
            raise SystemExit(state.n)

        with pytest.raises(SystemExit):
            on_worker(parcel_of(step, n=0), n=5)


def endless(state: Any) -> None:
    state.a[0] = 77
    while state.n:
        state.a[1] += 1


class TestLimitOnATask:
    def test_endless_step_is_given_up(self, on_worker: OnWorker) -> None:
        with pytest.raises(TimeoutError, match=r"4 steps from a predicted state did not end within 0.0 s"):
            on_worker(parcel_of(endless, n=1, a=np.zeros(2, int)), 1, 3, n=1, seconds=LIMIT_S)

    def test_the_limit_is_for_all_parts_together(self, on_worker: OnWorker) -> None:
        def step(state: Any) -> None:
            for _ in range(1000):
                state.n += 1

        with pytest.raises(TimeoutError):
            on_worker(parcel_of(step, n=1), *[1] * 10_000, n=1, seconds=LIMIT_S)

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # a strike into a callback
    @pytest.mark.usefixtures("impatient_threads")
    def test_replica_is_whole_wherever_the_limit_strikes(self, on_worker: OnWorker) -> None:
        """It may strike while arrays are being put back, and a dirty array must not pass for the initial one."""

        def step(state: Any) -> None:
            if state.look:
                state.y = int(state.a.sum())
            else:
                for number in range(state.n):
                    state.a[number % 9] = 77

        parcel, struck = parcel_of(step, look=False, n=0, y=0, a=np.zeros(9, int)), 0
        for number in range(60):
            try:
                on_worker(parcel, look=False, n=200 * number, y=1, seconds=1e-4)
            except TimeoutError:
                struck += 1
            (found,) = on_worker(parcel, look=True, n=0, y=1)
            words: dict[str, Any] = {"look": True, "n": 0, "y": 1, "a": np.zeros(9, int)}
            found.effect.apply(words)
            assert words["y"] == 0
        assert struck

    def test_step_that_swallows_everything_delivers_nothing(self, on_worker: OnWorker) -> None:
        """What it did after the limit had struck is not what it does."""

        def stubborn(state: Any) -> None:
            try:
                while True:
                    state.spins += 1
            except BaseException:  # noqa: BLE001 -- that is the point
                state.y = -1

        with pytest.raises(TimeoutError):
            on_worker(parcel_of(stubborn, spins=0, y=0), spins=0, y=0, seconds=LIMIT_S)

    def test_step_that_catches_exceptions_does_not_catch_the_limit(self, on_worker: OnWorker) -> None:
        def careful(state: Any) -> None:
            while True:
                try:
                    state.spins += 1
                except Exception:  # noqa: BLE001 -- that is the point
                    state.y = -1

        with pytest.raises(TimeoutError):
            on_worker(parcel_of(careful, spins=0, y=0), spins=0, y=0, seconds=LIMIT_S)


def spin(go_on: Callable[[], bool] = lambda: True) -> str:
    began = time.monotonic()
    while go_on():
        assert time.monotonic() - began < DEADLINE_S, "nothing interrupted the loop"
    return "done"


def spin_until(end: float) -> str:
    return spin(lambda: time.monotonic() < end)


def swallow() -> str:
    with contextlib.suppress(OverTimeError):
        spin()
    return "done"


class TestTimeLimit:
    def test_interrupts_an_endless_loop(self) -> None:
        with pytest.raises(OverTimeError, match=r"interrupted after 0.02 s"):
            run_limited(spin, LIMIT_S)

    def test_interrupts_an_endless_loop_in_a_thread(self) -> None:
        def work() -> str:
            try:
                return run_limited(spin, LIMIT_S)
            except OverTimeError:
                return "interrupted"

        with ThreadPoolExecutor(3) as pool:
            assert [pool.submit(work).result(DEADLINE_S) for _ in range(3)] == ["interrupted"] * 3

    def test_interrupts_only_its_own_thread(self) -> None:
        stop, seen = threading.Event(), []

        def bystander() -> None:
            try:
                seen.append(spin(lambda: not stop.is_set()))
            except BaseException as error:  # noqa: BLE001 -- the limit, or anything else
                seen.append(repr(error))

        other = threading.Thread(target=bystander)
        other.start()
        with pytest.raises(OverTimeError):
            run_limited(spin, LIMIT_S)
        stop.set()
        other.join(DEADLINE_S)
        assert seen == ["done"]

    @pytest.mark.usefixtures("impatient_threads")
    def test_does_not_fire_after_the_end(self) -> None:
        """Each call ends at about the moment at which the limit would strike. Nothing may strike later."""
        for number in range(150):
            end = time.monotonic() + 0.0012
            with contextlib.suppress(OverTimeError):
                run_limited(partial(spin_until, end), 0.001 + number * 4e-6)
            spin_until(time.monotonic() + 0.001)
        spin_until(time.monotonic() + 2 * LIMIT_S)

    def test_one_thread_watches_all_calls(self) -> None:
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda _: run_limited(int, DEADLINE_S), range(50)))
        assert [thread.name for thread in threading.enumerate()].count("asc-limit") == 1

    def test_what_the_code_returns_and_raises_passes(self) -> None:
        assert run_limited(lambda: 5, DEADLINE_S) == 5
        with pytest.raises(KeyError):
            run_limited(lambda: {}["mine"], DEADLINE_S)

    def test_where_the_system_has_no_thread_to_watch_there_can_be_no_workers(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def start(_: threading.Thread) -> None:
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(limits, "_watch", limits._Watch())
        monkeypatch.setattr(threading.Thread, "start", start)
        message = r"^a worker could not limit the time of its tasks \(can't start new thread\)$"
        with pytest.raises(NoWorkersError, match=message):
            run_limited(int, DEADLINE_S)

    def test_no_limit(self) -> None:
        assert run_limited(threading.active_count, None) == threading.active_count()

    def test_leaves_nothing_that_a_tracer_trips_over(self) -> None:
        """In a process of its own, since one that was left in that state could not even report it."""
        code = """
import sys
from asc_toy.workers.limits import OverTimeError, run_limited

def spin():
    while True:
        pass

for _ in range(3):
    try:
        run_limited(spin, 0.02)
    except OverTimeError:
        pass
sys.settrace(lambda *_: None)
(lambda: None)()
print("traced")
"""
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=DEADLINE_S
        )
        assert done.stdout.strip() == "traced", done.stderr

    def test_limits_nest(self) -> None:
        def inner() -> str:
            with pytest.raises(OverTimeError):
                run_limited(spin, LIMIT_S)
            return "outer goes on"

        assert run_limited(inner, DEADLINE_S) == "outer goes on"

    def test_code_that_swallows_it_gets_it_in_the_end(self) -> None:
        with pytest.raises(OverTimeError):
            run_limited(swallow, LIMIT_S)

    def test_strikes_again_where_it_was_swallowed(self) -> None:
        """A callback of the garbage collector does the same: its exceptions are dropped."""

        def stubborn() -> str:
            swallow()
            return spin()

        with pytest.raises(OverTimeError):
            run_limited(stubborn, LIMIT_S)
