"""Benchmarks of the network backend: `python benchmarks/network.py [ROW ...]`, each row into results/network.json.

Rows: transparent, resumed, overhead, leap, share, memory. A row replaces its earlier result. Whole recipes beside their
controls are measured by `benchmarks/recipes.py`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shlex
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from bare import bare
from measure import in_turns, read_rows, seconds, spread, with_origin, write_result
from rich.console import Console

from asc.plugins import load
from asc.run.run import Run
from asc.testing.stand_ins import Reject
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.weights.combine import combine

ASC = [sys.executable, "-m", "asc"]


def config(options: argparse.Namespace, **settings: Any) -> NetworkConfig:
    """The backend's defaults, except for what is given."""
    return NetworkConfig.model_validate({"model": options.model, "steps": options.steps, "device": "cpu", **settings})


def state(computation: NetworkComputation) -> list[torch.Tensor]:
    """Weights, moments and random state, in a fixed order."""
    optimizer, parameters = computation.training.optimizer.state, computation.weights.parameters
    moments = [value for each in parameters for value in optimizer[each].values()]
    return [p.detach() for p in parameters] + moments + [computation.training_state()["random"]["cpu"]]


def transparent(options: argparse.Namespace) -> dict[str, Any]:
    """300 steps in which every candidate is judged and rejected, against 300 plain ones."""
    given = {"steps": 300, "dropout": 0.1, "predictors": ["linear", "momentum", "line-search", "nesterov-outer"]}
    settings = config(options, **given, recognizer={"name": "every", "steps": 20}, scheduler={"overdraft": 1})
    run = Run(NetworkBackend(settings), "nn_training", load())
    run.engine.speculator._validator = Reject()  # type: ignore[attr-defined]
    summary = run.execute()
    plain = Run(NetworkBackend(settings), "nn_training", load(), speculate=False)
    plain.execute()
    pairs = zip(state(run.computation), state(plain.computation), strict=True)
    same = all(torch.equal(a, b) for a, b in pairs)
    return {"steps": 300, "refused": summary["rejected"], "bit_identical": same, "goal": "bit-identical", "met": same}


def resumed(_options: argparse.Namespace) -> dict[str, Any]:
    """Kill a run at random moments, resume it after each, and compare its end with two uninterrupted runs."""
    draw, kills, base, interval = random.Random(7), 20, 3200, 1.0
    flags = (
        f"run nn_training --model gpt2-nano --steps {base} --length 32 --batch 4 --gate-sequences 16 --gate-subsets 4"
    )
    arguments = [*shlex.split(flags), "--lr", "3e-4", "--set", "recognizer.every=20"]
    arguments += ["--checkpoint-seconds", str(interval)]
    with tempfile.TemporaryDirectory() as folder:

        def whole(name: str) -> dict[str, Any]:
            done = subprocess.run(
                [*ASC, *arguments, "--out", name, "--json"], cwd=folder, capture_output=True, check=True
            )
            return dict(json.loads(done.stdout))

        first, second = whole("first"), whole("second")
        command, lost, done = [*arguments, "--out", "cut"], [], 0
        while done < kills:
            process = subprocess.Popen(
                [*ASC, *command], cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            began = time.time()
            time.sleep(draw.uniform(6, 9))
            process.send_signal(signal.SIGKILL)
            killed = time.time()
            if process.wait() == 0:
                break  # it had ended before
            done += 1
            written = [path.stat().st_mtime for path in Path(folder).glob("cut/*/checkpoints/step-*")]
            if written:
                command = ["run", "nn_training", "--resume", "latest", "--out", "cut"]
            if written and max(written) > began:  # this process has written one
                lost.append(killed - max(written))
        last = subprocess.run([*ASC, *command, "--json"], cwd=folder, capture_output=True, check=True)
        found = json.loads(last.stdout)
    same = found["final_digest"] == first["final_digest"] == second["final_digest"]
    kept = max(lost) <= 1.5 * interval  # half an interval is for the unfinished step and the unfinished writing
    return {
        "kills": done,
        "steps": base,
        "bit_identical": same,
        "checkpoint_interval_s": interval,
        "lost_s": spread(lost),
        "goal": "bit-identical, one interval lost",
        "met": same and kept and done == kills,
    }


def overhead(options: argparse.Namespace) -> dict[str, Any]:
    """Our loop without speculation against a bare one, slices of both taking turns, in seconds of one processor."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    settings = config(options, steps=10_000, evaluate_every=100_000, average_every=0)
    slices, steps = options.slices, 2
    ours = NetworkBackend(settings).computation(plain=True)
    theirs = bare(settings, steps)
    ratio = in_turns(lambda: ours.advance(steps), theirs, slices, processor_seconds)
    torch.set_num_threads(threads)
    told = {"ratio": ratio, "interval": "95 % of the median", "slices": slices}
    return {**told, "steps_a_slice": steps, "goal": "<= 1.01", "met": ratio["median"] <= 1.01}


def processor_seconds(call: Callable[[], Any]) -> float:
    """Time one call by the processor's clock, which other programs do not move."""
    began = time.process_time()
    call()
    return time.process_time() - began


def leap(options: argparse.Namespace) -> dict[str, Any]:
    """A whole linear leap of 124M fp32 parameters against a plain copy's bandwidth, in turns."""
    computation = NetworkBackend(config(options, model="gpt2", vocabulary=4096)).computation(plain=True)
    shapes = [p.shape for p in computation.weights.parameters]
    del computation
    missing = 124_439_808 - sum(shape.numel() for shape in shapes)
    shapes.append(torch.Size([missing // 768, 768]))  # what the smaller vocabulary leaves out
    tensors = [[torch.randn(shape) for shape in shapes] for _ in range(3)]
    size = 4 * sum(shape.numel() for shape in shapes)
    target, before, newest = tensors
    share, bandwidth, whole = [], [], []
    for _ in range(10):
        copied = seconds(lambda: torch._foreach_copy_(target, newest))
        leapt = seconds(lambda: combine((-1.0, 2.0), (before, newest), target, 1))
        bandwidth.append(2 * size / copied / 1e9)
        whole.append(3 * size / leapt / 1e9)
        share.append(whole[-1] / bandwidth[-1])
    middle = statistics.median(share)
    figures = {"share_of_copy": spread(share), "copy_gb_s": spread(bandwidth), "leap_gb_s": spread(whole)}
    return {"parameters": size // 4, **figures, "goal": ">= 0.6", "met": middle >= 0.6}


def share(options: argparse.Namespace) -> dict[str, Any]:
    """What recognizer, copies and judging cost at default settings, in plain steps and in seconds."""
    run = Run(NetworkBackend(config(options)), "nn_training", load())
    summary = run.execute()
    accounts, plain = summary["ledger"], summary["ledger"]["plain"]
    kinds = ("observe", "recognise", "predict", "validate", "lookup", "apply", "plan", "notify")
    steps = sum(accounts[kind]["steps"] for kind in kinds if kind in accounts)
    spent = sum(accounts[kind]["seconds"] for kind in kinds if kind in accounts)
    kept = run.engine.ledger.allowance() >= -10
    return {
        "steps": options.steps,
        "share_in_plain_steps": steps / plain["steps"],
        "share_in_seconds": spent / plain["seconds"],
        "gained_steps": run.engine.ledger.gained,
        "reason": summary["reason"],
        "goal": "law 5 kept",
        "met": kept,
    }


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Extra peak memory at default settings, in units of the weights, over a plain run without averages."""
    flags = ["--model", options.memory_model, "--steps", "12", "--length", "32", "--batch", "2", "--quiet", "--json"]
    eager = ["--set", "recognizer.name=every", "--set", "recognizer.steps=3", "--set", "scheduler.overdraft=10"]
    small = ["--dev-sequences", "2", "--test-sequences", "2", "--gate-sequences", "8", "--gate-subsets", "4"]
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, extra in (("plain", ["--no-speculation", "--average-every", "0"]), ("speculative", [])):
            command = [*ASC, "run", "nn_training", "--device", options.device, *flags, *eager, *small, *extra]
            done = subprocess.run(command, cwd=folder, capture_output=True, check=True, text=True)
            found = json.loads(done.stdout)
            peaks[name], count = found["peak_memory_bytes"], found["outcome"]["parameters"]
    extra_copies = (peaks["speculative"] - peaks["plain"]) / (4 * count)
    told = {"model": options.memory_model, "parameters": count, "peaks": peaks, "in_units_of_the_weights": extra_copies}
    return {**told, "average": "counted, as it is on by default", "goal": "<= 3", "met": round(extra_copies, 2) <= 3}


ROWS = {each.__name__: each for each in (transparent, resumed, overhead, leap, share, memory)}


def main() -> None:
    """Measure the rows that are named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help="by default all")
    parser.add_argument("--model", default="gpt2-nano")
    parser.add_argument("--memory-model", default="gpt2")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--slices", type=int, default=150)
    parser.set_defaults(device="cpu")
    options = parser.parse_args()
    known = read_rows("network")
    command = shlex.join(["python", "benchmarks/network.py", *sys.argv[1:]])
    console = Console(stderr=True)
    for name in options.rows or ROWS:
        console.print(f"{name} …")
        figures = {"row": name, **ROWS[name](options)}
        (known[name],) = with_origin([{**figures, "threads": torch.get_num_threads()}], command)
        console.print_json(json.dumps(known[name]))
        write_result("network", {"rows": [known[row] for row in ROWS if row in known], "torch": torch.__version__})


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    main()
