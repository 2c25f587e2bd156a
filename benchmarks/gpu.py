"""Benchmarks of the network backend that need a GPU: `python benchmarks/gpu.py [ROW ...]`, each row into gpu.json.

Rows: correctness, sums, parts, overhead, memory; a minute or two each. A row replaces its earlier result, and one that
fails loses none of the others. Studies at the paper's scale are in `studies.py`, whole recipes in `recipes.py`.
"""

from __future__ import annotations

import argparse
import gc
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import network
import torch
from bare import bare
from measure import RESULTS, in_turns, read_rows, spread, where, with_origin, write_result
from rich.console import Console
from torch import Tensor

from asc.errors import AscError, describe_error
from asc.predictors.linear import Linear
from asc.trajectory import SegmentHistory
from asc.types import Plan
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.config import NetworkConfig
from asc_nn_training.models.models import make_model
from asc_nn_training.training.device import choose
from asc_nn_training.weights.combine import combine

ROOT = Path(__file__).parent.parent
CHECKS = "backends/nn_training/tests/test_accelerator.py"
LINEAR = (-0.1, 1.1)
FIVE = (0.1, -0.2, 0.3, -0.4, 1.2)
"""Weights of a linear leap over a tenth of the distance between snapshots, and of a sum of five; the last is now."""


def correctness(_options: argparse.Namespace) -> dict[str, Any]:
    """Run the tests that need an accelerator."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        chosen = [CHECKS, "-m", "gpu", "-W", "default", f"--junitxml={report}"]
        subprocess.run([sys.executable, "-m", "pytest", "-q", *chosen], cwd=ROOT, check=False)
        if not report.exists():
            raise AscError("The checks could not be run, for the reason above.")
        cases = list(ElementTree.parse(report).iter("testcase"))
    checks = []
    for case in cases:
        told = next((part for part in case if part.tag in ("failure", "error", "skipped")), None)
        outcome = "passed" if told is None else told.tag
        why = {} if told is None else {"why": told.get("message", "").splitlines()[:1]}
        checks.append({"check": case.get("name"), "outcome": outcome, "seconds": float(case.get("time", 0)), **why})
    count = {outcome: sum(each["outcome"] == outcome for each in checks) for outcome in ("passed", "skipped")}
    failed = len(checks) - count["passed"] - count["skipped"]
    if not failed + count["passed"]:
        raise AscError("Every check was skipped, because this machine has no accelerator.")
    told = {**count, "failed": failed, "checks": checks}
    return {**told, "goal": "every check passes", "met": failed == 0}


def sums(options: argparse.Namespace) -> dict[str, Any]:
    """Measure weighted sums of all weights as a share of a plain copy's bandwidth, by the fewest bytes they need."""
    found = {}
    for model in options.models:
        found[model] = _sums(options, model)
        gc.collect()
        if options.device.startswith("cuda"):
            torch.cuda.empty_cache()
    shares = [each[what]["in place"]["share_of_copy"]["median"] for each in found.values() for what in ("leap", "five")]
    return {"models": found, "goal": ">= 0.8", "met": min(shares) >= 0.8}


def _sums(options: argparse.Namespace, name: str) -> dict[str, Any]:
    vocabulary = NetworkConfig.model_validate({"model": name}).vocabulary
    with torch.device("meta"):
        model = make_model(name, init="scratch", vocabulary=vocabulary, length=256, seed=0)
    shapes = [parameter.shape for parameter in model.parameters()]
    count = sum(shape.numel() for shape in shapes)
    terms = [[torch.randn(shape, device=options.device).mul_(0.02) for shape in shapes] for _ in range(len(FIVE))]
    out = [tensor.clone() for tensor in terms[-1]]
    source, target = (torch.randn(count, device=options.device) for _ in range(2))
    ways: dict[str, dict[str, Callable[[], Any]]] = {
        "leap": {
            "in place": lambda: combine(LINEAR, terms[-2:], out, 1),
            "into other memory": lambda: combine(LINEAR, terms[-2:], out),
        },
        "five": {
            "in place": lambda: combine(FIVE, terms, out, len(FIVE) - 1),
            "into other memory": lambda: combine(FIVE, terms, out),
        },
    }
    if options.device.startswith("cuda"):
        ways = {what: {**each, **_by_one_launch(terms, out, what)} for what, each in ways.items()}
    fewest = {"leap": 3, "five": len(FIVE) + 1}  # reads and writes of each element
    copies, taken = [], {(what, way): list[float]() for what, each in ways.items() for way in each}
    for warm in (True, *[False] * options.repeats):
        copied = timed(options, lambda: target.copy_(source))
        for what, each in ways.items():
            for way, call in each.items():
                torch._foreach_copy_(out, terms[-1])  # so that repeated sums in place stay small
                seconds = timed(options, call)
                if not warm:
                    taken[what, way].append(fewest[what] / 2 * copied / seconds)
        if not warm:
            copies.append(8 * count / copied / 1e9)
    told: dict[str, Any] = {"parameters": count, "tensors": len(shapes), "copy_gb_s": spread(copies)}
    for what, each in ways.items():
        told[what] = {way: {"share_of_copy": spread(taken[what, way])} for way in each}
    return told


def _by_one_launch(terms: list[list[Tensor]], out: list[Tensor], what: str) -> dict[str, Callable[[], Any]]:
    """Return a kernel of our own, after a check of its result; none if it does not run on this machine."""
    shares, used = (LINEAR, terms[-2:]) if what == "leap" else (FIVE, terms)
    try:
        from one_launch import prepared  # noqa: PLC0415 -- Triton comes with torch for CUDA only

        summed = prepared(out)
        summed(shares, used)
        for found, expected in zip(out, combine(shares, used), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    except Exception as error:  # noqa: BLE001 -- whatever it is, the backend's own sums are measured all the same
        print(f"by one launch: {describe_error(error)}", file=sys.stderr)
        return {}
    return {"by one launch": lambda: summed(shares, [*used[:-1], out])}


def parts(options: argparse.Namespace) -> dict[str, Any]:
    """Measure snapshot, fingerprint, gate pass and a whole candidate in training steps, beside their booked prices."""
    computation = NetworkBackend(_config(options)).computation(plain=False)
    computation.advance(12)
    before = computation.observe()
    computation.advance(10)
    history = [before, computation.observe()]
    plan = Plan("linear", 10)
    prediction = Linear().predict(SegmentHistory(history, computation), plan.horizon)
    assert prediction is not None
    candidate = computation.materialise(prediction, history, plan)
    assert candidate is not None
    computation.score(None, 0)

    def gate() -> None:
        computation._scores.clear()  # the computation keeps the losses that it has measured
        computation.score(None, 0)

    def judged() -> None:
        computation._candidate_scores.clear()
        computation.score(candidate.state, 0)

    calls: dict[str, Callable[[], Any]] = {
        "snapshot": computation.weights.copy,
        "fingerprint": lambda: computation.read("fingerprint", ()),
        "gate": gate,
        "candidate": judged,
    }
    _drain(computation)
    found, booked = dict[str, list[float]](), dict[str, float]()
    for name, call in calls.items():
        call()
        booked[name] = _drain(computation) or computation.take_price("observe")
        found[name] = [timed(options, call) for _ in range(options.repeats)]
        _drain(computation)
    steps = [timed(options, lambda: computation.advance(1)) for _ in range(2 * options.repeats)]
    step = statistics.median(steps)
    told = {name: {"in_steps": spread([each / step for each in found[name]]), "booked": booked[name]} for name in calls}
    tokens = {"gate_tokens": computation._costs.gate_tokens, "probe_tokens": computation._costs.probe_tokens}
    return {"model": options.model, "step_s": spread(steps), **tokens, "parts": told, "goal": "report", "met": None}


def _drain(computation: NetworkComputation) -> float:
    """Return the plain steps that were booked since the last call."""
    return sum(computation.take_price(work) for work in ("recognise", "predict", "validate"))


def overhead(options: argparse.Namespace) -> dict[str, Any]:
    """Measure our loop without speculation against plain ones: one reads each step's loss, one reads none."""
    settings = _config(options, steps=10_000, evaluate_every=100_000, average_every=0)
    ours, steps = NetworkBackend(settings).computation(plain=True), options.slice_steps
    ratios = {}
    for name, reads in (("reading", True), ("not_reading", False)):
        theirs = bare(settings, steps, reads)
        ratios[name] = in_turns(lambda: ours.advance(steps), theirs, options.slices, partial(timed, options))
    told = {"ratio": ratios["reading"], "ratio_to_one_that_reads_no_loss": ratios["not_reading"]}
    told |= {"interval": "95 % of the median", "slices": options.slices, "steps_a_slice": steps}
    return {"model": options.model, **told, "goal": "<= 1.005", "met": ratios["reading"]["median"] <= 1.005}


def memory(options: argparse.Namespace) -> dict[str, Any]:
    """Extra peak memory at default settings, in units of the weights."""
    return network.memory(argparse.Namespace(memory_model=options.model, device=options.device))


def timed(options: argparse.Namespace, call: Callable[[], Any]) -> float:
    """Return the seconds of a call in wall time; the device is idle before and after."""
    _wait(options)
    began = time.perf_counter()
    call()
    _wait(options)
    return time.perf_counter() - began


def _wait(options: argparse.Namespace) -> None:
    if options.device != "cpu":
        torch.accelerator.synchronize()


def _config(options: argparse.Namespace, **settings: Any) -> NetworkConfig:
    given = {"model": options.model, "device": options.device, "batch": 4, "gate_batch": 8}
    return NetworkConfig.model_validate(given | settings)


ROWS = {each.__name__: each for each in (correctness, sums, parts, overhead, memory)}


def main() -> None:
    """Measure the rows that are named."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], metavar="ROW", help="by default all")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--model", default="gpt2")
    parser.add_argument("--repeats", type=int, default=30, help="times that each call is timed")
    parser.add_argument("--slices", type=int, default=30)
    parser.add_argument("--slice-steps", type=int, default=10)
    parser.add_argument("--models", nargs="+", default=["gpt2", "qwen2.5-1.5b"], help="whose weights are summed")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results (benchmarks/results)")
    options = parser.parse_args()
    try:
        on_cpu = choose(options.device).type == "cpu"
    except AscError as error:
        parser.error(str(error))
    if on_cpu and options.results == RESULTS:
        parser.error("benchmarks/results/gpu.json is for a GPU: to try this on a CPU, give --results FOLDER as well")
    known, console, failed = read_rows("gpu", options.results), Console(stderr=True), list[str]()
    command = shlex.join(["python", "benchmarks/gpu.py", *sys.argv[1:]])
    for name in options.rows or ROWS:
        console.print(f"{name} …")
        try:
            found = ROWS[name](options)
        except AscError as error:
            console.print(str(error))
            failed.append(name)
            continue
        except Exception:  # noqa: BLE001 -- reported, and the other rows still run: time on a card is short
            traceback.print_exc()
            failed.append(name)
            continue
        (known[name],) = with_origin([{"row": name, **found, **where()}], command)
        console.print_json(json.dumps(known[name]))
        rows = [known[row] for row in ROWS if row in known]
        write_result("gpu", {"rows": rows, "torch": torch.__version__}, options.results)
    if failed:
        sys.exit(f"not measured, for the reasons above: {', '.join(failed)}")


if __name__ == "__main__":
    main()
