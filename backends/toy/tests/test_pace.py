"""A rate: no more steps are begun a second, whoever takes them."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from asc.errors import AscError
from asc.speculators.pool import NoWorkersError
from asc_toy import SpeculationConfig, accelerate, query
from asc_toy.ambient import Watch
from asc_toy.backend import ToyBackend
from asc_toy.pace import Pace
from asc_toy.program import Program
from asc_toy.workers.executors import pool_of
from asc_toy.workers.worker import Parcel


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 5.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.mark.parametrize(
    ("given", "rate"), [("50/s", 50), ("90/min", 1.5), (" 7.2/h ", 0.002), ("3", 3), (4, 4), (0.5, 0.5), (None, None)]
)
def test_a_rate_is_a_number_a_second_or_a_text_with_a_unit(given: Any, rate: float | None) -> None:
    assert SpeculationConfig(rate=given, executor="threads").rate == rate


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"rate": "fast"}, '"fast" is no rate: give steps a second, such as 50 or 50/s, or 50/min'),
        ({"rate": "50/day"}, '"50/day" is no rate'),
        ({"rate": "-5/s"}, '"-5/s" is no rate'),
        ({"rate": "0/s"}, "a rate is above 0 and finite"),
        ({"rate": -3}, "a rate is above 0 and finite"),
        ({"rate": True}, "that is no rate: give steps a second"),
        ({"rate": float("nan")}, "a rate is above 0 and finite"),
        ({"rate": [1]}, "expected a number or text"),
        ({"rate": 5}, 'the executor is "processes": choose the executor "threads"'),
        ({"rate": 5, "executor": "dask"}, 'the executor is "dask": choose the executor "threads"'),
    ],
)
def test_anything_else_is_refused_with_what_to_give(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AscError, match=re.escape(sentence)):
        accelerate(square, {"n": 0, "total": 0}, 3, config)


def test_the_command_takes_a_rate(tmp_path: Path) -> None:
    command = [str(Path(sys.executable).with_name("asc")), "run", "toy", "--program", "lcg-pi", "--n", "9"]
    options = ["--rate", "900000/min", "--executor", "threads", "--out", str(tmp_path)]
    found = subprocess.run([*command, *options], capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr
    [recorded] = tmp_path.glob("*/config.json")
    assert '"rate": 15000.0' in recorded.read_text(encoding="utf-8")


def test_a_rate_needs_no_threads_where_there_are_no_workers() -> None:
    assert accelerate(square, {"n": 0, "total": 0}, 3, {"rate": 1000, "workers": 0}).state == {"n": 3, "total": 5}


def test_steps_begin_at_even_intervals() -> None:
    clock = Clock()
    pace, begun = Pace(4, clock, clock.sleep), []
    for busy in (0, 0, 0.125, 0.5, 0):
        clock.sleep(busy)
        pace.wait()
        begun.append(clock.now - 5)
    assert begun == [0, 0.25, 0.5, 1.0, 1.25]  # a late step is not made up for


def test_the_main_thread_stands_in_no_line() -> None:
    pace, done = Pace(1000), threading.Event()

    def work() -> None:
        pace.wait()
        done.set()

    pace.wait()
    with pace._line:
        worker = threading.Thread(target=work)
        worker.start()
        pace.wait()
        assert not done.is_set()
    worker.join()


def square(state: Any) -> None:
    state.add("total", square_of(state.n))
    state.n += 1


calls: list[int] = []


@query
def square_of(n: int) -> int:
    calls.append(n)
    time.sleep(0.002)
    return n * n


@pytest.mark.parametrize("executor", ["none", "threads"])
def test_every_execution_of_a_step_waits_for_its_turn(executor: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Plain or tracked, observed or repeated, in the speculative run and in the plain one."""
    paces: list[Pace] = []

    def made(rate: float) -> Pace:
        paces.append(Pace(rate))
        return paces[-1]

    monkeypatch.setattr("asc_toy.backend.Pace", made)
    calls.clear()
    began = time.monotonic()
    config = {"executor": executor, "workers": 8, "rate": 300}
    result = accelerate(square, {"n": 0, "total": 0}, 60, config, compare_plain=True)
    seconds, executed = time.monotonic() - began, len(calls)
    assert result.state == {"n": 60, "total": sum(n * n for n in range(60))}
    [pace] = paces  # of both runs
    assert 120 <= executed <= pace._begun  # a worker may have begun one more
    assert seconds >= (executed - 1) / 300


def test_a_rate_that_the_plain_steps_reach_needs_no_workers() -> None:
    clock = Clock()
    program = Program("p", square, {"n": 0, "total": 0}, 9, pace=Pace(4, clock, clock.sleep))
    assert program.pace is not None
    for _ in range(3):
        program.pace.wait()
    pool = pool_of("threads", 2, None, lambda: Parcel(program, Watch([square])))
    with pytest.raises(NoWorkersError, match="the main thread's own steps reach the rate"):
        pool.make()


def test_a_rate_above_that_of_plain_steps_needs_workers() -> None:
    clock = Clock()
    pace = Pace(4, clock, clock.sleep)
    for _ in range(3):
        clock.sleep(1)
        pace.wait()
    assert not pace.is_reached


def test_the_pool_knows_the_rate() -> None:
    config = SpeculationConfig(rate="60/min", executor="threads", workers=2)
    backend = ToyBackend(config, Program("p", square, {"n": 0, "total": 0}, 9))
    assert backend.pool(backend.computation(plain=False)).rate == 1
