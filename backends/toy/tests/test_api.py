"""`accelerate`: write a step function, call one function."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import asc_toy
from asc.errors import AscError, NonDeterministicStepError, StepError
from asc_toy import Program, SpeculationConfig, accelerate

QUICK = {"executor": "none"}


def step(state: Any) -> None:
    state.add("total", state.n * state.n)
    state.last[state.n % 3] = state.n
    state.n += 1


def initial() -> dict[str, Any]:
    return {"n": 0, "total": 0, "last": np.zeros(3, np.int64)}


@pytest.mark.parametrize("config", [None, QUICK, SpeculationConfig(executor="threads", workers=2), {"workers": 0}])
def test_ends_where_the_loop_ends(config: Any) -> None:
    result = accelerate(step, initial(), 1000, config)
    assert result.state["n"] == 1000
    assert result.state["total"] == sum(n * n for n in range(1000))
    assert result.state["last"].tolist() == [999, 997, 998]
    assert result.summary["state"] == "finished"
    assert result.summary["run_dir"] is None


def test_the_state_that_it_is_given_stays_unchanged() -> None:
    given = initial()
    result = accelerate(step, given, 10, QUICK)
    assert (given["n"], given["total"], given["last"].tolist()) == (0, 0, [0, 0, 0])
    result.state["last"][0] = 77
    assert accelerate(step, given, 10, QUICK).state["last"][0] == 9


def test_report_is_a_line() -> None:
    estimated = accelerate(step, initial(), 500, QUICK)
    assert "x estimated, hit rate 0%. " in estimated.report
    measured = accelerate(step, initial(), 500, QUICK, compare_plain=True)
    assert measured.summary["identical"] is True
    assert measured.summary["net_speedup"] == pytest.approx(
        measured.summary["plain_seconds"] / measured.summary["seconds"]
    )
    assert "x net, hit rate" in measured.report
    assert "\n" not in measured.report


def test_no_steps_at_all() -> None:
    result = accelerate(step, initial(), 0, compare_plain=True)
    assert result.state["n"] == 0
    assert result.summary["identical"] is True
    assert "hit rate" in result.report


def test_nothing_is_written_anywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    accelerate(step, initial(), 100, QUICK)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("config", "sentence"),
    [
        ({"executer": "none"}, 'There is no setting "executer"; did you mean "executor"?'),
        ({"program": "collatz"}, 'There is no setting "program"; there are recognizer, predictors, '),
        (
            {"executor": "cloud"},
            'The setting "executor" was given "cloud"; expected one of none, threads, processes, dask.',
        ),
        ({"workers": -1}, 'The setting "workers" was given -1; expected a whole number, at least 0.'),
        (
            {"scheduler": "tcp://host:1"},
            'The setting "scheduler" was given "tcp://host:1"; expected a table of settings.',
        ),
    ],
)
def test_wrong_settings_are_refused_by_name(config: dict[str, Any], sentence: str) -> None:
    with pytest.raises(AscError, match=re.escape(sentence)):
        accelerate(step, initial(), 10, config)


@pytest.mark.parametrize(
    ("config", "setting"),
    [
        ({"allocator": {"horizons": [64]}}, "allocator"),
        ({"scheduler": {"horizons": [64]}}, "scheduler.horizons"),
        ({"scheduler": {"candidates": 2}}, "scheduler.candidates"),
        ({"validator": "held-out-loss"}, "validator"),
        ({"keep_trajectory": 100}, "keep_trajectory"),
    ],
)
def test_settings_of_judged_backends_are_refused_by_name(config: dict[str, Any], setting: str) -> None:
    with pytest.raises(AscError, match=f'There is no setting "{setting}"; there are '):
        accelerate(step, initial(), 10, config)


@pytest.mark.parametrize(
    ("option", "setting"), [("--validator", "validator"), ("--keep-trajectory", "keep_trajectory")]
)
def test_options_of_judged_backends_are_refused_by_the_command(option: str, setting: str) -> None:
    command = [
        str(Path(sys.executable).with_name("asc")),
        "run",
        "toy",
        "--program",
        "collatz",
        option,
        "held-out-loss",
    ]
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 2
    assert f'toy has no setting "{setting}"' in found.stderr


def test_unknown_predictor_is_refused_with_the_nearest() -> None:
    with pytest.raises(AscError, match='Did you mean "linear"'):
        accelerate(step, initial(), 10, {"predictors": ["lineer"]})


@pytest.mark.parametrize(
    ("state", "match"),
    [
        ({"n": iter([1])}, "The word 'n' holds .*iterator"),
        ({"n": {"log": [sys.stdout]}}, "The word 'n' holds .*, which a state cannot hold"),
        ({"_n": 1}, "'_n' cannot name a word"),
    ],
)
def test_values_that_no_state_can_hold_are_refused(state: dict[str, Any], match: str) -> None:
    with pytest.raises(AscError, match=match):
        accelerate(step, state, 10, QUICK)


@pytest.mark.parametrize("executor", ["none", "threads"])
def test_error_of_a_step_names_its_position(executor: str) -> None:
    def failing(state: Any) -> None:
        state.n += 1
        if state.n == 500:
            raise LookupError("not that one")

    with pytest.raises(StepError, match="'failing' raised LookupError at position 499 of 1000: not that one") as caught:
        accelerate(failing, {"n": 0}, 1000, {"executor": executor})
    assert isinstance(caught.value.__cause__, LookupError)


def test_step_with_a_counter_outside_the_state_is_found() -> None:
    calls = []

    def counting(state: Any) -> None:
        calls.append(1)
        state.n = len(calls)

    with pytest.raises(NonDeterministicStepError, match=r"the step changes `calls`, a variable of the function around"):
        accelerate(counting, {"n": 0}, 100, QUICK)


def test_step_need_not_be_a_function() -> None:
    class Stepper:
        def __init__(self, by: int) -> None:
            self.by = by

        def __call__(self, state: Any) -> None:
            state.n += self.by

    assert accelerate(Stepper(3), {"n": 0}, 50, {"executor": "threads"}).state == {"n": 150}


@dataclass
class Account:
    balance: int = 0


def test_values_keep_their_classes() -> None:
    def paying(state: Any) -> None:
        state.account.balance += 1
        state.log.append(state.account.balance % 7)
        del state.log[:-3]
        state.grid[state.account.balance % 2, 0] += 1

    given = {"account": Account(), "log": [], "grid": np.zeros((2, 2), order="F"), "small": np.int8(3)}
    state = accelerate(paying, given, 300, {"executor": "threads"}).state
    assert type(state["account"]) is Account
    assert (state["account"].balance, state["log"]) == (300, [4, 5, 6])
    assert state["grid"].flags.f_contiguous
    assert state["grid"].tolist() == [[150.0, 0.0], [150.0, 0.0]]
    assert type(state["small"]) is np.int8
    assert (given["account"].balance, given["log"]) == (0, [])


SCRIPT = """
from asc_toy import accelerate

FACTOR = 3

def helper(n):
    return n * FACTOR

def step(state):
    x = state.n
    for _ in range(300):
        x = helper(x) % 1_000_003
    state.add("total", x)
    state.n += 1

result = accelerate(step, {"n": 0, "total": 0}, 5000, {"workers": 1}, compare_plain=True)
print(result.summary["identical"], result.state["n"])
"""


def test_step_of_an_unguarded_script_runs_in_processes(tmp_path: Path) -> None:
    """The workers do not run the script again."""
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT)
    found = subprocess.run(
        [sys.executable, "-W", "error", str(script)], capture_output=True, text=True, timeout=100, check=True
    )
    assert found.stdout == "True 5000\n"
    assert found.stderr == ""


def test_finding_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import asc_toy.plugin, sys; print([name for name in ('numpy', 'loky', 'asc_toy.api') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert found.stdout == "[]\n"


def test_public_names() -> None:
    for name in asc_toy.__all__:
        assert getattr(asc_toy, name).__name__ == name
    assert Program("p", step, {}, 1).steps == 1
    with pytest.raises(AttributeError, match="module 'asc_toy' has no attribute 'accelerat'"):
        _ = asc_toy.accelerat
