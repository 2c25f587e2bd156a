"""`state.once()`: a stretch of a step that only the main thread does, one time."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest
from ways import by_worker, computation

from asc.errors import AscError, NonDeterministicStepError, StepError
from asc.speculators.executed.delivery import deliver
from asc.types import Candidate
from asc_toy import accelerate, query
from asc_toy.ambient import ImpureError
from asc_toy.state import State

STEPS, EVERY = 60, 7


@query
def slow(n: int) -> int:
    time.sleep(0.004)
    return n * n


def paying(state: Any) -> None:
    state.add("total", slow(state.n))
    state.n += 1
    if state.n % EVERY == 3:
        with state.once(), open(state.path, "a", encoding="utf-8") as book:
            book.write(f"{state.n}\n")


def start(tmp_path: Path) -> dict[str, Any]:
    return {"n": 0, "total": 0, "path": str(tmp_path / "book.txt")}


def booked(tmp_path: Path) -> list[int]:
    return [int(line) for line in (tmp_path / "book.txt").read_text(encoding="utf-8").split()]


@pytest.mark.parametrize(
    "config",
    [{"executor": "none"}, {"executor": "threads", "workers": 8}, {"executor": "processes", "workers": 2}],
    ids=["none", "threads", "processes"],
)
def test_a_stretch_happens_once_in_order(config: Any, tmp_path: Path) -> None:
    result = accelerate(paying, start(tmp_path), STEPS, config)
    assert result.state["total"] == sum(n * n for n in range(STEPS))
    assert booked(tmp_path) == [n for n in range(1, STEPS + 1) if n % EVERY == 3]


def test_a_worker_delivers_what_lies_before_the_stretch(tmp_path: Path) -> None:
    found = computation(paying, start(tmp_path))
    delivery = deliver(found.task(Candidate(0, 0, found.observe().state, 0, "test"), (1, 1, 1), None))
    assert [part.steps for part in delivery.parts] == [1, 1]
    assert delivery.error == "the step reaches a stretch that only the main thread may do, `state.once()`"
    assert not (tmp_path / "book.txt").exists()


def test_a_recorded_superstep_stops_before_it_and_the_plain_steps_do_it(tmp_path: Path) -> None:
    found = computation(paying, start(tmp_path))
    assert found.advance(4, record=True).recorded is None
    assert booked(tmp_path) == [3]
    assert found.result()["n"] == 4


def catching(state: Any) -> None:
    try:
        with state.once():
            state.n += 1
    except BaseException:  # noqa: BLE001 -- that is the point
        state.n += 2


def test_a_step_that_catches_everything_is_no_transition() -> None:
    with pytest.raises(ImpureError, match="only the main thread"):
        by_worker(computation(catching, {"n": 0}))
    assert accelerate(catching, {"n": 0}, 40, {"executor": "threads", "workers": 2}).state == {"n": 40}


def test_the_first_step_may_do_anything_there(tmp_path: Path) -> None:
    def step(state: Any) -> None:
        state.n += 1
        with state.once():
            state.at = time.time()
            (tmp_path / str(state.n)).write_text("once")
            subprocess.run(["true"], check=True)

    assert accelerate(step, {"n": 0, "at": 0.0}, 3, {"executor": "threads", "workers": 2}).state["n"] == 3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["1", "2", "3"]


def test_what_comes_after_it_is_observed() -> None:
    def step(state: Any) -> None:
        with state.once():
            pass
        state.at = time.time()

    with pytest.raises(NonDeterministicStepError, match=r"calls time\.time"):
        accelerate(step, {"at": 0.0}, 3, {"executor": "none"})


def test_the_error_of_a_step_repeats_no_stretch(tmp_path: Path) -> None:
    """For the state before it, the steps since the latest copy are taken again, unless one of them has a stretch."""

    def step(state: Any) -> None:
        if state.n == 5:
            raise ValueError("five")
        paying(state)

    found = computation(step, start(tmp_path))
    with pytest.raises(StepError) as caught:
        found.advance(9)
    assert caught.value.position == 5
    assert caught.value.state is None
    assert booked(tmp_path) == [3]


def test_a_run_with_a_stretch_is_not_compared_with_another_one(tmp_path: Path) -> None:
    result = accelerate(paying, start(tmp_path), STEPS, {"executor": "none"}, compare_plain=True)
    assert result.summary["net_speedup"] is None
    assert any("do once (state.once)" in warning for warning in result.summary["warnings"])
    assert booked(tmp_path) == [n for n in range(1, STEPS + 1) if n % EVERY == 3]


def test_a_run_that_comes_to_no_stretch_is_compared(tmp_path: Path) -> None:
    result = accelerate(paying, start(tmp_path), 2, {"executor": "none"}, compare_plain=True)
    assert result.summary["net_speedup"] is not None


def test_a_word_of_this_name_is_refused() -> None:
    with pytest.raises(AscError, match="'once' cannot name a word: use a Python identifier"):
        accelerate(paying, {"once": 1}, 3)


def test_outside_a_run_it_does_nothing() -> None:
    with State().once():
        pass


def test_a_run_that_was_killed_repeats_only_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    program = """
        import os
        from asc_toy import accelerate

        def step(state):
            state.n += 1
            if state.n == 50 and not os.path.exists("killed"):
                open("killed", "w").close()
                os._exit(9)
            with state.once(), open("book.txt", "a") as book:
                book.write(f"{state.n}\\n")

        settings = {"executor": "none", "checkpoint_seconds": 1e-6}
        accelerate(step, {"n": 0}, 60, settings, folder="run", resume=True)
        """
    (tmp_path / "program.py").write_text(textwrap.dedent(program))
    for _ in range(2):
        subprocess.run([sys.executable, "program.py"], cwd=tmp_path, check=False, timeout=120)
    done = booked(tmp_path)
    again = len(done) - 60
    assert done == [*range(1, 50), *range(50 - again, 61)]
