"""Training as a computation: a walk through weights that can be predicted, judged on held-out data, and leapt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from asc.errors import AscError
from asc.settings import Settings
from asc.types import Advanced, Candidate, Combination, Plan, Prediction, Snapshot, Transition
from asc_nn_training.costs import Costs
from asc_nn_training.training.agree import from_first
from asc_nn_training.training.device import out_of_memory, random_state, set_random_state
from asc_nn_training.training.loop import Loop, Watch
from asc_nn_training.training.loss import evaluation
from asc_nn_training.training.moments import Moments, decays, uniform
from asc_nn_training.training.progress import Progress
from asc_nn_training.training.training import NonFiniteError
from asc_nn_training.validators.gate import Gate
from asc_nn_training.weights.combine import gram
from asc_nn_training.weights.proposal import Frame, Proposal, Rest
from asc_nn_training.weights.store import Kept, Stored, WeightStore
from asc_nn_training.weights.weights import Values, Weights

Fingerprint = Callable[[torch.nn.Module], Tensor]  # (probes, d): the present weights' answer to fixed texts

Scored = tuple[Proposal, NDArray[np.float64]]


class LeapConfig(Settings):
    """What goes along with the weights when they leap."""

    leap_moments: Literal["keep", "reset", "decay"] = Field(
        "keep", description="AdamW's moments: keep them, reset them with their step count, or let them decay"
    )
    leap_schedule: Literal["stay", "advance"] = Field(
        "stay", description="stay: a leap is extra progress and all steps are still run; advance: it skips its steps"
    )


class TrainingComputation:
    """Fulfils `Computation` and `Scores` over a training loop; its positions are optimiser steps.

    The snapshot of a boundary is also the copy that a rejected candidate is rolled back from.
    """

    exact = False
    provides = frozenset({"fingerprint", "optimizer", "score", "segment", "weights"})

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
        self.weights, self.store = Weights(training.model), store or WeightStore(training.device)
        self.progress = Progress()
        self._gate, self._fingerprint, self._costs, self._watch = gate, fingerprint, costs, watch
        self._random = random_state(training.device)  # training's own: whoever draws at a boundary does not disturb it
        self._version = 0  # of the weights: counts every change
        self._copy: tuple[int, Kept] | None = None  # the weights of a version, to roll back to
        self._scores: dict[int, NDArray[np.float64]] = {}  # of the present version, by subset
        self._linked: dict[tuple[int, int], Scored] = {}  # the same of candidates that others may be based on
        # Plain steps of work that was done since it was last priced.
        self._unpaid = dict.fromkeys(("recognise", "predict", "validate", "lookup"), 0.0)
        self.remarks: list[str] = []
        self.skipped = 0  # steps, since this was made
        self.stopping = False
        self.on_step: Callable[[], bool] | None = None
        if fingerprint is None:
            self.provides -= {"fingerprint"}
        if gate.subsets < 2:
            self.provides -= {"score"}

    def position(self) -> int:
        """Optimiser steps taken or leapt over."""
        return self.training.position

    def total(self) -> int:
        """Optimiser steps of the whole run."""
        return self.training.total

    def finished(self) -> bool:
        """Whether all steps are done."""
        return self.training.finished or (self._watch is not None and self._watch.reached)

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Train; there is nothing to remember, since no weights come back."""
        training, began = self.training, self.training.position
        set_random_state(self._random, training.device)
        try:
            while not (self.finished() or self.stopping) and training.position < began + max_steps:
                loss = training.step()
                self.progress.note(loss)
                if self._watch is not None:
                    self._watch.after(training.position, loss)
                if self.on_step is not None and self.on_step():
                    break
        finally:
            self._random = random_state(training.device)
            self.changed()
        return Advanced(training.position - began)

    def stop(self) -> None:
        """Let `advance` return after the step that it is at."""
        self.stopping = True

    def observe(self) -> Snapshot:
        """Copy the weights, once for each boundary."""
        return Snapshot(self.position(), 0, Frame(self.present()), self.weights.nbytes)

    def snapshot(self) -> Snapshot:
        """Copy everything: weights, buffers, optimiser, position, random states."""
        buffers = [buffer.clone() for buffer in self.training.model.buffers()]
        rest = Rest(deepcopy(self.training_state()), self.progress.losses, buffers)
        return Snapshot(self.position(), 0, Frame(self.present(), rest), 3 * self.weights.nbytes)

    def restore(self, snapshot: Snapshot) -> None:
        """Put everything back, bit for bit."""
        frame: Frame = snapshot.state
        if frame.rest is None:
            raise AscError(
                "This snapshot holds the weights only, so a run cannot go back to it: take one by snapshot()."
            )
        self.weights.put(frame.kept.values())
        for buffer, value in zip(self.training.model.buffers(), frame.rest.buffers, strict=True):
            buffer.copy_(value)
        self.go_on(deepcopy(frame.rest.state), frame.rest.losses)

    def training_state(self) -> dict[str, Any]:
        """Everything but the weights: position, optimiser and training's own random state; refers to live tensors."""
        return self.training.state_dict() | {"random": self._random}

    def go_on(self, state: Mapping[str, Any], losses: Sequence[float]) -> None:
        """Go on from a `training_state`, whose tensors are taken over, once the weights are in place."""
        self.training.load_state_dict(state)
        self._random = random_state(self.training.device)
        self.forget(losses)

    def changed(self) -> None:
        """Hear that the weights are not what they were."""
        self._version += 1
        self._scores, self._linked = {}, {}

    def forget(self, losses: Sequence[float]) -> None:
        """Know nothing of the weights before, and of the progress only these losses."""
        self.progress = Progress(losses)
        self.changed()

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """Answer "fingerprint", (probes, d), of now; "optimizer", `Moments` of now; "weights", one list a snapshot.

        "segment" is the number of the stretch between leaps that they are of, and "score" a call from coefficients of
        the snapshots to a held-out loss on data that never judges.
        """
        match need:
            case "fingerprint" if self._fingerprint is not None:
                self._unpaid["recognise"] += self._costs.forward(self._costs.probe_tokens)
                with evaluation(self.training.model):
                    rows = self._fingerprint(self.training.model)
                return from_first(rows).double().cpu().numpy()
            case "optimizer":
                return self._moments()
            case "segment":
                return snapshots[-1].segment
            case "weights":
                self._unpaid["predict"] += self._costs.moved(float(len(snapshots)))
                return Stored([snapshot.state.kept for snapshot in snapshots])
            case "score" if self._gate.subsets > 1:
                return partial(self._tuning_loss, tuple(snapshots))
        raise LookupError(f"training provides {', '.join(sorted(self.provides))}, not {need}")

    def gram(self, snapshots: Sequence[Snapshot]) -> NDArray[np.float64]:
        """Inner products, (n-1, n-1), of the differences to the newest weights."""
        found: NDArray[np.float64] = gram(self.read("weights", snapshots)).numpy()  # which has paid for the reading
        return found

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Sum past weights, or take weights given directly; None where those have other shapes."""
        if plan.horizon and self.position() + self._skipped(plan.horizon) > self.total():
            return None
        if isinstance(prediction, Combination):
            proposal, nbytes = self._sum(prediction, history), 0  # snapshots that the history holds anyway
        else:
            if [v.shape for v in prediction.state] != [p.shape for p in self.weights.parameters]:
                return None
            kept = self.store.keep(prediction.state)
            self._unpaid["predict"] += self._costs.moved(1.0)
            proposal = Proposal((1.0,), (kept,), self._version, self.present(), own=True)
            nbytes = self.weights.nbytes
        return Candidate(self.position(), self._skipped(plan.horizon), proposal, nbytes, plan.predictor)

    def agrees(self, transition: Transition) -> bool:
        """Whether the weights are those that it was predicted from, and there is room for its steps."""
        proposal: Proposal = transition.effect
        room = transition.start + transition.steps <= self.total()
        return transition.start == self.position() and room and proposal.version == self._version

    def apply(self, transition: Transition) -> None:
        """Leap: weights in place, moments and schedule by their policies."""
        proposal: Proposal = transition.effect
        proposal.put(self.weights, self.present())
        self._treat_moments(transition.steps)
        self.training.position += transition.steps
        self.skipped += transition.steps
        self.changed()

    def key(self, names: tuple[str, ...]) -> tuple[None, ...]:
        """Return nothing to tell states apart by: transitions are found by where they start."""
        return (None,) * len(names)

    def cost(self, work: str) -> float:
        """Price in plain steps. For passes over data, what was done since this was last asked."""
        if work in self._unpaid:
            price, self._unpaid[work] = self._unpaid[work], 0.0
            return price
        elsewhere = self._costs.copied(self.store.moved()) if work == "observe" else 0.0
        return self._costs.moved({"observe": 2.0, "apply": 3.0}.get(work, 0.0)) + elsewhere

    def digest(self) -> str:
        """SHA-256 over the trainable weights, in the module's order, with their names, types and shapes."""
        total = hashlib.sha256()
        for name, parameter in zip(self.weights.names, self.weights.parameters, strict=True):
            total.update(f"{name} {parameter.dtype} {tuple(parameter.shape)}\n".encode())
            total.update(parameter.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
        return total.hexdigest()

    def score(self, state: Any | None, look: int) -> NDArray[np.float64]:
        """Return each sequence's loss, nats a token, under a proposal or, for None, the present weights."""
        subset = look % max(1, self._gate.subsets - 1)
        if state is None:
            if subset not in self._scores:
                self._scores[subset] = self._losses(subset, "validate")
            return self._scores[subset]
        if state.own:  # not remembered, since that would hold on to its memory
            return self._tried(state, subset, "validate")
        if (id(state), subset) not in self._linked:
            self._linked[id(state), subset] = state, self._tried(state, subset, "validate")
        return self._linked[id(state), subset][1]

    def trial(self, state: Any | None, steps: int, looks: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
        """Train a few steps from a proposal, or from here for None; return each look's losses; go back."""
        subsets = {look: look % max(1, self._gate.subsets - 1) for look in looks}
        here = self.present()
        with self.excursion():
            try:
                if state is not None:
                    state.put(self.weights, here)
                    self._treat_moments(0)
                for _ in range(min(steps, self.total() - self.position())):
                    self.training.step()
                    self._unpaid["validate"] += 1.0
                found = {subset: self._losses(subset, "validate") for subset in sorted(set(subsets.values()))}
            except NonFiniteError:
                found = {}
            except (MemoryError, RuntimeError) as error:
                self._remark_memory(error)
                raise
        self._unpaid["validate"] += self._costs.moved(12.0)
        if not found:  # it led to numbers that are none
            return {look: np.full_like(self.score(None, look), np.inf) for look in looks}
        return {look: found[subset] for look, subset in subsets.items()}

    @contextmanager
    def excursion(self) -> Iterator[None]:
        """Within, train on and leap as you like, with training's own random state: it is all undone at the end."""
        here, progress, drawn = self.snapshot(), self.progress, random_state(self.training.device)
        version, scores, linked, copy = self._version, self._scores, self._linked, self._copy
        self._copy = None  # what is rolled back to is not past, and stays exact
        set_random_state(self._random, self.training.device)
        self.changed()
        try:
            yield
        finally:
            self.training.optimizer.zero_grad()  # a step that has failed leaves some
            self.restore(here)
            self.progress, self._copy, self.store.pinned = progress, copy, None if copy is None else copy[1]
            self._version, self._scores, self._linked = version, scores, linked
            set_random_state(drawn, self.training.device)

    def gain_steps(self, improvement: float) -> float:
        """Return the plain steps that would lower the loss as much, by how fast training lowers it at present."""
        return self.progress.steps(improvement)

    def present(self) -> Kept:
        """Return the present weights as a copy, made once a version; what was present before is past from then on."""
        if self._copy is None or self._copy[0] != self._version:
            if self._copy is not None:
                self.store.round(self._copy[1])
            self.store.pinned = None
            self._copy = self._version, self.store.keep(self._copied())
            self.store.pinned = self._copy[1]
            if self.store.fault:
                self._remark(self.store.fault)
        return self._copy[1]

    def go_on_from(self, history: Sequence[Snapshot], moved: int) -> None:
        """Take a resumed run's snapshots for one's own: the newest is past at the next, and what lay elsewhere paid."""
        if history:
            self._copy = -1, history[-1].state.kept
        self.store.pending = moved

    def _copied(self) -> Values:
        try:
            return self.weights.copy()
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise AscError(
                f"There is no room for a copy of the weights ({self.weights.nbytes / 1e9:.2g} GB), which speculation "
                "rolls back to. Train with a smaller --batch, or with --no-speculation."
            ) from error

    @torch.no_grad()
    def distance(self, kept: Kept) -> float:
        """Return the L2 distance of the present weights to others, relative to the length of these."""
        self._unpaid["lookup"] += self._costs.moved(2.0)
        apart = length = torch.zeros((), dtype=torch.float64, device=self.training.device)
        for parameter, value in zip(self.weights.parameters, kept.values(), strict=True):
            apart = apart + (parameter - value).double().square().sum()
            length = length + parameter.double().square().sum()
        return float(from_first((apart / length.clamp(min=1e-300)).sqrt()))

    def leap_to(self, kept: Kept, source: str, steps: int, gain: float) -> Transition:
        """Return a transition from here to weights that are known to be better."""
        proposal = Proposal((1.0,), (kept,), self._version, self.present())
        return Transition(self.position(), steps, proposal, 0, source, gain_steps=gain)

    def _sum(self, prediction: Combination, history: Sequence[Snapshot]) -> Proposal:
        pairs = zip(prediction.coefficients, prediction.of(history), strict=True)
        used = [(float(coefficient), snapshot.state.kept) for coefficient, snapshot in pairs if coefficient]
        return Proposal(tuple(c for c, _ in used), tuple(kept for _, kept in used), self._version, self.present())

    def _tuning_loss(self, history: Sequence[Snapshot], coefficients: Sequence[float]) -> float:
        """The mean loss of a weighted sum of the newest snapshots, on the subset that never judges."""
        proposal = self._sum(Combination(tuple(coefficients)), history)
        return float(self._tried(proposal, self._gate.subsets - 1, "predict").mean())

    def _tried(self, proposal: Proposal, subset: int, work: str) -> NDArray[np.float64]:
        """The losses under a proposal; the weights are put back whatever happens."""
        kept = self.present()
        try:
            proposal.put(self.weights, kept)
            return self._losses(subset, work)
        finally:
            self.weights.put(kept.values())
            self._unpaid[work] += self._costs.moved(3.0 + len(proposal.terms))

    def _losses(self, subset: int, work: str) -> NDArray[np.float64]:
        self._unpaid[work] += self._costs.forward(self._costs.gate_tokens)
        try:
            with evaluation(self.training.model):
                losses = self._gate.losses(self.training.model, subset)
        except (MemoryError, RuntimeError) as error:
            self._remark_memory(error)
            raise
        found: NDArray[np.float64] = from_first(losses.detach()).double().cpu().numpy()
        return found

    def _remark_memory(self, error: BaseException) -> None:
        if out_of_memory(error):
            self._remark(
                "There was too little memory to judge a candidate, which was skipped; a smaller gate set or history, "
                "or a smaller batch, needs less."
            )

    def _remark(self, sentence: str) -> None:
        if sentence not in self.remarks:
            self.remarks.append(sentence)

    def _skipped(self, horizon: int) -> int:
        return horizon if self.config.leap_schedule == "advance" else 0

    def _states(self) -> list[Mapping[str, Any]]:
        state = self.training.optimizer.state
        return [state[parameter] for parameter in self.weights.parameters if state.get(parameter)]

    def _moments(self) -> Moments | None:
        """AdamW's state; None before its first step, or where the optimiser keeps no such moments."""
        states, group = self._states(), uniform(self.training.optimizer)
        if len(states) < len(self.weights.parameters) or "exp_avg_sq" not in states[0]:
            return None
        self._unpaid["predict"] += self._costs.moved(4.0)
        position, rate = self.position(), self.training.rate
        return Moments(
            self.present().values(),
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            int(states[0]["step"]),
            group["betas"],
            group["eps"],
            decays(self.training.optimizer.param_groups, self.weights.parameters),
            lambda step: rate(position + step - 1),
        )

    @torch.no_grad()
    def _treat_moments(self, steps: int) -> None:
        for state in self._states():
            if self.config.leap_moments == "reset":
                for value in state.values():
                    if isinstance(value, Tensor):
                        value.zero_()  # the step count is one of them
            elif self.config.leap_moments == "decay" and "exp_avg" in state:
                state["exp_avg"].mul_(self.training.optimizer.param_groups[0]["betas"][0] ** max(1, steps))
