"""Arms: whole trainings; each is measured once, and its figures are kept by settings, device and commit."""

from __future__ import annotations

import gc
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import torch
from measure import commit
from torch import nn

from asc.errors import describe_error
from asc.plugins import load
from asc.run.run import Run
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.config import NetworkConfig
from asc_nn_training.data.prepare import Data
from asc_nn_training.training.training import NonFiniteError

Settings = dict[str, Any]
Figures = dict[str, Any]

A_LITTLE: Settings = {
    "steps": 8,
    "evaluate_every": 4,
    "until_loss": None,
    "predictors": ["linear"],
    "validator": "held-out-loss",
    "recognizer": {
        "name": "activation-cosine",
        "every": 2,
        "thresholds": {"name": "fixed", "chaotic": -1.0, "stable": -0.99},  # every boundary counts as stable
    },
    "scheduler": {"overdraft": 100.0, "horizons": [2]},
}
"""A few steps with boundaries that judge candidates, and some evaluations: all work that loads kernels first."""


class Arm(NamedTuple):
    """A training: its settings, whether it speculates, and whether its curve is measured on the dev set."""

    settings: Settings
    speculate: bool = False
    on_dev: bool = False

    @property
    def key(self) -> str:
        """The text that identifies the arm in the file of results."""
        return json.dumps(self, sort_keys=True)

    @property
    def whole(self) -> Settings:
        """All settings of the training, also those that are not given: a default may change from commit to commit."""
        given = {name: value for name, value in self.settings.items() if name != "optimizer"}
        return NetworkConfig.model_validate(given).model_dump(mode="json")

    @property
    def device(self) -> torch.device:
        """The device of the training."""
        return torch.device(self.settings["device"])


class OnTest(NetworkBackend):
    """Measures the loss curve on the test set. The curve decides nothing in a run: only the benchmark reads it."""

    @cached_property
    def data(self) -> Data:
        """The corpus, with the test set in the place of the dev set."""
        found = super().data
        return found._replace(dev=found.test)


class AdEMAMixed(OnTest):
    """Trains with AdEMAMix (arXiv 2409.03137), whose update has a second, slower average of the gradients."""

    def optimizer(self, model: nn.Module) -> torch.optim.Optimizer:
        """Make it with AdamW's groups and settings, α = 1 and a slow average of about 50 steps."""
        from pytorch_optimizer import AdEMAMix  # noqa: PLC0415 -- for this control alone

        adamw = super().optimizer(model)
        usual = adamw.param_groups[0]
        groups = [{"params": group["params"], "weight_decay": group["weight_decay"]} for group in adamw.param_groups]
        betas = (*usual["betas"], 0.98)
        made: torch.optim.Optimizer = AdEMAMix(
            groups, lr=usual["lr"], betas=betas, alpha=1.0, eps=usual["eps"], weight_decouple=True
        )
        return made


def measure(arm: Arm) -> Figures:
    """Train once; return losses, cost and the curve of (step, seconds, loss)."""
    _begin_afresh(arm.device)
    settings = dict(arm.settings)
    kind = AdEMAMixed if settings.pop("optimizer", "adamw") == "ademamix" else NetworkBackend if arm.on_dev else OnTest
    backend = kind(NetworkConfig.model_validate(settings))
    run = Run(backend, "nn_training", load([Path(__file__).with_name("controls.py")]), speculate=arm.speculate)
    watch = run.computation.watch
    watch.clock = clock(arm.device)
    try:
        summary = run.execute()
    except NonFiniteError:
        summary = run.summary("diverged")
    if summary["state"] == "interrupted":
        raise KeyboardInterrupt
    points = [(p.position, p.seconds - p.evaluating_s, p.dev_loss) for p in watch.curve]
    final, ledger, config = summary["outcome"], run.engine.ledger, backend.config
    a_step = 6 * final["parameters"] * config.batch * config.length * config.accumulation
    return {
        "curve": [[step, round(seconds, 3), round(loss, 6)] for step, seconds, loss in points],
        "test_loss": None if summary["state"] == "diverged" else final["test_loss"],
        "dev_loss": None if not arm.on_dev else final["dev_loss"],
        "read_out": final["read_out"],
        "read_out_curve": [
            [p.position, round(p.read_out_dev_loss, 6)] for p in watch.curve if p.read_out_dev_loss is not None
        ],
        "read_out_test_loss": final["read_out_test_loss"],
        "steps": summary["position"],
        "seconds": points[-1][1],
        "wall_seconds": summary["seconds"],
        "speculation_in_steps": ledger.spent,
        "gained_steps": ledger.gained,
        "judged": len(summary["leaps"]) if arm.speculate else 0,
        "accepted": summary["accepted"],
        "mean_accepted_horizon": summary["mean_accepted_horizon"],
        "leaps": ledger.leaps,
        "flops": a_step * (ledger.executed + ledger.spent),
        "peak_memory_bytes": summary["peak_memory_bytes"],
        "corpus": final["corpus"],
        "warnings": summary["warnings"],
        "reason": summary["reason"],
    }


def clock(device: torch.device) -> Callable[[], float]:
    """Return the processor's clock for a CPU; for another device the wall clock, read when the device is idle."""
    if device.type == "cpu":
        return time.process_time

    def waited() -> float:
        torch.zeros((), device=device).item()  # the last work in the device's queue
        return time.perf_counter()

    return waited


def device_name(device: torch.device) -> str:
    """Return the device's name, or its kind if no name is known."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def warm_up(arm: Arm) -> None:
    """Train a little like an arm, with some speculative boundaries: the first such training loads the kernels."""
    outcome(Arm({**arm.settings, **A_LITTLE}, speculate=True))


def outcome(arm: Arm) -> Figures:
    """Measure an arm, and return its figures or, if it fails, the reason."""
    try:
        return measure(arm)
    except Exception as error:  # noqa: BLE001 -- out of memory, say: the other arms still run
        return {"failed": describe_error(error)}


def alone(arm: Arm) -> Figures:
    """Measure an arm in a process of its own, so that a crash ends no other arm."""
    with ProcessPoolExecutor(1, get_context("spawn")) as process:
        try:
            return process.submit(outcome, arm).result()
        except BrokenProcessPool as error:
            return {"failed": describe_error(error)}


def _begin_afresh(device: torch.device) -> None:
    """Free what the previous arm has left, and count memory from now on; on a CPU, use one thread."""
    gc.collect()
    if device.type == "cpu":
        torch.set_num_threads(1)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


class Arms:
    """Measures arms while there is time, and writes the figures of each to a file.

    On a CPU each arm is a process of its own, `workers` at a time; on another device the arms take turns in this
    process. An arm in the file is not measured again if device and commit are the same. `any_commit` accepts other
    commits too, where all settings are the same, also by default, and prefers this one. An arm that has failed is
    measured again.
    """

    def __init__(
        self,
        path: Path,
        device: torch.device,
        say: Callable[[str], None],
        *,
        workers: int = 1,
        minutes: float = math.inf,
        any_commit: bool = False,
        fresh: bool = False,
    ) -> None:
        self._path, self._device, self._say, self._workers = path, device, say, workers
        self.device_name, self._commit = device_name(device), commit()
        self._ends, self._longest = time.monotonic() + 60 * minutes, 0.0
        self._cold = device.type != "cpu"
        lines = [] if fresh else sorted(_lines(path), key=lambda line: line["commit"] == self._commit)
        self._known = {line["key"]: line for line in lines if self._counts(line, any_commit)}

    def measure(self, arms: Mapping[str, Arm]) -> tuple[dict[str, Figures], dict[str, str]]:
        """Return the figures of arms by name, and the reasons of those that failed; the rest had no time."""
        failed: dict[str, str] = {}
        due = {name: arm for name, arm in arms.items() if not self._is_known(arm)}
        for name, found in self._measured(due):
            arm = arms[name]
            about = {"commit": self._commit, "device": self.device_name, "whole": arm.whole}
            line = {**about, "key": arm.key, "name": name}
            if "failed" in found:
                failed[name] = found["failed"]
                self._write({**line, **found})
                self._say(f"{name} failed: {found['failed']}")
            else:
                self._known[arm.key] = {**line, "found": found}
                self._write(self._known[arm.key])
                self._say(f"{name}: test loss {found['test_loss']}, {found['seconds']:.0f} s")
        return {name: self._known[arm.key]["found"] for name, arm in arms.items() if self._is_known(arm)}, failed

    def commits(self, arms: Sequence[Arm]) -> set[str]:
        """Return the commits on which these arms were measured."""
        return {self._known[arm.key]["commit"] for arm in arms if self._is_known(arm)}

    def _measured(self, arms: Mapping[str, Arm]) -> Iterator[tuple[str, Figures]]:
        """Yield the figures of each arm that there was time for."""
        if self._device.type != "cpu":
            for name, arm in arms.items():
                if (found := self._in_time(arm, outcome)) is not None:
                    yield name, found
            return
        threads = ThreadPoolExecutor(self._workers)  # they only wait for processes
        try:
            waiting = {threads.submit(self._in_time, arm, alone): name for name, arm in arms.items()}
            for done in as_completed(waiting):
                if (found := done.result()) is not None:
                    yield waiting[done], found
        finally:
            threads.shutdown(cancel_futures=True)

    def _in_time(self, arm: Arm, how: Callable[[Arm], Figures]) -> Figures | None:
        """Measure an arm; None if an arm that takes as long as the longest so far would end too late."""
        if time.monotonic() + self._longest >= self._ends:
            return None
        if self._cold:
            warm_up(arm)
            self._cold = False
        began = time.monotonic()
        found = how(arm)
        self._longest = max(self._longest, time.monotonic() - began)
        return found

    def _is_known(self, arm: Arm) -> bool:
        line = self._known.get(arm.key)
        return line is not None and (line["commit"] == self._commit or _agree(line.get("whole"), arm.whole))

    def _counts(self, line: Mapping[str, Any], any_commit: bool) -> bool:
        same = line.get("device", "cpu") == self.device_name and (any_commit or line["commit"] == self._commit)
        return same and "found" in line

    def _write(self, line: Mapping[str, Any]) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        cut = self._path.exists() and not self._path.read_bytes().endswith(b"\n")
        with self._path.open("a", encoding="utf-8") as file:
            file.write("\n" * cut + json.dumps(line) + "\n")


def _agree(then: Any, now: Any) -> bool:
    """Whether settings are as they were; what was no setting then has not changed."""
    if isinstance(then, dict) and isinstance(now, dict):
        return all(name in now and _agree(value, now[name]) for name, value in then.items())
    return bool(then == now)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of the file, except incomplete ones."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            continue
