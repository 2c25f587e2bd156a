"""Training as a computation: a walk through weights that can be predicted, judged on held-out data, and leapt to."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from copy import deepcopy
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from asc.computation import Computation
from asc.errors import AscError
from asc.types import Advanced, Candidate, Combination, Direct, EngineState, Plan, Prediction, Snapshot, Transition
from asc_nn_training.costs import Costs
from asc_nn_training.optimizers.leap_trace import LeapTrace, undone
from asc_nn_training.optimizers.moments import Moments, has_moments, moments_of
from asc_nn_training.optimizers.state import leaping, require_known
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.device import out_of_memory, random_state, seed_everything, set_random_state
from asc_nn_training.training.loop import Loop, Watch
from asc_nn_training.training.loss import evaluation
from asc_nn_training.training.onward import Onward, Way, WayConfig
from asc_nn_training.training.progress import Progress
from asc_nn_training.training.training import NonFiniteError
from asc_nn_training.training.twin import drift
from asc_nn_training.validators.gate import Gate
from asc_nn_training.weights.candidate import CandidateWeights, Past
from asc_nn_training.weights.combine import gram
from asc_nn_training.weights.snapshot import RestOfTraining, WeightSnapshot, pack, unpack
from asc_nn_training.weights.store import LazyWeights, StoredWeights, WeightStore
from asc_nn_training.weights.weights import Values, Weights

Fingerprint = Callable[[torch.nn.Module], Tensor]  # (probes, d): the present weights' answer to fixed texts

_ScoredCandidate = tuple[CandidateWeights, NDArray[np.float64]]


class LeapConfig(WayConfig):
    """How the training goes on between leaps, and what happens to its rest when the weights leap."""

    leap_moments: Literal["keep", "reset", "decay"] = Field(
        "keep",
        description="the optimiser's moments at a leap: keep them, reset them with their step count, or decay them",
    )
    leap_schedule: Literal["stay", "advance"] = Field(
        "stay", description="stay: a leap is extra progress and all steps are still run; advance: it skips its steps"
    )


class TrainingComputation(Computation):
    """A training loop as a computation; its positions are optimiser steps.

    It can also score candidates (`asc.validators.scores.Scores`) and try them by real steps (probation's `Trials`). The
    snapshot of a boundary is also the copy for the rollback of rejected candidates.
    """

    provides = frozenset({"fingerprint", "losses", "optimizer", "rate", "score", "segment", "trial", "twin", "weights"})

    def __init__(
        self,
        training: Loop,
        gate: Gate,
        fingerprint: Fingerprint | None,
        costs: Costs,
        config: LeapConfig | None = None,
        watch: Watch | None = None,
        store: WeightStore | None = None,
    ) -> None:
        self.training, self.config = training, config or LeapConfig()
        self.group = self.ranks = Ranks(training.device)
        require_known(training.optimizer, self.config.leap_moments)
        self.weights = Weights(training.model, training.optimizer)
        self.store = store or WeightStore(training.device)
        self._pad_store()
        self.progress = Progress()
        self._gate, self._fingerprint, self._costs, self._watch = gate, fingerprint, costs, watch
        self._random = random_state(training.device)  # training's own, which draws at a boundary do not disturb
        self._version = 0  # of the weights: counts every change
        self._copy: tuple[int, StoredWeights] | None = None  # the weights of a version, for rollbacks
        self._scores: dict[int, NDArray[np.float64]] = {}  # of the present version, by subset
        self._candidate_scores: dict[tuple[int, int], _ScoredCandidate] = {}  # of candidates without own memory
        works = ("recognise", "predict", "validate", "lookup", "rehearse")
        self._owed = dict.fromkeys(works, 0.0)  # plain steps, by kind of work
        self.remarks: list[str] = []
        self.skipped = 0  # steps that leaps skipped, since the start
        self._leaps = 0
        self._trace: LeapTrace | None = None  # of the newest leap, until it is known whether it has lasted
        self.stopping = False
        self._onward: Onward | None = None  # carries out the way of going on that is in use
        self._go_on(self.config.chosen_way())
        if fingerprint is None:
            self.provides -= {"fingerprint"}
        if gate.subsets < 2:
            self.provides -= {"score"}
        if not training.steppable:
            self.provides -= {"trial", "twin"}
        if not has_moments(training.optimizer):
            self.provides -= {"optimizer"}

    def position(self) -> int:
        """Optimiser steps executed or leapt over."""
        return self.training.position

    def total(self) -> int | None:
        """Optimiser steps of the whole run; None if the loop does not say."""
        return self.training.total

    def finished(self) -> bool:
        """Whether all steps are done, or the run's goal is reached."""
        return self.training.finished or (self._watch is not None and self._watch.reached)

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Train. Nothing is recorded, because weights do not recur."""
        training, began = self.training, self.training.position
        set_random_state(self._random, training.device)
        if self._watch is not None:
            self._watch.before()
        try:
            while not (self.finished() or self.stopping) and training.position < began + max_steps:
                loss = training.step()
                self.stepped()
                self.progress.note(loss)
                if self._watch is not None:
                    self._watch.after(training.position, loss)
                if self.on_step is not None and self.on_step():
                    break
        finally:
            self._random = random_state(training.device)
            self.changed()
        return Advanced(training.position - began)

    def stepped(self) -> None:
        """Move the weights on, after a step, as the way in use says.

        This is part of the step: it is in its seconds, and rations no speculation.
        """
        if self._onward is None:
            return
        training = self.training
        try:
            with leaping(training.optimizer, self.weights.parameters, self.weights.copy):
                moving = [parameter.requires_grad for parameter in self.weights.parameters]
                rate = training.rate(training.position)
                self._onward.after(self.weights.tensors, training.position, rate, moving)
        except AscError as error:  # the optimiser has weights of its own that cannot be moved
            self._onward = None
            self.remark(f"The training goes on by plain steps. {error}")

    def _go_on(self, way: Way, past: Past | None = None) -> None:
        """Go on in this way from here on."""
        self._onward = Onward(way) if way.beta else None
        if self._onward is not None and past is not None:
            self._onward.begin(past.weights.values(), self.weights.tensors, past.steps)

    def stop(self) -> None:
        """Make `advance` return after the present step."""
        self.stopping = True

    def observe(self) -> Snapshot:
        """Copy the weights, once a boundary."""
        self.ranks.require_together(self.position(), self._leaps)
        return Snapshot(self.position(), 0, WeightSnapshot(self.present()), self.weights.nbytes)

    def snapshot(self) -> Snapshot:
        """Copy everything: weights, buffers, optimiser, position, random states."""
        buffers = [buffer.clone() for buffer in self.training.model.buffers()]
        rest = RestOfTraining(deepcopy(self.training_state()), self.progress.losses, buffers, deepcopy(self._onward))
        return Snapshot(self.position(), 0, WeightSnapshot(self.present(), rest), 3 * self.weights.nbytes)

    def restore(self, snapshot: Snapshot) -> None:
        """Put everything back, bit for bit."""
        state: WeightSnapshot = snapshot.state
        if state.rest is None:
            raise AscError(
                "This snapshot holds only the weights, so a run cannot go back to it: take one with snapshot()."
            )
        self.weights.put(state.weights.values())
        for buffer, value in zip(self.training.model.buffers(), state.rest.buffers, strict=True):
            buffer.copy_(value)
        self.load_training_state(deepcopy(state.rest.state))
        self._onward = deepcopy(state.rest.onward)
        self.reset_progress(state.rest.losses)

    def training_state(self) -> dict[str, Any]:
        """Return everything but the weights: position, optimiser and training's own random state, as live tensors."""
        return self.training.state_dict() | {"random": self._random}

    def load_training_state(self, state: Mapping[str, Any]) -> None:
        """Continue from a `training_state`, whose tensors are taken over; the weights are in place already."""
        self.training.load_state_dict(state)
        self._random = random_state(self.training.device)
        self.changed()

    def changed(self) -> None:
        """Note that the weights have changed."""
        self._version += 1
        self._scores, self._candidate_scores = {}, {}

    def reset_progress(self, losses: Sequence[float]) -> None:
        """Forget the losses of the training so far; these take their place."""
        self.progress = Progress(losses)
        self.changed()

    def speculation_state(self, engine: EngineState) -> dict[str, Any]:
        """Return what a checkpoint holds of speculation: the engine's state and history, and what has been measured."""
        return {
            "losses": list(self.progress.losses),
            "skipped": self.skipped,
            "moved": self.store.pending,
            "onward": None if self._onward is None else self._onward.state_dict(),
            "engine": dict(engine.state),
            "history": pack(engine.history),
        }

    def load_speculation_state(self, state: Mapping[str, Any]) -> EngineState:
        """Continue from a `speculation_state`, whose tensors are taken over; return the engine's part of it.

        The history's newest weights count as past from the next boundary on. Transfers that were not paid for at the
        checkpoint are still owed.
        """
        self.reset_progress(state["losses"])
        self.skipped, self._trace = state["skipped"], None
        history = unpack(state["history"], self.store)
        if history:
            self._copy = -1, history[-1].state.weights
        self.store.pending = state["moved"]
        onward = state["onward"]
        self._onward = None if onward is None else Onward.from_state(onward, self.weights.tensors)
        return EngineState(state["engine"], history)

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:  # noqa: PLR0911 -- one for each need
        """Answer "fingerprint", (probes, d), of now; "optimizer", `Moments` of now; "weights", one list a snapshot.

        "rate" is a call from a number of steps ahead, from 1 on, to the learning rate of that step. "segment" is the
        number of the snapshots' segment. "score" is a call from coefficients of the snapshots to a
        held-out loss, on the subset that never judges. "twin" is the call `drift`.
        """
        match need:
            case "fingerprint" if self._fingerprint is not None:
                self._owed["recognise"] += self._costs.forward(self._costs.probe_tokens)
                with evaluation(self.training.model):
                    rows = self._fingerprint(self.training.model)
                if not isinstance(rows, Tensor) or rows.ndim != 2:
                    shape = f" of shape {tuple(rows.shape)}" if isinstance(rows, Tensor) else ""
                    raise AscError(
                        f"The fingerprint answered a {type(rows).__name__}{shape}; expected a tensor of shape "
                        "(rows, d)."
                    )
                return self.ranks.from_first(rows).double().cpu().numpy()
            case "optimizer":
                return self._moments()
            case "rate":
                return self._rate_ahead()
            case "segment":
                return snapshots[-1].segment
            case "weights":
                self._owed["predict"] += self._costs.moved(2.0 * len(snapshots))
                return LazyWeights([snapshot.state.weights for snapshot in snapshots], copied=True)
            case "score" if self._gate.subsets > 1:
                return partial(self._tuning_loss, tuple(snapshots))
            case "twin" if self.training.steppable:
                return partial(drift, self)
        readable = sorted(self.provides - {"losses", "trial"})  # those two are for validators, and methods of their own
        raise LookupError(f"training provides {', '.join(readable)}, not {need}")

    def gram(self, snapshots: Sequence[Snapshot]) -> NDArray[np.float64]:
        """Inner products, (n-1, n-1), of the differences to the newest weights."""
        self._owed["predict"] += self._costs.moved(float(len(snapshots)))
        products = gram(LazyWeights([each.state.weights for each in snapshots]), self.weights.shares())
        if self.weights.sharded:
            products = self.ranks.sum(products.to(self.ranks.device))
        found: NDArray[np.float64] = self.ranks.from_first(products).cpu().numpy()
        return found

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Make a candidate of a sum of past weights, or of given weights; None if their shapes are others."""
        if plan.horizon and not self._has_room(self.position() + self._skips(plan.horizon)):
            return None
        if isinstance(prediction, Direct) and isinstance(prediction.state, Way):
            candidate, nbytes = self._in_a_way(prediction.state, history), 0
        elif isinstance(prediction, Combination):
            candidate, nbytes = self._sum(prediction, history), 0  # the history holds the snapshots anyway
        else:
            if [v.shape for v in prediction.state] != [t.shape for t in self.weights.tensors]:
                return None
            stored = self.store.keep(prediction.state)
            self._owed["predict"] += self._costs.moved(1.0)
            candidate = CandidateWeights((1.0,), (stored,), self._version, self.present(), own=True)
            nbytes = self.weights.nbytes
        return Candidate(self.position(), self._skips(plan.horizon), candidate, nbytes, plan.predictor)

    def agrees(self, transition: Transition) -> bool:
        """Whether the weights are those that it was predicted from, and its steps do not lead past the end."""
        candidate: CandidateWeights = transition.effect
        room = self._has_room(transition.start + transition.steps)
        return transition.start == self.position() and room and candidate.version == self._version

    def apply(self, transition: Transition) -> None:
        """Leap: put the weights in place, and treat moments and schedule as the settings say."""
        candidate: CandidateWeights = transition.effect
        self._leaps += 1
        if candidate.way is not None:
            self._go_on(candidate.way, candidate.past)
            return
        before = self.present()
        with self._leaping(transition.steps):
            candidate.put(self.weights, before)
        if self._onward is not None:
            self._onward.leapt(before.values(), self.weights.tensors)
        if not self.training.steppable:
            self._trace = LeapTrace(before.values(), self.weights.tensors)
        self.training.position += transition.steps
        self.skipped += transition.steps
        self.changed()

    def undone(self) -> bool:
        """Whether the newest leap has been undone by the loop's steps since then; called after each of them."""
        if self._trace is None:
            return False
        sums = self._trace.note(self.weights.tensors)
        if sums is None:
            return False
        self._trace = None
        return undone(self.ranks.sum(sums) if self.weights.sharded else self.ranks.from_first(sums))

    def price(self, work: str) -> float:
        """Price in plain steps. For work over data or past weights: of what was done and is not paid for yet."""
        if work in self._owed:
            return self._owed[work]
        if work == "observe":
            return self._costs.moved(2.0) + self._costs.copied(self.store.pending)
        return self._costs.moved(3.0) if work == "apply" else 0.0

    def take_price(self, work: str) -> float:
        """Return the price, and count it as paid."""
        price = self.price(work)
        if work in self._owed:
            self._owed[work] = 0.0
        elif work == "observe":
            self.store.take_pending()
        return price

    def owe(self, work: str, steps: float, passes: float = 0.0) -> None:
        """Add plain steps, and passes over the weights, to the price of a kind of work."""
        self._owed[work] += steps + self._costs.moved(passes)

    def digest(self) -> str:
        """SHA-256 of the trainable weights, in the module's order, with their names, types and shapes."""
        return self.weights.digest()

    def score(self, state: Any | None, look: int) -> NDArray[np.float64]:
        """Return each sequence's loss, nats a token, under a candidate or, for None, the present weights."""
        subset = look % max(1, self._gate.subsets - 1)
        if state is None:
            if subset not in self._scores:
                self._scores[subset] = self.losses(subset, "validate")
            return self._scores[subset]
        if state.own:  # not remembered, because that would keep its memory in use
            return self._losses_under(state, subset, "validate")
        if (id(state), subset) not in self._candidate_scores:
            self._candidate_scores[id(state), subset] = state, self._losses_under(state, subset, "validate")
        return self._candidate_scores[id(state), subset][1]

    def trial(
        self, state: Any | None, steps: int, looks: tuple[int, ...], averaged: int = 1, annealed: int = 0
    ) -> dict[int, NDArray[np.float64]]:
        """Train some steps from a candidate or, for None, from here; return each look's losses; undo the steps.

        In `annealed` more steps the learning rate falls to zero. The losses are those of the weights' mean over the
        last `averaged` steps.
        """
        subsets = {look: look % max(1, self._gate.subsets - 1) for look in looks}
        here = self.present()
        with self.excursion():
            try:
                if state is not None:
                    self._begin_trial(state, here)
                first = min(steps, self._left())
                self._take_trial_steps(first, 1 if annealed else averaged)
                if annealed:
                    with self.training.annealing(annealed):
                        self._take_trial_steps(min(annealed, self._left()), averaged)
                found = {subset: self.losses(subset, "validate") for subset in sorted(set(subsets.values()))}
            except NonFiniteError:
                found = {}
            except (MemoryError, RuntimeError) as error:
                self._remark_memory(error)
                raise
        self._owed["validate"] += self._costs.moved(12.0)
        if not found:  # the steps led to numbers that are not finite
            return {look: np.full_like(self.score(None, look), np.inf) for look in looks}
        return {look: found[subset] for look, subset in subsets.items()}

    def _begin_trial(self, candidate: CandidateWeights, here: StoredWeights) -> None:
        if candidate.way is not None:
            self._owed["validate"] += self._costs.moved(4.0)
            self._go_on(candidate.way, candidate.past)
            return
        with self._leaping(0):
            candidate.put(self.weights, here)
        if self._onward is not None:
            self._onward.leapt(here.values(), self.weights.tensors)

    def _take_trial_steps(self, steps: int, averaged: int) -> None:
        """Take steps, and put the weights' mean over the last `averaged` of them in place."""
        mean: Values | None = None
        for number in range(steps):
            self.training.step()
            self.stepped()
            self._owed["validate"] += 1.0
            if averaged > 1 and (count := number + 1 - max(0, steps - averaged)) > 0:
                if mean is None:
                    mean = self.weights.copy(torch.float32)
                else:
                    now = [tensor.to(torch.float32) for tensor in self.weights.tensors]
                    torch._foreach_lerp_(mean, now, 1 / count)
                self._owed["validate"] += self._costs.moved(3.0)
        if mean is not None:
            self.weights.put(mean)

    def _left(self) -> int:
        total = self.total()
        return sys.maxsize if total is None else total - self.position()

    @contextmanager
    def excursion(self) -> Iterator[None]:
        """Within, train and leap freely, with training's own random state: everything is undone at the end."""
        here, progress, drawn = self.snapshot(), self.progress, random_state(self.training.device)
        version, scores, candidate_scores, copy = self._version, self._scores, self._candidate_scores, self._copy
        self._copy = None  # the copy for rollbacks is not past, and stays exact
        set_random_state(self._random, self.training.device)
        self.changed()
        try:
            yield
        finally:
            self.training.optimizer.zero_grad()  # a failed step leaves gradients
            self.restore(here)
            self.progress, self._copy, self.store.pinned = progress, copy, None if copy is None else copy[1]
            self._version, self._scores, self._candidate_scores = version, scores, candidate_scores
            set_random_state(drawn, self.training.device)

    @contextmanager
    def moving(self) -> Iterator[None]:
        """Within, write other weights. The training then continues from them, with its moments and its way."""
        before = self.weights.copy()
        with leaping(self.training.optimizer, self.weights.parameters, lambda: before):
            yield
        if self._onward is not None:
            self._onward.leapt(before, self.weights.tensors)

    def rehearsed(self) -> None:
        """Count what has been done so far as a rehearsal, and forget the copy of the weights."""
        for work in ("recognise", "predict", "validate"):
            self._owed["rehearse"] += self._owed[work]
            self._owed[work] = 0.0
        self._copy = self.store.pinned = None
        self.changed()

    def renew(self) -> bool:
        """Take the present trainable weights, if layers were frozen or unfrozen; return whether that is so.

        Earlier copies are of other weights, and are forgotten. Raises AscError if no trainable weight is left.
        """
        if not self.weights.outdated():
            return False
        self.weights = Weights(self.training.model, self.training.optimizer)
        self._copy = self.store.pinned = self._trace = None
        if self._onward is not None:
            self._go_on(self._onward.way._replace(peak=self._onward.peak))
        self._pad_store()
        self.changed()
        return True

    def gain_steps(self, improvement: float) -> float:
        """Return the plain steps that would lower the loss by as much, at the present pace of the training."""
        return self.progress.steps(improvement)

    def present(self) -> StoredWeights:
        """Return a copy of the present weights, made once a version. The copy before it counts as past from then on."""
        if self._copy is None or self._copy[0] != self._version:
            if self._copy is not None:
                self.store.round(self._copy[1])
            self.store.pinned = None
            self._copy = self._version, self.store.keep(self._copied())
            self.store.pinned = self._copy[1]
            if self.store.fault:
                self.remark(self.store.fault)
        return self._copy[1]

    def _copied(self) -> Values:
        try:
            return self.weights.copy()
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise AscError(
                f"There is no room for a copy of the weights ({self.weights.nbytes / 1e9:.2g} GB), which speculation "
                "needs for rollbacks. Train with a smaller --batch, or with --no-speculation."
            ) from error

    @torch.no_grad()
    def distance(self, stored: StoredWeights, work: str = "lookup") -> float:
        """Return the L2 distance of the present weights to others, relative to the length of the present ones."""
        self.owe(work, 0.0, passes=2.0)
        sums = torch.zeros(2, dtype=torch.float64, device=self.training.device)
        for tensor, value, share in zip(self.weights.tensors, stored.values(), self.weights.shares(), strict=True):
            sums[0] += share * (tensor - value).double().square().sum()
            sums[1] += share * tensor.double().square().sum()
        apart, length = (self.ranks.sum(sums) if self.weights.sharded else self.ranks.from_first(sums)).tolist()
        return float((apart / max(length, 1e-300)) ** 0.5)

    def leap_to(self, stored: StoredWeights, source: str, steps: int, gain: float) -> Transition:
        """Return a transition from here to weights that a validator has accepted before."""
        candidate = CandidateWeights((1.0,), (stored,), self._version, self.present())
        return Transition(self.position(), steps, candidate, 0, source, gain_steps=gain)

    def _in_a_way(self, way: Way, history: Sequence[Snapshot]) -> CandidateWeights:
        earlier = history[-2] if len(history) > 1 else None
        past = None if earlier is None else Past(earlier.state.weights, self.position() - earlier.position)
        return self._sum(Combination((1.0,)), history)._replace(way=way, past=past)

    def _sum(self, prediction: Combination, history: Sequence[Snapshot]) -> CandidateWeights:
        pairs = zip(prediction.coefficients, prediction.of(history), strict=True)
        used = [(float(coefficient), snapshot.state.weights) for coefficient, snapshot in pairs if coefficient]
        coefficients, terms = tuple(c for c, _ in used), tuple(stored for _, stored in used)
        return CandidateWeights(coefficients, terms, self._version, self.present())

    def _tuning_loss(self, history: Sequence[Snapshot], coefficients: Sequence[float]) -> float:
        """Return the mean loss of a weighted sum of the newest snapshots, on the subset that never judges."""
        candidate = self._sum(Combination(tuple(coefficients)), history)
        return float(self._losses_under(candidate, self._gate.subsets - 1, "predict").mean())

    def _losses_under(self, candidate: CandidateWeights, subset: int, work: str) -> NDArray[np.float64]:
        """Return the losses under a candidate; the present weights are put back whatever happens."""
        here = self.present()
        try:
            candidate.put(self.weights, here)
            return self.losses(subset, work)
        finally:
            self.weights.put(here.values())
            self._owed[work] += self._costs.moved(3.0 + len(candidate.terms))

    def losses(self, subset: int, work: str) -> NDArray[np.float64]:
        """Return a subset's losses under the present weights, and owe their price for a kind of work.

        A loss that draws random numbers draws the same ones each time.
        """
        self._owed[work] += self._costs.forward(self._costs.gate_tokens)
        with self.ranks.failing_together("The evaluation of the gate"):
            try:
                with evaluation(self.training.model):
                    seed_everything(subset)
                    losses = self._gate.losses(self.training.model, subset).detach()
            except (MemoryError, RuntimeError) as error:
                self._remark_memory(error)
                raise
        found: NDArray[np.float64] = self.ranks.from_first(losses).double().cpu().numpy()
        return found

    def _remark_memory(self, error: BaseException) -> None:
        if out_of_memory(error):
            self.remark(
                "There was too little memory to judge a candidate, so the candidate was skipped. A smaller gate set, "
                "history or batch needs less memory."
            )

    def remark(self, sentence: str) -> None:
        """Add a sentence for the user; the same sentence is added once."""
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def _pad_store(self) -> None:
        if self.weights.sharded:
            self.store.padding = self.ranks.largest(self.weights.local_numel) - self.weights.local_numel

    def _has_room(self, end: int) -> bool:
        total = self.total()
        return total is None or end <= total

    def _rate_ahead(self) -> Callable[[int], float]:
        position, rate = self.position(), self.training.rate
        return lambda step: rate(position + step - 1)

    def _skips(self, horizon: int) -> int:
        return horizon if self.config.leap_schedule == "advance" else 0

    def _moments(self) -> Moments | None:
        """Return AdamW's state; None before the first step of some parameter."""
        weights = self.present().values()
        moments = moments_of(self.training.optimizer, self.weights.parameters, weights, self._rate_ahead())
        if moments is not None:
            self._owed["predict"] += self._costs.moved(6.0)
        return moments

    def _leaping(self, steps: int) -> AbstractContextManager[None]:
        """Within, write the weights of a leap; the optimiser's state goes along as the settings say."""
        optimizer, parameters = self.training.optimizer, self.weights.parameters
        return leaping(optimizer, parameters, lambda: self.present().values(), self.config.leap_moments, steps)
