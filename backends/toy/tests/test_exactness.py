"""Commit, then check: draw an input, run accelerated, write the digest down, and only then run plainly."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from asc.errors import NonDeterministicStepError, StepError
from asc.plugins import load
from asc.run.run import Run
from asc_toy import accelerate
from asc_toy.backend import SpeculationConfig, ToyBackend, ToyConfig
from asc_toy.own_loop import run_plain
from asc_toy.program import Program
from asc_toy.programs import PROGRAMS, build

PREDICTORS = ["last-value", "mean", "linear", "quadratic", "polynomial", "logistic", "affine", "memory", "ensemble"]
SMALL = {"matrix-rows": 96, "list-ordered": 40, "list-shuffled": 40, "collatz-memo": 30, "collatz": 2400}
DRAW = random.Random(os.environ.get("ASC_SEED", "") or 20261)


def run(name: str, n: int, seed: int, **settings: Any) -> tuple[dict[str, Any], Run]:
    made = Run(ToyBackend(ToyConfig.model_validate({"program": name, "n": n, "seed": seed, **settings})), "toy", load())
    return made.execute(), made


@pytest.mark.parametrize("predictor", PREDICTORS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_with_every_predictor(name: str, predictor: str) -> None:
    """Several threads, and supersteps so short that many candidates are under way."""
    n, seed = SMALL.get(name, 300) + DRAW.randrange(20), DRAW.randrange(1000)
    workers, distance = DRAW.randint(1, 4), DRAW.choice([1, 2, 5, 16])
    settings: dict[str, Any] = {
        "executor": "threads",
        "workers": workers,
        "predictors": [predictor],
        "recognizer": {"name": "recurring", "distance": distance},
        "scheduler": {"overdraft": 10.0},
    }
    summary, _ = run(name, n, seed, **settings)
    assert summary["state"] == "finished"
    assert summary["final_digest"] == run_plain(build(name, n, seed))[1]


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_program_remembered_by_the_main_thread(name: str) -> None:
    n, seed = SMALL.get(name, 300), DRAW.randrange(1000)
    settings: dict[str, Any] = {"executor": "none", "recognizer": "always", "scheduler": {"overdraft": 10.0}}
    summary, _ = run(name, n, seed, **settings)
    assert summary["final_digest"] == run_plain(build(name, n, seed))[1]


@pytest.mark.parametrize("name", ["collatz-count", "lcg-pi", "matrix-rows", "lexer"])
def test_processes(name: str) -> None:
    n, seed = {"matrix-rows": 500, "collatz-count": 120_000}.get(name, 12_000), DRAW.randrange(1000)
    summary, _ = run(name, n, seed, workers=2)
    assert summary["final_digest"] == run_plain(build(name, n, seed))[1]


def test_what_is_predictable_is_leapt_over_by_processes() -> None:
    summary, _ = run("lcg-pi", 25_000, 7, predictors=["affine"], scheduler={"overdraft": 1.0})
    assert summary["accepted"] > 0
    assert summary["skipped"] > 1000
    assert summary["final_digest"] == run_plain(build("lcg-pi", 25_000, 7))[1]


def test_workers_killed_in_the_middle() -> None:
    """Again and again; the run goes on, with new workers or without any."""
    config = ToyConfig.model_validate({"program": "lcg-pi", "n": 40_000, "workers": 2, "scheduler": {"overdraft": 1.0}})
    made, over, killed = Run(ToyBackend(config), "toy", load()), threading.Event(), 0

    def kill() -> None:
        nonlocal killed
        while not over.wait(0.2):
            executor: Any = made.engine.speculator._workforce._executor  # type: ignore[attr-defined]
            copies = [worker.pid for worker in getattr(executor, "_workers", ())]
            for pid in copies or list(getattr(executor, "_processes", None) or ()):
                os.kill(pid, signal.SIGKILL)
                killed += 1

    killer = threading.Thread(target=kill, name="asc-killer")  # a thread of that name does not prevent a fork
    killer.start()
    try:
        summary = made.execute()
    finally:
        over.set()
        killer.join()
    assert killed
    assert summary["final_digest"] == run_plain(build("lcg-pi", 40_000, 0))[1]


def endless_below_one(state: Any) -> None:
    """From a predicted n below 1 this never ends."""
    x = state.n * 7
    while x != 1:
        x = 3 * x + 1 if x & 1 else x >> 1
    state.n = state.n % 97 + 1


def test_a_worker_whose_step_never_ends_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asc.speculators.executed.tasks._LEAST_LIMIT", 0.05)
    monkeypatch.setattr("asc.speculators.executed.tasks._PATIENCE", 2)
    config = {"executor": "threads", "workers": 2, "predictors": ["quadratic"], "scheduler": {"overdraft": 10.0}}
    program = Program("endless", endless_below_one, {"n": 1}, 4000)
    summary = Run(ToyBackend(SpeculationConfig.model_validate(config), program), "toy", load()).execute()
    assert summary["final_digest"] == run_plain(program)[1]


def test_a_local_dask_cluster() -> None:
    pytest.importorskip("distributed")
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster:
        settings: Mapping[str, Any] = {
            "executor": "dask",
            "dask": cluster.scheduler_address,
            "workers": 1,
            "predictors": ["affine"],
            "recognizer": {"name": "every", "steps": 250},
            "scheduler": {"overdraft": 10.0},
        }
        made = Run(ToyBackend(ToyConfig.model_validate({"program": "lcg-pi", "n": 60_000, **settings})), "toy", load())
        summary = made.execute()
    assert summary["accepted"] > 0, summary["reason"]
    assert summary["final_digest"] == run_plain(build("lcg-pi", 60_000, 0))[1]


class TestAccelerate:
    def test_result_and_report(self) -> None:
        def step(state: Any) -> None:
            state.add("total", state.n)
            state.n += 1

        initial = {"n": 0, "total": 0}
        result = accelerate(step, initial, 5000, {"executor": "threads"}, compare_plain=True)
        assert result.state == {"n": 5000, "total": 12_497_500}
        assert initial == {"n": 0, "total": 0}
        assert "net" in result.report
        assert result.summary["identical"] is True

    def test_error_of_a_step_names_its_position(self) -> None:
        def step(state: Any) -> None:
            state.x = 1 // (100 - state.n)
            state.n += 1

        with pytest.raises(StepError, match="ZeroDivisionError at position 100 of 1000") as caught:
            accelerate(step, {"n": 0, "x": 0}, 1000, {"executor": "none"})
        assert isinstance(caught.value.__cause__, ZeroDivisionError)

    def test_step_that_is_no_function_of_the_state_is_found(self) -> None:
        def step(state: Any) -> None:
            state.n = time.perf_counter_ns()

        with pytest.raises(NonDeterministicStepError, match=r"calls time.perf_counter_ns .*: read the clock"):
            accelerate(step, {"n": 0}, 1000, {"executor": "none"})


PRINTING = """
import sys
from asc_toy import accelerate

def step(s):
    if s.n % 7 == 3:
        print(*("at", s.n))
    s.n += 1

settings = {"executor": sys.argv[1], "recognizer": {"name": "every", "steps": 2}, "scheduler": {"overdraft": 10.0}}
accelerate(step, {"n": 0}, 700, settings)
"""


@pytest.mark.parametrize("executor", ["none", "threads", "processes"])
def test_what_a_step_prints_now_and_then_appears_once_and_in_order(executor: str) -> None:
    """With unpacked arguments, since some versions of Python bear no exception there."""
    done = subprocess.run([sys.executable, "-c", PRINTING, executor], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == [*(f"at {n}" for n in range(3, 700, 7)), ""]
