"""A call of `accelerate` with a folder is recorded, and continues from its checkpoint to the same end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asc.cli.main import call
from asc.errors import AscError, StepError
from asc_toy import Interrupted, accelerate

UNTRACKED = {"executor": "none", "scheduler": {"memoise": False}}
HANG_S = 100.0  # for a slow machine; no promise of the code


pytestmark = pytest.mark.usefixtures("heard")


def step(state: Any) -> None:
    state.x = (1_103_515_245 * state.x + 12_345) % 2**31
    state.last[state.n % 5] = state.x
    state.n += 1


def initial() -> dict[str, Any]:
    return {"n": 0, "x": 1, "last": np.zeros(5, np.int64)}


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["n"], one["x"], one["last"].tolist()) == (other["n"], other["x"], other["last"].tolist())


def interrupted(folder: Path, position: int = 700, **named: Any) -> Interrupted:
    """Stop a recorded run by Ctrl-C once it has reached a position."""

    def until(state: Any) -> bool:
        if state.n == position:
            signal.raise_signal(signal.SIGINT)
        return False

    with pytest.raises(Interrupted) as caught:
        accelerate(step, initial(), 50_000, UNTRACKED, until=until, folder=folder, **named)
    return caught.value


def refused(sentence: str, **named: Any) -> None:
    with pytest.raises(AscError, match=re.escape(sentence)):
        accelerate(step, initial(), 50_000, UNTRACKED, **named)


def test_a_run_is_recorded_as_the_command_records_it(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "mine"
    result = accelerate(step, initial(), 2_000, {"workers": 0}, folder=folder)
    assert {path.name for path in folder.iterdir()} == {
        ".lock",
        "checkpoints",
        "config.json",
        "events.jsonl",
        "report.html",
        "summary.json",
        "trace.json",
    }
    assert json.loads((folder / "summary.json").read_text())["final_digest"] == result.summary["final_digest"]
    assert json.loads((folder / "config.json").read_text())["config"]["workers"] == 0
    assert result.summary["run_dir"] == str(folder)
    assert "toy: step" in (folder / "report.html").read_text()


def test_a_comparison_is_in_the_record(tmp_path: Path) -> None:
    result = accelerate(step, initial(), 2_000, UNTRACKED, folder=str(tmp_path / "mine"), compare_plain=True)
    summary = json.loads((tmp_path / "mine" / "summary.json").read_text())
    assert summary["identical"] is result.summary["identical"] is True
    assert summary["net_speedup"] == result.summary["net_speedup"]
    events = [json.loads(line) for line in (tmp_path / "mine" / "events.jsonl").read_text().splitlines()]
    assert [event["event"] for event in events].count("start") == 1


def test_an_interrupted_run_says_how_to_continue_and_reaches_the_same_end(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    error = interrupted(folder)
    position = error.result.summary["position"]
    expected = f"To continue, make the same call with folder={str(folder)!r}, resume=True."
    assert str(error) == f"Interrupted at step {position:,} of 50,000; the state so far is in error.result. {expected}"
    assert json.loads((folder / "summary.json").read_text())["state"] == "interrupted"

    result = accelerate(step, initial(), 50_000, {"executor": "threads"}, folder=folder, resume=True)
    assert result.summary["resumed_from"] == position
    assert result.summary["state"] == "finished"
    assert same(result.state, accelerate(step, initial(), 50_000, UNTRACKED).state)
    assert json.loads((folder / "config.json").read_text())["config"]["executor"] == "threads"


def test_a_run_can_be_interrupted_again_and_again(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    reached = [interrupted(folder, at, resume=True).result.summary["position"] for at in (700, 9_000, 30_000)]
    assert reached == sorted(set(reached))
    result = accelerate(step, initial(), 50_000, UNTRACKED, folder=folder, resume=True)
    assert same(result.state, accelerate(step, initial(), 50_000, UNTRACKED).state)


def test_a_finished_run_that_is_resumed_gives_its_result_and_stays_as_it_is_until_it_gets_more_steps(
    tmp_path: Path,
) -> None:
    first = accelerate(step, initial(), 2_000, UNTRACKED, folder=tmp_path / "mine", compare_plain=True)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    again = accelerate(step, initial(), 2_000, UNTRACKED, folder=tmp_path / "mine", resume=True)
    assert same(first.state, again.state)
    assert again.summary["net_speedup"] == first.summary["net_speedup"] is not None
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    longer = accelerate(step, initial(), 3_000, UNTRACKED, folder=tmp_path / "mine", resume=True)
    assert same(longer.state, accelerate(step, initial(), 3_000, UNTRACKED).state)


def test_resume_begins_at_the_start_where_nothing_is_recorded(tmp_path: Path) -> None:
    result = accelerate(step, initial(), 2_000, UNTRACKED, folder=tmp_path / "mine", resume=True)
    assert result.summary["resumed_from"] == 0
    assert "no checkpoint yet to resume from" in result.summary["warnings"][0]


def test_a_folder_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    mine, other, file = tmp_path / "mine", tmp_path / "other", tmp_path / "file"
    accelerate(step, initial(), 100, UNTRACKED, folder=mine)
    other.mkdir()
    (other / "letter.txt").write_text("kept")
    file.write_text("kept")
    refused(
        f"{str(mine)!r} holds a run already. Continue that run with resume=True, or name a new folder.", folder=mine
    )
    for resume in (False, True):
        refused(f"{str(other)!r} holds other files and no run; name a new folder", folder=other, resume=resume)
        refused(f"{str(file)!r} cannot hold a run (Not a directory); name a new folder.", folder=file, resume=resume)
    refused(f"{str(file / 'mine')!r} cannot", folder=file / "mine")
    assert [path.name for path in other.iterdir()] == ["letter.txt"]


@pytest.mark.parametrize("folder", [5, "", True, ["a"]])
def test_a_folder_is_a_path(folder: Any) -> None:
    refused(
        f"The folder is {folder!r}, of the type {type(folder).__name__}; expected the path of a folder", folder=folder
    )


def test_resume_needs_a_folder() -> None:
    refused("resume=True needs the folder of the run to resume", resume=True)
    refused("resume and compare_plain exclude each other", folder="mine", resume=True, compare_plain=True)


def test_a_mistake_leaves_no_folder(tmp_path: Path) -> None:
    with pytest.raises(AscError, match="cannot name a word"):
        accelerate(step, {"a b": 1}, 10, UNTRACKED, folder=tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_the_run_of_another_program_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    accelerate(step, initial(), 100, UNTRACKED, folder=folder)

    def other(state: Any) -> None:
        state.n += 1

    sentence = f"{str(folder)!r} holds a run of the step 'step', and this step is 'other'."
    with pytest.raises(AscError, match=re.escape(sentence)):
        accelerate(other, initial(), 100, UNTRACKED, folder=folder, resume=True)
    sentence = f"{str(folder)!r} holds a run that began with another state."
    with pytest.raises(AscError, match=re.escape(sentence)):
        accelerate(step, initial() | {"x": 2}, 100, UNTRACKED, folder=folder, resume=True)
    with pytest.raises(AscError, match="The checkpoint belongs to another program than 'step' with 60 steps"):
        accelerate(step, initial(), 60, UNTRACKED, folder=folder, resume=True)


def test_the_command_and_the_call_do_not_take_each_others_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    accelerate(step, initial(), 100, UNTRACKED, folder="mine")
    sentence = "The run mine was made by a call from Python, and only that call has its program."
    assert call(["run", "toy", "--resume", "mine"]) == 1
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert call(["bench-predictor", "linear", "--on", "mine"]) == 1
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert call(["report", "mine"]) == 0

    assert call(["run", "toy", "--program", "lcg-pi", "--n", "50", "--executor", "none", "--quiet"]) == 0
    (run,) = Path("runs").iterdir()
    refused(f"holds a run of the command line. Resume it there: asc run toy --resume {run}", folder=run, resume=True)


def test_an_error_of_the_step_is_recorded(tmp_path: Path) -> None:
    def failing(state: Any) -> None:
        state.n += 1
        if state.n == 300:
            raise ValueError("no more")

    with pytest.raises(StepError):
        accelerate(failing, {"n": 0}, 1_000, UNTRACKED, folder=tmp_path / "mine")
    assert json.loads((tmp_path / "mine" / "summary.json").read_text())["state"] == "failed"


SCRIPT = """
import json, sys
from asc_toy import accelerate

def step(state):
    x = state.x
    for _ in range(300):
        x = (1_103_515_245 * x + 12_345) % 2**31
    state.x = x
    state.n += 1

if __name__ == "__main__":
    config = {"executor": "none", "checkpoint_seconds": 0.02}
    result = accelerate(step, {"n": 0, "x": 1}, 20_000, config, folder=sys.argv[1], resume=True)
    print(json.dumps([result.state, result.summary["resumed_from"], result.summary["final_digest"]]))
"""


def test_a_killed_script_continues_where_it_is_started_again(tmp_path: Path) -> None:
    script, folder = tmp_path / "mine.py", tmp_path / "run"
    script.write_text(SCRIPT)

    def begin(where: Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(script), str(where)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def end(process: subprocess.Popen[str]) -> list[Any]:
        out, err = process.communicate(timeout=HANG_S)
        assert err == ""
        found: list[Any] = json.loads(out)
        return found

    killed = begin(folder)
    while not (folder / "checkpoints" / "state.safetensors").exists():
        assert killed.poll() is None, killed.communicate()
    killed.kill()
    killed.communicate(timeout=HANG_S)
    state, resumed_from, digest = end(begin(folder))
    whole = end(begin(tmp_path / "whole"))
    assert 0 < resumed_from < 20_000
    assert [state, 0, digest] == whole


def test_the_program_of_the_quick_start_runs_and_is_continued(tmp_path: Path) -> None:
    snippet = Path(__file__).parents[3] / "docs" / "snippets" / "recorded_call.py"
    for _ in range(2):
        found = subprocess.run(
            [sys.executable, str(snippet)], cwd=tmp_path, capture_output=True, text=True, timeout=HANG_S, check=True
        )
        assert found.stdout.split()[0] == "26623"  # the first with 300 steps or more
    assert json.loads((tmp_path / "runs" / "collatz" / "summary.json").read_text())["position"] == 26_623
