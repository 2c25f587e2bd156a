"""The benchmark of recipes: what counts as measured, when it stops, and what it makes of arms that fail."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("asc_nn_training")

import torch

ROOT = Path(__file__).parent.parent.parent
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def bench() -> Iterator[Any]:
    """The benchmark's modules: arms, paired and recipes."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    try:
        yield importlib.import_module("recipes")
    finally:
        sys.path.pop(0)


@pytest.fixture
def arms(bench: Any) -> Iterator[Any]:
    threads = torch.get_num_threads()
    yield sys.modules["arms"]
    torch.set_num_threads(threads)  # an arm on a CPU takes one


@pytest.fixture
def measured(arms: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The seeds of the arms that are measured, which is not done here; the seed 13 fails."""
    seeds: list[int] = []

    def alone(arm: Any) -> dict[str, Any]:
        seeds.append(arm.settings["seed"])
        loss = 5.0 - arm.settings.get("lr", 0.0)
        steps = arm.settings.get("steps", 600)
        told = {
            "read_out": "average of 60 steps",
            "read_out_curve": [[i * steps // 8, loss + 1 - i / 4] for i in range(1, 9)],
            "dev_loss": loss,
            "steps": 2,
            "judged": 0,
            "accepted": 0,
            "speculation_in_steps": 0.0,
        }
        found = {"curve": [[1, 1.0, 9.0], [2, 2.0, loss]], "test_loss": loss, "read_out_test_loss": loss - 1, **told}
        return {"failed": "no luck"} if seeds[-1] == 13 else {**found, "seconds": 2.0, "wall_seconds": 2.0}

    monkeypatch.setattr(arms, "alone", alone)
    monkeypatch.setattr(arms, "commit", lambda: "this")
    return seeds


@pytest.fixture
def made(arms: Any, measured: list[int], tmp_path: Path) -> Callable[..., Any]:
    def make(**options: Any) -> Any:
        return arms.Arms(tmp_path / "arms.jsonl", CPU, lambda _line: None, **options)

    return make


def named(arms: Any, *seeds: int) -> dict[str, Any]:
    return {f"plain {seed}": arms.Arm({"seed": seed, "device": "cpu"}) for seed in seeds}


def test_what_was_measured_counts_for_its_commit_and_device(
    arms: Any, made: Callable[..., Any], measured: list[int], tmp_path: Path
) -> None:
    path, asked = tmp_path / "arms.jsonl", named(arms, 1, 2, 3, 4)
    there = [("this", "cpu", 1), ("other", "cpu", 2), ("this", "a card", 3), ("other", "cpu", 4)]
    lines = [
        json.dumps({"commit": commit, "device": device, "key": asked[f"plain {seed}"].key, "name": "", "found": seed})
        for commit, device, seed in there
    ]
    same = {name: value for name, value in asked["plain 2"].whole.items() if name != "clip"}  # is newer than that arm
    lines[1] = json.dumps({**json.loads(lines[1]), "whole": same})
    lines[3] = json.dumps({**json.loads(lines[3]), "whole": {**same, "schedule": "linear"}})  # was the default then
    path.write_text("\n".join([*lines, lines[0][:-4]]))  # the last was cut short
    assert made(any_commit=True, minutes=0).measure(asked) == ({"plain 1": 1, "plain 2": 2}, {})
    assert made(any_commit=True).commits(list(asked.values())) == {"this", "other"}
    found, _ = made().measure(asked)
    assert found["plain 1"] == 1
    assert sorted(measured) == [2, 3, 4]
    assert made(minutes=0).measure(asked) == (found, {})
    assert made(fresh=True, minutes=0).measure(asked) == ({}, {})


def test_what_failed_is_tried_again(arms: Any, made: Callable[..., Any], measured: list[int]) -> None:
    for _ in range(2):
        found, failed = made().measure(named(arms, 1, 13))
        assert list(found) == ["plain 1"]
        assert failed == {"plain 13": "no luck"}
    assert sorted(measured) == [1, 13, 13]


def test_no_arm_is_begun_that_would_end_too_late(
    arms: Any, made: Callable[..., Any], measured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter(range(0, 10_000, 20))  # seconds: 20 go by whenever it is read
    monkeypatch.setattr(arms.time, "monotonic", lambda: next(clock))
    found, failed = made(minutes=2).measure(named(arms, 1, 2, 3))
    assert (list(found), failed) == (["plain 1", "plain 2"], {})


def test_an_arm_that_raises_says_why(arms: Any) -> None:
    found = arms.outcome(arms.Arm({"device": "cpu", "steps": -1}))
    assert "steps" in found["failed"]


@pytest.mark.parametrize(
    ("row", "seeds", "minutes", "code", "there"),
    [
        ("paper", "1 2", "1", 0, True),
        ("tuned", "1", "1", 0, True),
        ("paper", "13", "1", 3, False),
        ("paper tuned constant", "1", "0", 3, False),
    ],
)
def test_the_exit_code_says_whether_all_is_there(
    bench: Any,
    measured: list[int],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    row: str,
    seeds: str,
    minutes: str,
    code: int,
    there: bool,
) -> None:
    flags = ["--seeds", *seeds.split(), "--rates", "1e-3", "2e-3", "--minutes", minutes, "--any-commit"]
    monkeypatch.setattr(sys, "argv", ["recipes.py", *row.split(), *flags, "--results", str(tmp_path)])
    assert bench.main() == code
    assert (tmp_path / "recipes.json").exists() == there
    if there:
        (written,) = bench.read_rows("recipes", tmp_path).values()
        assert (written["commits"], written["device"], written["arms"]["speculation"]["reached"]) == (
            ["this"],
            "cpu",
            len(seeds.split()),
        )
    if minutes == "0":  # paper: 10 arms; tuned: two rates more; constant: three beside those of tuned
        assert "25 arms are left" in capsys.readouterr().err


def test_a_read_out_is_beside_the_live_weights_and_earlier_results_are_still_shown(
    bench: Any, measured: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tables = importlib.import_module("tables")
    monkeypatch.setattr(sys, "argv", ["recipes.py", "constant", "--seeds", "1", "2", "--results", str(tmp_path)])
    assert bench.main() == 0
    result = json.loads((tmp_path / "recipes.json").read_text())
    assert result["rows"][0]["steps_to_live_end"] == [300, 300]
    assert result["rows"][0]["share_of_planned"]["steps"] == pytest.approx(600 / 1350)
    shown = tables.recipes(result)
    assert "| 450 | 4.496 | 4.996 | -0.500 (-0.500 to -0.500) |" in shown
    assert "2.00 (2.00 to 2.00) times as soon" in shown
    assert "with the live weights, 3.996 with their read-out, which training did not adopt" in shown
    assert "The read-out less each (95 %): live -1.000 (-1.000 to -1.000)" in shown
    (row,) = result["rows"]
    row["average"], row["average_less"] = row.pop("read_out"), row.pop("read_out_less")
    shown = tables.recipes(result)
    assert "3.996 with their running average, which training did not adopt" in shown
    assert "The average less each (95 %): live -1.000" in shown


def test_a_row_goes_without_a_control_that_failed(
    bench: Any, arms: Any, measured: list[int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    usual = arms.alone

    def alone(arm: Any) -> dict[str, Any]:
        unlucky = arm.settings.get("predictors", [{}])[0].get("name") == "random-direction"
        return {"failed": "out of memory"} if unlucky else usual(arm)

    monkeypatch.setattr(arms, "alone", alone)
    monkeypatch.setattr(sys, "argv", ["recipes.py", "paper", "--seeds", "1", "--results", str(tmp_path)])
    assert bench.main() == bench.INCOMPLETE
    (written,) = bench.read_rows("recipes", tmp_path).values()
    assert written["failed"] == {"random direction 1": "out of memory"}
    assert "random direction" not in written["arms"]
    assert "lr x 2" in written["arms"]


def test_results_of_a_device_stay_apart(bench: Any) -> None:
    assert [bench.result_name(torch.device(name)) for name in ("cpu", "cuda:1")] == ["recipes", "recipes-gpu"]


def test_a_device_is_not_shared(
    bench: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "choose", torch.device)
    assert bench.parsed(["--device", "cuda"]).workers == 1
    with pytest.raises(SystemExit):
        bench.parsed(["--device", "cuda", "--workers", "2"])
    assert "leave out --workers" in capsys.readouterr().err


def test_the_crossing_lies_on_the_line_between_two_points(bench: Any) -> None:
    crossing = sys.modules["paired"].crossing
    assert crossing([[0, 0.0, 4.0], [40, 8.0, 3.0], [80, 16.0, 2.0]], 2.5) == (60, 12.0)
    assert crossing([[0, 0.0, 4.0], [40, 8.0, 3.0]], 2.5) is None


def test_warming_up_judges_a_candidate(arms: Any) -> None:
    small = {"length": 16, "batch": 2, "gate_sequences": 16, "dev_sequences": 4, "test_sequences": 4}
    data = {"max_bytes": 500_000, "vocabulary": 512}
    given = {"model": "gpt2-nano", "device": "cpu", "seed": 0, "until_loss": 9.0, **small, **data}
    found = arms.measure(arms.Arm({**given, **arms.A_LITTLE}, speculate=True))
    assert found["steps"] == 8
    assert found["judged"] > 0
    assert found["peak_memory_bytes"] > 0
    assert found["flops"] > 0
    assert not found["warnings"]
