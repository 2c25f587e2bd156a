"""The training by one rate, in stretches: at the constant rate from rung to rung, then annealed."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from math import inf, isfinite
from pathlib import Path
from typing import Any

from asc.study import Tell
from asc.types import EngineState
from asc_nn_training.backend import NetworkComputation
from asc_nn_training.data.prepare import Data
from asc_nn_training.studies.journal import CHECKPOINTS, Journal
from asc_nn_training.studies.recipe import RecipeConfig, backend
from asc_nn_training.studies.resumable import ResumableTraining
from asc_nn_training.training.training import NonFiniteError
from asc_nn_training.weights.averages import LIVE


class RateTraining:
    """The training by one rate and seed. Each stretch ends with a record in the journal, of its costs and losses.

    A stretch begins from the checkpoint that the one before has left. Where that is gone, the training is repeated from
    its beginning, which is in no record's costs. A training that has diverged takes no more steps.
    """

    def __init__(
        self,
        config: RecipeConfig,
        rate: float,
        seed: int,
        spans: tuple[int, ...],
        folder: Path,
        *,
        data: Callable[[], Data],
        journal: Journal,
        tell: Tell,
        stopped: Callable[[], bool],
    ) -> None:
        """`spans` are those of the averages. `data` returns the data, which all trainings of a seed share."""
        self._config, self._rate, self._seed, self._spans = config, rate, seed, spans
        self._folder, self._data, self._journal = folder, data, journal
        self._tell, self._stopped = tell, stopped
        self._part = f"rate {rate:g}, seed {seed}"

    def train_to(self, position: int) -> None:
        """Train to a position at the constant rate, and read out there."""
        before = [r["position"] for r in self._records() if r["decay"] is None and r["position"] < position]
        self._stretch(max(before, default=0), position, None)

    def anneal(self, decay: float, start: int) -> None:
        """Anneal over that share of the steps from `start`, up to which the rate was constant, and evaluate."""
        self._stretch(start, self._config.steps, decay)

    def loss(self, position: int) -> float:
        """Return the read-out's loss at a position; infinite if the training has diverged before."""
        found = [r["read_out"] for r in self._records() if (r["decay"], r["position"]) == (None, position)]
        return inf if not found or found[0] is None else float(found[0])

    def end(self) -> None:
        """Delete the state of the training, which takes no more steps."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._tell(self._part, self._config.steps, self._config.steps)

    def _records(self) -> Iterator[dict[str, Any]]:
        return (r for r in self._journal if (r["rate"], r["seed"]) == (self._rate, self._seed))

    def _stretch(self, start: int, end: int, decay: float | None) -> None:
        """Train from one position to another, and add the record, unless it is known."""
        if any(r["diverged"] or (r["position"], r["decay"]) == (end, decay) for r in self._records()):
            return
        data, clock = self._data(), _Clock()
        training, counted = self._opened(decay, data, clock)
        moved_s = clock.seconds() if start else 0.0  # without rungs, a training is made once as well
        training.train_to(start)
        clock.start(counted if training.computation.position() > start else 0.0)
        saved_s, diverged = training.saving_s, False
        try:
            training.train_to(end)
        except NonFiniteError:
            diverged = True
        record: dict[str, Any] = {
            "seed": self._seed,
            "rate": self._rate,
            "decay": decay,
            "position": end,
            "steps": training.computation.position() - start,
            "seconds": clock.seconds() - (training.saving_s - saved_s),
        }
        if decay is not None:
            record |= _end(training.computation, diverged)
        else:
            clock.start()
            training.save()
            record |= {"moved_s": moved_s + clock.seconds(), **_looks(training.computation, diverged)}
        diverged = not isfinite(record["read_out" if decay is None else "gate"])
        self._journal.add(record | {"diverged": diverged})
        if decay is not None:
            training.remove_checkpoints()

    def _opened(self, decay: float | None, data: Data, clock: _Clock) -> tuple[ResumableTraining, float]:
        """Return the training as it was left, and the seconds of its stretch that had been counted by then."""
        schedule = {"schedule": "constant"} if decay is None else {"schedule": "wsd", "wsd_decay": decay}
        config = self._config.model_copy(update={"lr": self._rate, **schedule})
        network = backend(config, self._seed, spans=self._spans)
        network.data = data
        constant, doing = self._folder / CHECKPOINTS, "training" if decay is None else "annealing"
        training = ResumableTraining(
            network,
            constant if decay is None else self._folder / f"decay-{decay:g}",
            every_s=self._config.checkpoint_seconds,
            stopped=self._stopped,
            state=lambda: EngineState({"seconds": clock.seconds()}),
            report=lambda position: self._tell(self._part, position, self._config.steps, doing),
        )
        found = training.resume()
        if decay is not None:
            if found is None:
                found = network.load(training.computation, constant)
            training.computation.watch.averages = None  # nothing is read out any more
        return training, float(found.state["seconds"]) if found else 0.0


class _Clock:
    """Counts seconds, on from those that were counted before a stop."""

    def __init__(self) -> None:
        self.start()

    def start(self, counted: float = 0.0) -> None:
        self._began = time.perf_counter() - counted

    def seconds(self) -> float:
        return time.perf_counter() - self._began


def _looks(computation: NetworkComputation, diverged: bool) -> dict[str, Any]:
    """Return the gate's losses, of the live weights and of the best read-out or live weights, and their seconds."""
    if diverged:
        return {"live": inf, "read_out": inf, "name": LIVE, "live_s": 0.0, "read_out_s": 0.0}
    gate, averages, clock = computation.data.gate.flatten(0, 1), computation.watch.averages, _Clock()
    assert averages is not None, "at a constant rate averages are kept"
    losses = {LIVE: _finite(computation.training.evaluate(gate))}
    live_s = clock.seconds()
    for name in averages.names():
        with averages.placed(name):
            losses[name] = _finite(computation.training.evaluate(gate))
    name = min(losses, key=lambda each: losses[each])
    read_out_s = clock.seconds() - live_s
    return {"live": losses[LIVE], "read_out": losses[name], "name": name, "live_s": live_s, "read_out_s": read_out_s}


def _end(computation: NetworkComputation, diverged: bool) -> dict[str, float]:
    """Return the losses of an annealed training on the gate set and on the test set."""
    if diverged:
        return {"gate": inf, "test": inf}
    data, training = computation.data, computation.training
    return {
        "gate": _finite(training.evaluate(data.gate.flatten(0, 1))),
        "test": _finite(training.evaluate(data.test)),
    }


def _finite(loss: float) -> float:
    return loss if isfinite(loss) else inf
