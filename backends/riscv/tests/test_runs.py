"""Whole runs end where the program ends by itself, whatever workers do; and go on after a kill."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from asc.errors import AscError
from asc.plugins import load
from asc.run.run import Run
from asc.types import Combination, Direct, Plan
from asc_riscv import Process, compiled
from asc_riscv.backend import RiscvBackend, RiscvConfig
from asc_riscv.computation import RiscvComputation
from asc_riscv.registers import NAMES
from asc_riscv.worker import StoppedError

SMALL: dict[str, Any] = {"profile": 20_000, "memory": 2}


def run(**settings: Any) -> dict[str, Any]:
    config = RiscvConfig.model_validate({**SMALL, **settings})
    return dict(Run(RiscvBackend(config), "riscv", load()).execute())


def plain_digest(program: str, argument: str) -> str:
    process = Process(compiled(program), [argument], memory_bytes=2 << 20)
    process.finish()
    return RiscvComputation(process, profile=0).digest()


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize(
    ("program", "argument"),
    [("collatz", "20000"), ("collatz_count", "20000"), ("list_shuffled", "2"), ("sha256", "20")],
)
def test_a_run_ends_as_the_program_by_itself(program: str, argument: str, workers: int) -> None:
    recognizer = {"name": "recurring", "distance": 50}
    summary = run(program=program, arguments=[argument], workers=workers, recognizer=recognizer)
    assert summary["state"] == "finished"
    assert summary["final_digest"] == plain_digest(program, argument)


def test_a_worker_runs_on_from_a_predicted_state() -> None:
    given = {**SMALL, "program": "collatz_count", "arguments": ["60000"]}
    computation = RiscvBackend(RiscvConfig.model_validate(given)).computation(plain=False)
    computation.advance(1)  # the profile
    history = []
    for _ in range(3):
        computation.advance(100, record=True)
        history.append(computation.observe())
    plan = Plan("linear", horizon=400, steps=200)
    candidate = computation.materialise(Combination((-4, 5)), history, plan)
    assert candidate is not None
    first, second = computation.task(candidate, (100, 100), None)()
    assert not computation.agrees(first)
    computation.advance(400)
    assert computation.resembles(candidate)
    assert computation.agrees(first)
    computation.apply(first)
    assert computation.agrees(second)
    computation.apply(second)
    while not computation.finished():
        computation.advance(10**6)
    assert computation.digest() == plain_digest("collatz_count", "60000")


def profiled(program: str, argument: str, **settings: Any) -> RiscvComputation:
    given = {**SMALL, "memory": 16, "program": program, "arguments": [argument], **settings}
    computation = RiscvBackend(RiscvConfig.model_validate(given)).computation(plain=False)
    computation.begin()
    return computation


def test_predictors_see_what_supersteps_read_and_no_other_register() -> None:
    """The sweep reads the start, the size, and the most steps with their start; what it computes with is no state."""
    computation = profiled("collatz", "60000")
    seen = computation.observe().state
    assert 3 <= len(seen) <= 8
    assert "sp" not in seen
    recorded = computation.advance(50, record=True).recorded
    assert recorded is not None
    assert set(recorded.causal) <= set(seen)


def test_a_word_that_is_read_again_and_stays_is_not_predicted() -> None:
    """Each superstep reads the factors, which were written before; only the words of a changing message are state."""
    assert not any(name.startswith("[") for name in profiled("matrix", "40").observe().state)
    assert any(name.startswith("[") for name in profiled("sha256", "20000", profile=4_000_000).observe().state)


def test_a_leap_that_leads_elsewhere_than_its_steps_is_seen() -> None:
    computation = profiled("collatz_count", "60000")
    before = computation.snapshot()
    recorded = computation.advance(100, record=True).recorded
    assert recorded is not None
    assert computation.is_end_of(recorded, before)
    computation.advance(1)
    assert not computation.is_end_of(recorded, before)


def test_a_snapshot_has_all_of_the_memory() -> None:
    """A block of it, its last word, and the rest of it, which is not as long as a block."""
    computation = profiled("collatz", "60000")
    computation.process.machine.words[[40_000, -1]] = 7
    assert (computation.snapshot().state.memory == computation.process.machine.memory).all()


def test_what_nothing_was_known_to_read_is_no_error_of_a_candidate() -> None:
    computation = profiled("collatz", "60000")
    candidate = computation.materialise(Combination((1,)), [computation.observe()], Plan("last", 0, 10))
    assert candidate is not None
    unknown = {name: value for name, value in candidate.state.items() if name != "fcsr"}
    assert computation.resembles(candidate._replace(state=unknown))
    assert not computation.resembles(candidate._replace(state={name: value + 1 for name, value in unknown.items()}))


def test_a_worker_gives_up_where_a_wrong_state_never_comes_back() -> None:
    """The sweep's inner loop ends at 1, and never comes there from 0."""
    given = {**SMALL, "program": "collatz", "arguments": ["60000"]}
    computation = RiscvBackend(RiscvConfig.model_validate(given)).computation(plain=False)
    computation.advance(100)
    history, plan = [computation.observe()], Plan("wrong", horizon=10, steps=10)
    zeros = {name: 0 for name in NAMES if name != "sp"}
    candidate = computation.materialise(Direct({**zeros, "a6": 60_000}), history, plan)
    assert candidate is not None
    with pytest.raises(StoppedError, match="took too long"):
        list(computation.task(candidate, (10,), None)())


def test_another_loop_is_looked_for_where_that_is_a_small_part_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first profile ends while the list is made; the loop over the list comes after."""
    given = {**SMALL, "program": "list_hash", "arguments": ["20"], "memory": 4}
    computation = RiscvBackend(RiscvConfig.model_validate(given)).computation(plain=False)
    monkeypatch.setattr("asc_riscv.computation._RARELY", 1e9)
    computation.advance(1)
    assert not computation.hindrance
    while not computation.hindrance and not computation.finished():
        computation.advance(1)
    assert computation.hindrance.startswith("The program has left its loop")
    monkeypatch.setattr("asc_riscv.computation._RARELY", 0)
    computation.advance(1)
    assert not computation.hindrance
    while not computation.finished():
        computation.advance(10**6)
    plain = RiscvBackend(RiscvConfig.model_validate(given)).computation(plain=True)
    plain.advance(10**6)
    assert computation.digest() == plain.digest()


def written(folder: Path) -> set[int]:
    """Return the times at which checkpoints were written that are there."""
    return {path.stat().st_mtime_ns for path in folder.rglob("state.safetensors")}


def test_a_run_that_is_killed_again_and_again_goes_on_where_its_checkpoint_is(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "asc", "run", "riscv", "--out", str(tmp_path)]
    begin = ["--program", "collatz", "--set", "checkpoint_seconds=0.05", "6000000"]
    draw, seen = random.Random(5), set[int]()
    for given in (begin, ["--resume", "latest"], ["--resume", "latest"]):
        with subprocess.Popen([*command, *given], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            deadline = time.monotonic() + 600
            while (news := written(tmp_path) - seen) == set() and time.monotonic() < deadline:
                assert process.poll() is None, "the run ended before its next checkpoint"
                time.sleep(0.02)
            time.sleep(draw.uniform(0, 0.1))  # perhaps while the one after it is written
            process.send_signal(signal.SIGKILL)
        seen |= news
    subprocess.run([*command, "--resume", "latest"], check=True)
    (summary,) = tmp_path.glob("*/summary.json")
    found = json.loads(summary.read_text(encoding="utf-8"))
    assert found["resumed_from"] > 0
    assert found["outcome"]["output"] == "start 5649499\nsteps 612\n"
    assert (summary.parent / "output").read_bytes() == b"start 5649499\nsteps 612\n"


@pytest.mark.parametrize(
    ("printed", "shown"),
    [
        (b"12 \xe2\x82\xac\n", "12 \u20ac\n"),
        (b"BZh91AY&SY\0", "11 bytes that are no text"),
        (b"\xff" * 5000, "5,000 bytes that are no text"),
        (b"a" * 4001, "a" * 4000 + "…"),
    ],
)
def test_what_a_program_prints_is_shown_as_far_as_it_is_text(printed: bytes, shown: str) -> None:
    computation = RiscvBackend(RiscvConfig.model_validate(SMALL)).computation(plain=True)
    state = computation.process.system.state()
    computation.process.system.restore(state | {"output": [[1, printed.hex()]]})
    assert RiscvBackend(RiscvConfig.model_validate(SMALL)).outcome(computation)["output"] == shown


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"program": "collatz", "elf": "a.elf"}, "a run has one program"),
        ({"program": "colatz"}, "there is no program 'colatz'"),
        ({"elf": __file__}, "ELF"),
        ({"program": "collatz", "head": "mian"}, "head is 'mian'"),
        ({"program": "collatz", "head": "17"}, "no breakpoint is possible at 0x11"),
        ({"elf": "nowhere.elf"}, "nowhere.elf"),
        ({"program": "collatz", "standard_input": "nowhere.txt"}, "cannot read nowhere.txt"),
    ],
)
def test_what_cannot_run_is_refused_in_a_sentence(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises((AscError, ValueError), match=sentence):
        run(**settings)
