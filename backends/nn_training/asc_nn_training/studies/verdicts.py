"""`asc study verdicts`: which verdict on a candidate predicts the end of the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import pairwise
from math import inf, isfinite
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor

from asc.predictor import Predictor
from asc.predictors.linear import Linear
from asc.study import Study, Table, Tell
from asc.trajectory import SegmentHistory
from asc.types import Candidate, Plan, Snapshot, Transition
from asc_nn_training.backend import NetworkComputation
from asc_nn_training.costs import FORWARD, STEP
from asc_nn_training.optimizers.optimizer import Preset
from asc_nn_training.predictors.autoregression import Autoregression
from asc_nn_training.predictors.average import TailAverage
from asc_nn_training.predictors.ema_nesterov import EmaNesterov
from asc_nn_training.predictors.nesterov import NesterovOuter
from asc_nn_training.studies.journal import JOURNAL, Journal
from asc_nn_training.studies.random_direction import RandomDirection
from asc_nn_training.studies.recipe import FREE, RecipeConfig, Seeds, ascending, backend, with_time_limit
from asc_nn_training.studies.resumable import StoppedError
from asc_nn_training.studies.verdict_tables import by_candidate, by_verdict
from asc_nn_training.training.onward import Way
from asc_nn_training.training.training import Batches, NonFiniteError
from asc_nn_training.weights.candidate import CandidateWeights

Losses = NDArray[np.float64]
PLAIN = Way(0.0, 0.5)
_ABBA = (True, False, False, True)  # a switchback's stretches, with the way and without it


class Kind(NamedTuple):
    """A kind of candidate: what predicts it, and how far ahead."""

    predictor: Callable[[], Predictor]
    horizon: int = 0


def kinds(decay: float) -> dict[str, Kind]:
    """Return the kinds of candidates by the names that tables show; `decay` is that of the ways."""

    def way(beta: float) -> Kind:
        return Kind(partial(EmaNesterov, EmaNesterov.Config(beta=beta, decay=decay, start=0)))

    return {
        "linear leap, 10 steps": Kind(Linear, 10),
        "linear leap, 50 steps": Kind(Linear, 50),
        "autoregression, 50 steps": Kind(Autoregression, 50),
        "average of 4 snapshots": Kind(partial(TailAverage, TailAverage.Config(window=4))),
        "outer step": Kind(NesterovOuter),
        "ema-nesterov, beta 0.3": way(0.3),
        "ema-nesterov, beta 0.6": way(0.6),
        "random direction": Kind(RandomDirection, 10),
    }


class Verdicts(Study):
    """Candidates from many states of tuned trainings, their verdicts, and the ends that the trainings come to.

    At each state, every candidate is judged in several ways: by the held-out loss of the moment, and by the loss after
    m real steps from both sides: of the live weights, of the mean weights of the last half of the steps, or of weights
    that are annealed by half as many steps more, at least 10, in which the rate falls to zero. Then the training is
    continued to its end from the candidate and without it, on the same batches, in several orders of the data. The
    difference of the two final test losses is the truth. A way of going on is used up to the end. It is also judged by
    a switchback: in stretches of the run with and without it.
    """

    class Config(RecipeConfig):
        """Settings of `verdicts`."""

        model: str = Field("gpt2-pico", description="gpt2-pico, gpt2-nano or another built-in shape")
        preset: Preset = Field("tuned", description="paper or tuned, as for a run")
        vocabulary: int = Field(257, ge=257, description="tokens; 257: bytes")
        length: int = Field(64, ge=2, description="tokens of a sequence")
        batch: int = Field(8, ge=1, description="sequences a batch")
        steps: int = Field(800, ge=50, description="optimiser steps of each training")
        warmup: int = Field(50, ge=0, description="steps in which the rate rises linearly to its peak")
        gate_sequences: int = Field(192, ge=6, description="held-out sequences that judge, with a third for tuning")
        test_sequences: int = Field(512, ge=1, description="held-out sequences for the loss at the end")
        rates: tuple[float, ...] = Field((3e-3, 5e-3), min_length=1, description="peak learning rates")
        seeds: Seeds = Field((1, 2, 3, 4), min_length=1, description="seeds of weights and data order")
        at: tuple[int, ...] = Field((200, 300, 400), min_length=1, description="steps of the states")
        every: int = Field(25, ge=1, description="steps between the snapshots before a state")
        trials: tuple[int, ...] = Field((10, 50, 100), min_length=1, description="real steps before a verdict")
        stretch: int = Field(40, ge=2, description="steps of a switchback's stretch")
        orders: int = Field(3, ge=2, description="orders of the data in which each training is continued")
        decay: float = Field(0.97, gt=0, lt=1, description="decay of the ways' average, by step")

        @model_validator(mode="after")
        def _fits(self) -> Verdicts.Config:
            ascending(self.at)
            ascending(self.trials)
            longest = max(steps + _annealing(steps) for steps in self.trials)
            first, last = 3 * self.every, self.steps - max(longest, 5 * self.stretch)
            if not (first <= min(self.at) and max(self.at) <= last):
                raise ValueError(
                    f"the states are at {min(self.at)} to {max(self.at)}, and a training of {self.steps} steps has "
                    f"room for states at {first} to {last}: change at, steps, every, trials or stretch"
                )
            return self

    config: Config

    free = FREE | {"at", "rates", "seeds"}

    def run(self, folder: Path, tell: Tell, stopped: Callable[[], bool]) -> bool:
        """Judge and continue from each state that is not in the journal yet."""
        journal, until = Journal(folder / JOURNAL), with_time_limit(self.config, stopped)
        try:
            for rate in self.config.rates:
                for seed in self.config.seeds:
                    self._training(rate, seed, journal, tell, until)
        except StoppedError:
            return False
        return True

    def tables(self, folder: Path) -> Sequence[Table]:
        """Return a table of verdicts, and one of candidates."""
        records = list(Journal(folder / JOURNAL))
        return (by_verdict(records, self._about(), self._prices()), by_candidate(records)) if records else ()

    def data(self, folder: Path) -> Mapping[str, Any]:
        """Return the journal's records."""
        return {"states": list(Journal(folder / JOURNAL))}

    def _prices(self) -> dict[str, float]:
        """Return what each verdict costs, both sides together, in plain steps."""
        config = self.config
        subset = config.gate_sequences // config.gate_subsets / (STEP * config.batch * config.accumulation) * FORWARD
        gate = 2 * subset * (config.gate_subsets - 1)
        prices = {"now": gate, "one look": 2 * subset, "switchback": 2.5 * gate}
        for steps in config.trials:
            prices |= dict.fromkeys((f"after {steps}", f"after {steps}, mean"), 2 * steps + gate)
            prices[f"after {steps}, annealed"] = 2 * (steps + _annealing(steps)) + gate
        return prices

    def _about(self) -> str:
        config = self.config
        return (
            f"{config.model}, {config.batch} x {config.length} tokens a step, {config.steps} steps, schedule "
            f"{config.schedule}, peak rates {', '.join(f'{rate:g}' for rate in config.rates)}, {len(config.seeds)} "
            f"seeds, states at {', '.join(map(str, config.at))}, each continued in {config.orders} orders of the data."
        )

    def _training(self, rate: float, seed: int, journal: Journal, tell: Tell, stopped: Callable[[], bool]) -> None:
        """Train by one rate and seed up to the last state; the training itself is not kept."""
        config, part = self.config, f"rate {rate:g}, seed {seed}"
        known = {record["position"] for record in journal if (record["rate"], record["seed"]) == (rate, seed)}
        states = [position for position in ascending(config.at) if position not in known]
        if not states:
            return
        network = backend(config.model_copy(update={"lr": rate}), seed, snapshots=4)
        subject, seen = network.computation(plain=False), dict[int, Snapshot]()
        before = {state: [state - back * config.every for back in (3, 2, 1, 0)] for state in states}
        for position in sorted({each for positions in before.values() for each in positions}):
            _advance(subject, position, stopped)
            seen[position] = subject.observe()
            if position in before:
                tell(part, states.index(position), len(states), f"state {position}")
                state = _State(subject, [seen[each] for each in before[position]], config, stopped)
                journal.add({"rate": rate, "seed": seed, "position": position, "candidates": state.candidates()})
        tell(part, len(states), len(states))


class _State:
    """One state of a training, from which candidates are judged and trainings continued."""

    def __init__(
        self,
        subject: NetworkComputation,
        snapshots: Sequence[Snapshot],
        config: Verdicts.Config,
        stopped: Callable[[], bool],
    ) -> None:
        self._subject, self._snapshots = subject, snapshots
        self._config, self._stopped = config, stopped
        self._looks = config.gate_subsets - 1  # the last subset is for predictors that tune

    def candidates(self) -> dict[str, Any]:
        """Return verdicts and ends of every kind of candidate, less those of the training without it.

        A verdict is the mean change of the held-out loss and its standard error over sequences, nats a token; an end
        is the change of the final test loss in one order of the data.
        """
        without = [self._continued(None, order) for order in range(self._config.orders)]
        found: dict[str, Any] = {}
        for name, kind in kinds(self._config.decay).items():
            candidate = self._candidate(kind)
            if candidate is None:
                continue
            tried = [self._continued(candidate, order) for order in range(self._config.orders)]
            verdicts = {
                verdict: _paired(losses - without[0].looks[verdict]) for verdict, losses in tried[0].looks.items()
            }
            verdicts["one look"] = _paired(_first(tried[0], self._looks) - _first(without[0], self._looks))
            if candidate.state.way is not None:
                verdicts["switchback"] = _paired(self._switchback(candidate))
            pairs = zip(tried, without, strict=True)
            ends = [with_it.end - plain.end for with_it, plain in pairs if isfinite(plain.end)]
            found[name] = {"verdicts": verdicts, "ends": ends}
        return found

    def _candidate(self, kind: Kind) -> Candidate | None:
        """Return the candidate of a predictor that was asked at the two newest snapshots."""
        predictor = kind.predictor()
        for last in (len(self._snapshots) - 1, len(self._snapshots)):
            seen = self._snapshots[:last]
            prediction = predictor.predict(SegmentHistory(seen, self._subject), kind.horizon)
        if prediction is None:
            return None
        return self._subject.materialise(prediction, self._snapshots, Plan("study", kind.horizon))

    def _continued(self, candidate: Candidate | None, order: int) -> _Continued:
        """Continue to the end, and return what was found on the way; in the first order, with all looks."""
        subject, looks = self._subject, dict[str, Losses]()
        trials = self._config.trials if order == 0 else ()
        with subject.excursion(), self._in_order(order):
            try:
                if candidate is not None:
                    subject.apply(_in_place(candidate))
                if order == 0:
                    looks["now"] = self._judged()
                done = 0
                for steps in trials:
                    mean = self._steps(steps - done, last=min(steps // 2, steps - done))
                    done = steps
                    looks[f"after {steps}"] = self._judged()
                    if steps >= 2:
                        looks[f"after {steps}, mean"] = self._judged(mean)
                    looks[f"after {steps}, annealed"] = self._annealed(_annealing(steps))
                self._steps(subject.training.total - subject.position())
                return _Continued(looks, subject.training.evaluate(subject.data.test))
            except NonFiniteError:
                size = self._looks * subject.data.gate.shape[1]
                forms = ("", ", mean", ", annealed")
                names = ["now", *(f"after {m}{form}" for m in trials for form in forms if m > 1 or form != ", mean")]
                bad = {name: np.full(size, inf) for name in names if order == 0}
                return _Continued({**bad, **looks}, inf)

    def _switchback(self, candidate: Candidate) -> Losses:
        """Return how much less the loss falls, by sequence, in a stretch with the way than in one without it.

        The stretches are with, without, without, with, after one without. So a steady change of pace cancels out.
        """
        subject, size = self._subject, self._config.stretch
        try:
            with subject.excursion():
                read = [self._judged(self._steps(size, last=size // 2))]
                for used in _ABBA:
                    subject.apply(_in_place(candidate) if used else self._plain())
                    read.append(self._judged(self._steps(size, last=size // 2)))
        except NonFiniteError:
            return np.full(self._looks * subject.data.gate.shape[1], inf)
        fell = [before - after for before, after in pairwise(read)]
        signs = [1.0 if used else -1.0 for used in _ABBA]
        return -sum((sign * fall for sign, fall in zip(signs, fell, strict=True)), np.zeros_like(read[0])) / 2

    def _plain(self) -> Transition:
        subject = self._subject
        terms = (subject.present(),)
        return Transition(subject.position(), 0, CandidateWeights((1.0,), terms, 0, terms[0], way=PLAIN), 0, "study")

    def _annealed(self, steps: int) -> Losses:
        """Return the gate's losses after as many steps more, in which the rate falls to zero; undo them."""
        with self._subject.excursion(), self._subject.training.annealing(steps):
            self._steps(steps)
            return self._judged()

    def _steps(self, steps: int, last: int = 0) -> list[Tensor] | None:
        """Take steps; return the mean weights after the last ones."""
        subject, mean = self._subject, None
        for number in range(steps):
            if self._stopped():
                raise StoppedError
            subject.training.step()
            subject.stepped()
            if (count := number + 1 - (steps - last)) > 0:
                if mean is None:
                    mean = subject.weights.copy()
                else:
                    torch._foreach_lerp_(mean, subject.weights.tensors, 1 / count)
        subject.changed()
        return mean

    def _judged(self, mean: Sequence[Tensor] | None = None) -> Losses:
        """Return the gate's losses under the present weights or, in their place, under these; (sequences,)."""
        subject = self._subject
        live = None if mean is None else subject.weights.copy()
        if mean is not None:
            subject.weights.put(mean)
        losses = np.concatenate([subject.losses(look, "validate") for look in range(self._looks)])
        if live is not None:
            subject.weights.put(live)
        return losses

    @contextmanager
    def _in_order(self, order: int) -> Iterator[None]:
        """Within, the batches come in another order; order 0 is the training's own."""
        training = self._subject.training
        own = training.batches
        training.batches = _Shifted(own, order * 1_000_000)
        try:
            yield
        finally:
            training.batches = own


class _Continued(NamedTuple):
    looks: dict[str, Losses]  # the gate's losses, by the verdict that compares them
    end: float  # the final test loss


class _Shifted:
    """The batches from another number on."""

    def __init__(self, batches: Batches, shift: int) -> None:
        self._batches, self._shift = batches, shift

    def batch(self, step: int) -> Tensor:
        return self._batches.batch(step + self._shift)


def _advance(subject: NetworkComputation, position: int, stopped: Callable[[], bool]) -> None:
    while subject.position() < position:
        if stopped():
            raise StoppedError
        subject.advance(1)


def _annealing(steps: int) -> int:
    """Return how many steps a trial of so many is annealed by."""
    return max(10, steps // 2)


def _in_place(candidate: Candidate) -> Transition:
    return Transition(candidate.start, 0, candidate.state, candidate.nbytes, "study")


def _first(continued: _Continued, looks: int) -> Losses:
    now = continued.looks["now"]
    return now[: len(now) // looks]


def _paired(differences: Losses) -> list[float]:
    """Return the mean difference and its standard error."""
    return [float(differences.mean()), float(differences.std(ddof=1) / len(differences) ** 0.5)]
