"""Workers that are copies of the process that uses them."""

from __future__ import annotations

import contextlib
import gc
import os
import pickle
import random
import re
import select
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from pathlib import Path
from typing import Any

import pytest
from processes import DEADLINE_S, alive, check_ends_with_its_main_process, wait_until

from asc_toy.workers import wire
from asc_toy.workers.forked import Forked, shares

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="no copies of a process there")


@contextlib.contextmanager
def forked(workers: int = 1, threads: int = 1) -> Iterator[Forked]:
    pool = Forked(workers, "key", threads)
    try:
        yield pool
    finally:
        pool.shutdown()


def made_here() -> Any:
    class Local:
        """No name leads to it."""

        def __eq__(self, other: object) -> bool:
            return type(other) is Local

        __hash__ = None  # type: ignore[assignment]

    return Local


LOCAL = made_here()


def is_local(value: object) -> tuple[bool, object]:
    return type(value) is LOCAL, value


class StubbornError(Exception):
    """Its pickle does not make it again."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def stubborn() -> None:
    raise StubbornError(1, 2)


def leave() -> None:
    raise SystemExit(3)


def hold() -> Callable[[], None]:
    return lambda: None


def spin() -> None:
    while True:
        pass


def speak() -> None:
    os.write(1, b"heard")
    os.write(2, b"heard")
    assert os.read(0, 1) == b""


class TestCalls:
    def test_a_call_returns_its_result(self) -> None:
        with forked() as pool:
            assert pool.submit(pow, 3, 4, mod=5).result(DEADLINE_S) == 1
            assert pool.submit(os.getpid).result(DEADLINE_S) != os.getpid()

    def test_more_calls_than_workers_wait_for_their_turn(self) -> None:
        with forked(2) as pool:
            futures = [pool.submit(abs, -number) for number in range(40)]
            assert [future.result(DEADLINE_S) for future in futures] == list(range(40))

    def test_a_call_that_has_not_begun_can_be_taken_back(self) -> None:
        with forked() as pool:
            first, second = pool.submit(time.sleep, DEADLINE_S), pool.submit(abs, -1)
            assert not first.cancel()
            assert second.cancel()

    def test_what_a_call_raises_comes_back(self) -> None:
        with forked() as pool:
            with pytest.raises(ValueError, match="invalid literal"):
                pool.submit(int, "no number").result(DEADLINE_S)
            assert isinstance(pool.submit(leave).exception(DEADLINE_S), SystemExit)
            assert pool.submit(abs, -1).result(DEADLINE_S) == 1

    def test_an_exception_that_cannot_be_made_again_comes_back_as_its_description(self) -> None:
        """Dask brings a library along that can make it again."""
        with forked() as pool:
            error = pool.submit(stubborn).exception(DEADLINE_S)
        assert isinstance(error, RuntimeError | StubbornError)
        assert re.search(r"1 and 2", str(error))

    def test_a_result_that_has_no_pickle_is_an_error_of_its_call(self) -> None:
        with forked() as pool:
            assert pool.submit(hold).exception(DEADLINE_S) is not None
            assert pool.submit(abs, -1).result(DEADLINE_S) == 1

    def test_a_call_that_has_no_pickle_is_an_error_of_its_own(self) -> None:
        with forked() as pool:
            error = pool.submit(abs, lambda: None).exception(DEADLINE_S)
            assert isinstance(error, AttributeError | pickle.PicklingError)
            assert pool.submit(abs, -1).result(DEADLINE_S) == 1

    def test_a_class_that_cannot_be_imported_is_the_same_class_on_both_sides(self) -> None:
        with forked() as pool:
            same, back = pool.submit(is_local, LOCAL()).result(DEADLINE_S)
        assert same
        assert type(back) is LOCAL

    def test_large_values_pass(self) -> None:
        with forked() as pool:
            assert pool.submit(bytes.upper, b"a" * 3_000_000).result(DEADLINE_S) == b"A" * 3_000_000


COUNTER = [0]


def counter() -> int:
    return COUNTER[0]


class TestCopy:
    def test_it_has_what_was_set_at_run_time(self) -> None:
        COUNTER[0] = 7
        with forked() as pool:
            COUNTER[0] = 8
            assert pool.submit(counter).result(DEADLINE_S) == 7

    def test_it_has_the_state_of_the_random_module(self) -> None:
        state = random.getstate()
        with forked() as pool:
            assert pool.submit(random.getstate).result(DEADLINE_S) == state
        assert random.getstate() == state

    def test_it_reads_and_shows_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        with forked() as pool:
            pool.submit(speak).result(DEADLINE_S)
        assert capfd.readouterr() == ("", "")

    def test_it_never_ends_what_the_main_process_has_lost(self, tmp_path: Path) -> None:
        class Knot:
            def __init__(self) -> None:
                self.self = self

            def __del__(self) -> None:
                tmp_path.joinpath(str(os.getpid())).touch()

        gc.disable()
        try:
            Knot()
            with forked() as pool:
                pool.submit(gc.collect).result(DEADLINE_S)
        finally:
            gc.enable()
        gc.collect()
        assert [path.name for path in tmp_path.iterdir()] == [str(os.getpid())]

    def test_making_it_warns_of_nothing_and_leaves_the_filters_as_they_were(self) -> None:
        stop = threading.Event()
        other = threading.Thread(target=stop.wait)
        other.start()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                before = list(warnings.filters)
                with forked() as pool:
                    assert warnings.filters == before
                    assert pool.submit(filters).result(DEADLINE_S) == len(before)
        finally:
            stop.set()
            other.join()


def filters() -> int:
    return len(warnings.filters)


MEETING = threading.Barrier(3)


def meet(number: int) -> tuple[int, int]:
    MEETING.wait(DEADLINE_S)
    return number, os.getpid()


class TestThreads:
    """Processes that run several calls at once."""

    def test_the_calls_of_one_process_run_at_the_same_time(self) -> None:
        with forked(6, 3) as pool:
            results = [future.result(DEADLINE_S) for future in [pool.submit(meet, number) for number in range(6)]]
        assert [number for number, _ in results] == list(range(6))
        assert len({pid for _, pid in results}) == 2

    def test_more_calls_than_threads_wait_for_their_turn(self) -> None:
        with forked(5, 3) as pool:
            futures = [pool.submit(abs, -number) for number in range(200)]
            assert [future.result(DEADLINE_S) for future in futures] == list(range(200))

    def test_each_call_has_its_own_answer(self) -> None:
        with forked(4, 4) as pool:
            large, lost, other = pool.submit(bytes, 300_000), pool.submit(leave), pool.submit(is_local, LOCAL())
            assert len(large.result(DEADLINE_S)) == 300_000
            assert isinstance(lost.exception(DEADLINE_S), SystemExit)
            assert other.result(DEADLINE_S)[0]
            assert pool.submit(hold).exception(DEADLINE_S) is not None

    def test_a_shutdown_ends_threads_that_are_stuck(self) -> None:
        with forked(3, 3) as pool:
            pid = pool.submit(os.getpid).result(DEADLINE_S)
            stuck = [pool.submit(spin), pool.submit(time.sleep, 1e6)]
        assert not alive(pid)
        for lost in stuck:
            with pytest.raises(RuntimeError, match="the workers were let go"):
                lost.result(DEADLINE_S)

    def test_a_process_that_dies_breaks_the_pool_with_all_calls(self) -> None:
        with forked(4, 2) as pool:
            lost = [pool.submit(time.sleep, 1e6), pool.submit(os._exit, 0)]
            for call in lost:
                with pytest.raises(BrokenExecutor, match="a worker process has ended"):
                    call.result(DEADLINE_S)

    @pytest.mark.parametrize(
        ("workers", "threads", "expected"),
        [(1024, 256, [256] * 4), (1000, 256, [250] * 4), (5, 3, [3, 2]), (2, 9, [2]), (3, 1, [1] * 3), (0, 4, [])],
    )
    def test_processes_are_few_and_of_one_size(self, workers: int, threads: int, expected: list[int]) -> None:
        assert shares(workers, threads) == expected


class TestSignals:
    def test_it_leaves_ctrl_c_to_the_main_process(self) -> None:
        with forked() as pool:
            pid = pool.submit(os.getpid).result(DEADLINE_S)
            os.kill(pid, signal.SIGINT)
            assert pool.submit(os.getpid).result(DEADLINE_S) == pid

    def test_the_main_process_s_handlers_are_its_own(self) -> None:
        heard: list[int] = []
        before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
        try:
            with forked() as pool:
                pid = pool.submit(os.getpid).result(DEADLINE_S)
                os.kill(pid, signal.SIGTERM)
                wait_until(lambda: not alive(pid), "the worker has outlived SIGTERM")
        finally:
            signal.signal(signal.SIGTERM, before)
        assert heard == []

    def test_the_main_process_hears_what_it_heard_before(self) -> None:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
        with forked():
            assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before


class TestEnds:
    def test_shutdown_ends_workers_that_are_stuck(self) -> None:
        with forked() as pool:
            pid = pool.submit(os.getpid).result(DEADLINE_S)
            stuck, waiting = pool.submit(spin), pool.submit(abs, -1)
        assert not alive(pid)
        for lost in (stuck, waiting):
            with pytest.raises(RuntimeError, match="the workers were let go"):
                lost.result(DEADLINE_S)
        with pytest.raises(RuntimeError, match="the workers were let go"):
            pool.submit(abs, -1)

    def test_a_worker_that_dies_breaks_the_pool_and_ends_the_others(self) -> None:
        with forked(2) as pool:
            pids = {pool.submit(os.getpid).result(DEADLINE_S) for _ in range(2)}
            lost = pool.submit(os._exit, 0)
            with pytest.raises(BrokenExecutor, match="a worker process has ended, by itself or by a signal"):
                lost.result(DEADLINE_S)
            with pytest.raises(BrokenExecutor):
                pool.submit(abs, -1)
            wait_until(lambda: not any(map(alive, pids)), "a worker goes on")

    @pytest.mark.parametrize("stuck", ["while it waits", "in an answer"])
    def test_a_worker_that_is_stopped_does_not_stop_the_main_process(
        self, stuck: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A message that is larger than what a socket takes waits for its reader."""
        monkeypatch.setattr(wire, "_STILL_S", 0.05)
        large = 30_000_000
        with forked() as pool:
            pid = pool.submit(os.getpid).result(DEADLINE_S)
            if stuck == "while it waits":
                os.kill(pid, signal.SIGSTOP)
                lost = pool.submit(len, bytes(large))
            else:
                lost = pool.submit(bytes, large)
                select.select([pool._workers[0].wire], [], [])  # the answer has begun
                os.kill(pid, signal.SIGSTOP)
            with pytest.raises(BrokenExecutor, match=r"a worker process (has ended|is stuck)"):
                lost.result(DEADLINE_S)
        assert not alive(pid)

    def test_no_process_is_left_unreaped(self) -> None:
        with forked(3) as pool:
            pids = [worker.pid for worker in pool._workers]
        for pid in pids:
            with pytest.raises(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)

    def test_where_a_fork_fails_the_copies_before_it_end(self, monkeypatch: pytest.MonkeyPatch) -> None:
        fork, made = os.fork, list[int]()

        def few() -> int:
            if made:
                raise BlockingIOError("no more processes")
            child = fork()
            made.append(child)
            return child

        monkeypatch.setattr(os, "fork", few)
        with pytest.raises(BlockingIOError, match="no more processes"):
            Forked(2, "key")
        assert not alive(made[0])


ORPHANS = """
import os, time
from asc_toy.workers.forked import Forked, shares
pool = Forked(1, "key")
print(pool.submit(os.getpid).result(), flush=True)
def spin():
    while True:
        pass
pool.submit(time.sleep, 600)
time.sleep(600)
"""


def test_workers_end_with_a_main_process_that_is_killed() -> None:
    check_ends_with_its_main_process(ORPHANS)


SAFE = """
import _thread, sys, threading, time
from asc_toy.workers.forked import forks_safely
def elsewhere(): print(forks_safely())
def idle(): threading.Event().wait()
print(forks_safely())
threading.Thread(target=idle, name="asc-workforce", daemon=True).start()
print(forks_safely())
thread = threading.Thread(target=elsewhere); thread.start(); thread.join()
from rich.live import Live
from rich.console import Console
import io
with Live("live", console=Console(file=io.StringIO())):
    print(forks_safely())
if sys.argv[1:]: threading.Thread(target=idle, daemon=True).start()
else: _thread.start_new_thread(idle, ()); time.sleep(0.1)
print(forks_safely())
"""


@pytest.mark.parametrize("kind", [[], ["by threading"]])
def test_a_process_with_other_threads_is_not_copied(kind: list[str]) -> None:
    """Those of asc itself, and of a live display, do no harm."""
    done = subprocess.run([sys.executable, "-c", SAFE, *kind], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "False", "True", "False"]
