"""Runs in several processes, as torchrun starts them: one run, one record, the leaps of one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import forked
import pytest

from asc.records.texts import read_texts

Asc = Callable[..., subprocess.CompletedProcess[str]]
Launch = Callable[..., subprocess.CompletedProcess[str]]

HANG_S = 280.0
"""Seconds after which a launch is taken to hang, many times what any of them needs."""
PLUGIN = '''
"""A straight line, and at one position the end of a process, as the environment says."""
import os, signal
import asc
from asc.predictors.linear import Linear

RANK = os.environ.get("RANK")

class Ending(Linear):
    def predict(self, history, horizon):
        if str(history.positions[-1]) == os.environ.get("END_AT"):
            end = os.environ["END"]
            if end == "kill" and RANK == "1":
                os.kill(os.getpid(), signal.SIGKILL)
            if end == "terminate" and RANK == "0":
                os.kill(os.getppid(), signal.SIGTERM)  # torchrun, which sends it to every process
            if end == "terminate" and RANK is None:
                os.kill(os.getpid(), signal.SIGTERM)
        return super().predict(history, horizon)

@asc.hookimpl
def asc_register(registry):
    registry.add("predictor", "ending", "ending:Ending", "a straight line that may end")
'''
SPECULATION = (
    *("--predictors", "ending", "--recognizer", "every", "--set", "recognizer.steps=5"),
    *("--set", "scheduler.horizons=[10]", "--set", "scheduler.overdraft=10"),
    *("--way", "ema-nesterov", "--way-start", "5"),
)
READ_OUTS = ("--anytime", "--average-every", "2", "--average-spans", "4,10")
TWO_BATCHES = ("--accumulation", "2", "--steps", "40", *READ_OUTS, *SPECULATION)
"""A step has two batches: both are one process's, or each of two processes has one."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty folder with the plugin."""
    (tmp_path / "ending.py").write_text(PLUGIN)
    return tmp_path


@pytest.fixture
def launch(folder: Path) -> Launch:
    """Run `asc` in two processes by torchrun, in the folder."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        return subprocess.run(
            [*torchrun, "-m", "asc", *arguments],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200", **extra},
            capture_output=True,
            text=True,
            timeout=HANG_S,
            check=False,
        )

    return run


def ranks(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `asc` in two processes in the folder, as torchrun does, which takes longer to start."""
    return forked.run_ranks(["-m", "asc", *arguments], folder)


def of_asc(err: str) -> str:
    """What `asc` itself printed: torchrun appends a traceback of its own where a process was ended."""
    ours = err.partition("Traceback (most recent call last)")
    assert "torch/distributed/run.py" in ours[2] or not ours[2], err
    return ours[0]


def parsed(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)  # one object: only the first process prints
    return found


def record(folder: Path) -> dict[str, Any]:
    """The summary in the one folder of a run that there is."""
    (run,) = (folder / "runs").iterdir()
    found: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return found


def leaps(summary: dict[str, Any]) -> list[tuple[int, bool]]:
    return [(leap["position"], leap["accepted"]) for leap in summary["leaps"]]


@pytest.fixture
def alone(asc: Asc, folder: Path, options: list[str]) -> dict[str, Any]:
    """The same run in one process."""
    found = parsed(
        asc("run", "nn_training", *options, *TWO_BATCHES, "--plugin", "ending.py", "--json", "--out", "alone")
    )
    assert found["accepted"] > 2
    return found


def test_two_processes_are_one_run_and_end_as_one_process_does(
    folder: Path, options: list[str], alone: dict[str, Any]
) -> None:
    """Replicas (DDP): the same leaps and the same weights, bit for bit, one record, one view, one result.

    The first process generates texts, and the other waits.
    """
    (folder / "prompts.txt").write_text("def add(a, b):\n")
    texts = ("--sample-prompts", "prompts.txt", "--sample-every", "15", "--set", "sampling.max_new_tokens=8")
    done = ranks(folder, "run", "nn_training", *options, *TWO_BATCHES, *texts, "--plugin", "ending.py", "--json")
    found = parsed(done)
    assert found["final_digest"] == alone["final_digest"]
    assert found["leaps"] == alone["leaps"]
    assert found["outcome"] == alone["outcome"]
    assert found["outcome"]["read_out"]
    assert found["ledger"].keys() == alone["ledger"].keys()
    assert found["config"]["shard"] == "none"
    assert record(folder)["final_digest"] == alone["final_digest"]
    assert [entry.position for entry in read_texts(folder / found["run_dir"])] == [15, 30, 40]
    lines = (Path(folder / found["run_dir"]) / "events.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines].count("start") == 1
    assert done.stderr.count("nn_training: starting at step 0 of 40") == 1
    assert done.stderr.count("nn_training: finished at step 40 of 40") == 1
    assert "arning" not in done.stderr


def test_shards_of_one_process_are_refused(asc: Asc, folder: Path, options: list[str]) -> None:
    refused = asc("run", "nn_training", *options, "--shard", "fsdp2")
    assert refused.returncode == 1
    assert "--shard fsdp2 divides a model among several processes, and this is one alone" in refused.stderr
    assert "torchrun --nproc-per-node N -m asc run nn_training ..., or add --set shard=none" in refused.stderr
    assert not (folder / "runs").exists()


def test_a_run_moves_from_one_process_to_shards_and_to_replicas_and_back(
    launch: Launch, asc: Asc, folder: Path, options: list[str], alone: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM stops one process, then two with sharded weights (FSDP2); a rank of two replicas is killed."""
    monkeypatch.setenv("END", "terminate")
    monkeypatch.setenv("END_AT", "10")
    stopped = asc("run", "nn_training", *options, *TWO_BATCHES, "--plugin", "ending.py", "--json")
    assert stopped.returncode == 130
    assert record(folder)["state"] == "interrupted"
    assert "Resume with: asc run nn_training --resume" in stopped.stderr
    run = str(next((folder / "runs").iterdir()))
    resume = ("run", "nn_training", "--plugin", "ending.py", "--resume", run)

    shards = launch(*resume, "--shard", "fsdp2", END="terminate", END_AT="20")
    summary = record(folder)
    assert summary["state"] == "interrupted", shards.stderr
    assert 10 <= summary["resumed_from"] < 20 <= summary["position"]
    assert f"Resume with: torchrun --nproc-per-node 2 -m asc {' '.join(resume[:2])} --resume" in of_asc(shards.stderr)
    for name in ("model", "read-out"):
        assert (Path(run) / name / "model.safetensors").is_file()
    assert json.loads((Path(run) / "config.json").read_text())["config"]["shard"] == "fsdp2"

    killed = launch(*resume, "--shard", "none", "--set", "device=cpu", END="kill", END_AT="30")
    assert killed.returncode != 0
    assert record(folder)["state"] == "failed"
    (error,) = (line for line in of_asc(killed.stderr).splitlines() if line.startswith("error:"))
    assert "Another rank of this training does not answer" in error
    assert "resume all ranks from the last checkpoint" in error

    monkeypatch.delenv("END_AT")
    found = parsed(asc(*resume, "--json"))
    assert found["resumed_from"] == summary["position"]
    assert leaps(found) == leaps(alone)
    assert found["outcome"]["read_out"] == alone["outcome"]["read_out"]
    for loss in ("dev_loss", "read_out_dev_loss", "read_out_test_loss"):
        assert found["outcome"][loss] == pytest.approx(alone["outcome"][loss], rel=1e-5)


def test_pairs_are_compared_and_dropout_repeats(folder: Path, options: list[str]) -> None:
    """Each rank draws its own dropout, the same in each run; it has rows of each batch, and sharded weights."""
    own = ("--model", "gpt2-nano", "--dropout", "0.1", "--batch", "6", "--steps", "12", "--shard", "fsdp2")
    regimes = ("--recognizer", "activation-cosine", "--set", "recognizer.every=5")
    done = ranks(folder, "run", "nn_training", *options, *own, *regimes, "--compare", "2", "--json")
    found = parsed(done)
    assert "recognise" in found["ledger"]
    first, second = found["pairs"]
    assert first["speculative_outcome"] == second["speculative_outcome"]
    assert first["plain_outcome"] == second["plain_outcome"]
    assert done.stderr.count("The same again, without speculation.") == 2
    checkpoint = max(Path(folder / found["run_dir"], "checkpoints").iterdir())
    from asc_nn_training.training.checkpoint import load

    saved = load(checkpoint.parent)
    assert saved is not None
    states = saved[1]["training"]["random"]
    assert len(states) == 2
    assert not states[0]["cpu"].equal(states[1]["cpu"])
