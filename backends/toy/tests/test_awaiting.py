"""Steps that are coroutine functions."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from processes import DEADLINE_S

from asc.errors import AscError, StepError
from asc.types import Candidate, Transition
from asc_toy import accelerate
from asc_toy.ambient import ImpureError
from asc_toy.awaiting import awaited
from asc_toy.computation import ToyComputation
from asc_toy.own_loop import run_plain
from asc_toy.program import Program
from asc_toy.workers.elsewhere import pack
from asc_toy.workers.executors import pool_of
from asc_toy.workers.spawned import Spawned

PLAIN = {"executor": "none", "scheduler": {"memoise": False}}


async def double(number: int, seconds: float) -> int:
    await asyncio.sleep(seconds)
    return 2 * number


async def step(state: Any) -> None:
    first, second = await asyncio.gather(double(state.n, 0.002), double(state.x, 0.001))
    state.x = (first + second) % 1009
    state.n += 1


def program(of: Callable[[Any], Any] = step) -> Program:
    return Program("awaiting", of, {"n": 0, "x": 1}, 30)


def run(task: Callable[[], Any]) -> list[Transition]:
    return list(task())


@pytest.mark.parametrize("given", [("threads", 2, 1), ("processes", 1, 1), ("processes", 2, 2), ("afresh", 1, 1)])
def test_workers_run_them_as_the_plain_loop_does(given: tuple[Any, int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    kind, workers, threads = given
    if threads > 1:
        if sys.platform != "linux":
            pytest.skip("no copies of a process there")
        monkeypatch.setattr(
            "asc_toy.workers.executors.forks_safely", lambda: True
        )  # a test runner's thread has no lock
    computation = ToyComputation(program())
    parcel = computation.parcel
    pool = None if kind == "afresh" else pool_of(kind, workers, None, lambda: parcel, threads)
    executor = Spawned(1, pack(parcel)) if pool is None else pool.make()
    try:
        task = computation.task(Candidate(0, 0, dict(computation.words()), 0, "test"), (4, 26), DEADLINE_S)
        for part in executor.submit(run, task).result(DEADLINE_S):
            assert computation.agrees(part)
            computation.apply(part)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
    assert computation.digest() == run_plain(program())[1]


@pytest.mark.parametrize("config", [PLAIN, {"executor": "threads", "workers": 2}])
def test_a_run_ends_as_a_loop_that_awaits_each_step(config: Any) -> None:
    async def loop() -> dict[str, int]:
        state: Any = type("State", (), {"n": 0, "x": 1})()
        for _ in range(30):
            await step(state)
        return {"n": state.n, "x": state.x}

    assert accelerate(step, {"n": 0, "x": 1}, 30, config).state == asyncio.run(loop())


def test_an_object_whose_call_is_a_coroutine_is_a_step() -> None:
    class Step:
        async def __call__(self, state: Any) -> None:
            await asyncio.sleep(0)
            state.n += 1

    assert accelerate(Step(), {"n": 0}, 5, PLAIN).state == {"n": 5}


def test_what_it_raises_is_the_error_of_the_step() -> None:
    async def failing(state: Any) -> None:
        await asyncio.sleep(0)
        state.n += 1 if state.n < 3 else 1 // 0

    with pytest.raises(StepError, match="raised ZeroDivisionError at position 3") as caught:
        accelerate(failing, {"n": 0}, 9, PLAIN)
    assert caught.value.state == {"n": 3}


def test_a_value_that_it_returns_is_refused() -> None:
    async def returning(state: Any) -> int:
        return 1

    with pytest.raises(AscError, match="The step 'returning' returned an int"):
        accelerate(returning, {"n": 0}, 9, PLAIN)


def test_tasks_that_go_on_after_a_step_are_refused() -> None:
    async def careless(state: Any) -> None:
        state.task = None
        asyncio.get_running_loop().create_task(double(1, 600))

    with pytest.raises(AscError, match="The step 'careless' has started tasks that go on after its end"):
        accelerate(careless, {"n": 0}, 9, PLAIN)


def test_within_a_running_loop_a_sentence_says_how_to_call_it() -> None:
    async def main() -> dict[str, Any]:
        with pytest.raises(AscError, match=r"within a running event loop.*await asyncio.to_thread\(accelerate, step"):
            accelerate(step, {"n": 0, "x": 1}, 30, PLAIN)
        return (await asyncio.to_thread(accelerate, step, {"n": 0, "x": 1}, 30, PLAIN)).state

    assert asyncio.run(main())["n"] == 30


def test_a_condition_is_no_coroutine() -> None:
    async def over(state: Any) -> bool:
        return True

    with pytest.raises(AscError, match="The until 'over' is a coroutine function"):
        accelerate(step, {"n": 0, "x": 1}, until=over, config=PLAIN)  # type: ignore[arg-type]


async def timed_out(state: Any) -> None:
    async with asyncio.timeout(600):
        state.n += 1


async def by_the_clock(state: Any) -> None:
    state.x = asyncio.get_running_loop().time()


async def by_a_callback(state: Any) -> None:
    asyncio.get_running_loop().call_soon(lambda: len(os.listdir()))
    await asyncio.sleep(0)


async def with_a_socket(state: Any) -> None:
    with contextlib.suppress(OSError):
        await asyncio.open_connection("127.0.0.1", 1)


@pytest.mark.parametrize("kind", ["threads", "processes"])
@pytest.mark.parametrize("impure", [timed_out, by_the_clock, by_a_callback, with_a_socket])
def test_a_worker_stops_what_is_no_function_of_the_state(impure: Callable[[Any], Any], kind: Any) -> None:
    computation = ToyComputation(program(impure))
    executor = pool_of(kind, 1, None, lambda: computation.parcel).make()
    try:
        task = computation.task(Candidate(0, 0, dict(computation.words()), 0, "test"), (1,), DEADLINE_S)
        with pytest.raises(ImpureError):
            executor.submit(run, task).result(DEADLINE_S)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)


ENDLESS = """
import asyncio
from asc_toy.awaiting import awaited
from asc_toy.workers.limits import OverTimeError, run_limited
async def child():
    try:
        while True:
            await asyncio.sleep(0)
    finally:
        await asyncio.sleep(0)
async def endless(state):
    await asyncio.gather(child(), child())
async def short(state):
    await asyncio.sleep(0.001)
for _ in range(2):
    try:
        run_limited(lambda: awaited(endless)(None), 0.05)
    except OverTimeError as error:
        print(error)
    awaited(short)(None)
"""


def test_a_limit_ends_it_and_nothing_is_left_or_said() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ENDLESS], capture_output=True, text=True, check=False, timeout=DEADLINE_S
    )
    assert (done.stdout, done.stderr) == ("interrupted after 0.05 s\n" * 2, "")


def test_each_thread_has_one_loop_for_all_steps() -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def noting(state: Any) -> None:
        loops.append(asyncio.get_running_loop())

    for _ in range(3):
        awaited(noting)(None)
    assert len(set(loops)) == 1
