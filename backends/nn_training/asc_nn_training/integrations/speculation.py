"""Speculation in anybody's training loop: built from model, optimiser and held-out data, called after each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from asc.allocator import Allocator
from asc.computation import InPlace, Predictor
from asc.config.run import Component, require_distinct
from asc.engine import Engine
from asc.errors import AscError
from asc.ledger import Ledger
from asc.plugins import Plugins, load
from asc.speculators import Judged
from asc.speculators.guess import require_needs
from asc.trajectory import Trajectory
from asc.types import Boundary, Memory, Snapshot
from asc_nn_training.computation import Fingerprint, LeapConfig, TrainingComputation
from asc_nn_training.costs import Costs
from asc_nn_training.depth import depth
from asc_nn_training.recognizers.probes import Probes
from asc_nn_training.training.agree import from_first, mean_over_ranks
from asc_nn_training.training.device import device_of
from asc_nn_training.validators.gate import BatchGate
from asc_nn_training.weights.cache import WeightCache
from asc_nn_training.weights.proposal import Frame
from asc_nn_training.weights.store import WeightStore
from asc_nn_training.weights.weights import Weights

ENDLESS = 2**40  # steps of a loop that does not say when it ends
Part = str | Mapping[str, Any]
"""A component: its name, or a table with its name and settings."""


class Speculation:
    """Predicts the weights of a training that somebody else runs, and leaps where held-out data agrees.

        speculation = Speculation(model, optimizer, gate=held_out_batches, loss=loss)
        for batch in batches:
            ...                                # forward, backward, optimizer.step()
            speculation.step(training_loss)    # now and then: predict, judge, perhaps leap

    `gate` is a list of held-out batches that are not used for anything else, and `loss(model, batch)` gives one loss a
    sample, (n,), or a batch's mean. `fingerprint(model)` answers with a tensor (rows, d); with one, the recognizer can
    be `activation-cosine`, otherwise each `every`-th step is a place to guess from. Prices are counted in the units of
    a gate batch (tokens where there are token numbers, else samples): `step_size` is what a training step takes, by
    default as much as a gate batch, and `probe_size` what a fingerprint takes, known of `Probes`. `snapshots` past
    weights are kept, by default as many as the predictors look back on. `position` is where the loop is, `total` where
    it ends.

    The model may be wrapped by DistributedDataParallel or `torch.compile`, the optimiser by Accelerate; the ranks of a
    distributed training decide alike. Raises AscError where a part is not known or does not suit.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        gate: Sequence[Any],
        loss: Callable[[nn.Module, Any], Tensor],
        scheduler: LRScheduler | None = None,
        fingerprint: Fingerprint | None = None,
        every: int = 50,
        horizons: Sequence[int] = (50, 100, 200),
        predictors: Sequence[Part] = ("linear",),
        recognizer: Part | None = None,
        validator: Part = "held-out-loss",
        leap: Mapping[str, Any] | None = None,
        cache: Mapping[str, Any] | None = None,
        overdraft: float = 0.03,
        snapshots: int | None = None,
        step_size: int | None = None,
        probe_size: int | None = None,
        total: int | None = None,
        position: int = 0,
        plugins: Plugins | None = None,
    ) -> None:
        create = (plugins or load()).registry.create
        loop = _Loop(unwrapped(model), optimizer, scheduler, ENDLESS if total is None else total, position)
        held_out = BatchGate(gate, loss)
        size = step_size or max(1, held_out.tokens // max(1, len(gate) // held_out.subsets))
        probed = probe_size if probe_size is not None else fingerprint.tokens if isinstance(fingerprint, Probes) else 0
        sizes = torch.tensor([size, held_out.tokens, probed], device=loop.device)
        size, looked, probed = map(int, from_first(sizes).tolist())  # prices steer, so they are the same on all ranks
        settings = LeapConfig.model_validate(dict(leap or {}))
        if settings.leap_schedule == "advance":
            raise AscError("A loop of your own takes all its steps, so leap_schedule can only be stay: leave it out.")
        weights = Weights(loop.model)
        costs = Costs(size, looked, probed, weights.numel, weights.nbytes)
        kept = WeightCache.Config.model_validate(dict(cache or {}))
        store = WeightStore(loop.device, kept)
        computation = TrainingComputation(loop, held_out, fingerprint, costs, settings, store=store)
        if recognizer is None:
            by_regime = {"name": "activation-cosine", "every": every}
            recognizer = by_regime if fingerprint else {"name": "every", "steps": every}
        where, judge = Component.model_validate(recognizer), Component.model_validate(validator)
        parts = [Component.model_validate(part) for part in predictors]
        require_distinct([part.name for part in parts])
        ledger = Ledger(exact=False, overdraft=overdraft)
        guessers: dict[str, Predictor] = {p.name: create("predictor", p.name, p.settings) for p in parts}
        found = create("recognizer", where.name, where.settings)
        require_needs("predictor", guessers, computation)
        require_needs("recognizer", {where.name: found}, computation)
        in_place = [name for name, part in guessers.items() if isinstance(part, InPlace) and part.in_place]
        self.computation, self._loop, self._pending = computation, loop, list[Tensor | float]()
        allocator = Allocator.Config(overdraft=overdraft, horizons=tuple(horizons))
        self.engine = Engine(
            computation,
            found,
            Judged(guessers, create("validator", judge.name, judge.settings), ledger),
            cache=WeightCache(computation, kept),
            allocator=Allocator(allocator, list(guessers), ledger, in_place),
            ledger=ledger,
            trajectory=Trajectory(Trajectory.Config(max_snapshots=snapshots or depth(parts), max_bytes=2**40)),
            on_fault=self._on_fault,
        )
        self.warnings: list[str] = []
        self._last, self._since = position, time.perf_counter()
        self._next = self._due()

    @property
    def position(self) -> int:
        """Steps taken so far."""
        return self._loop.position

    def step(self, loss: Tensor | float | None = None) -> Boundary | None:
        """Call after each `optimizer.step()`, with the training loss; answers what was done, None if nothing was due.

        The loss tells how fast training goes, and so what an improvement is worth; without it candidates are judged all
        the same, and no gain is counted. It may be a tensor on the device: it is read at boundaries only.
        """
        self._loop.position += 1
        if loss is not None:
            self._pending.append(loss.detach() if isinstance(loss, Tensor) else loss)
        if self.position < self._next:
            return None
        self._note_losses()
        ledger = self.engine.ledger
        ledger.progress(self.position - self._last, self._since)
        self._last = self.position
        self.computation.changed()
        boundary = self.engine.boundary()
        self._next = self._due()
        self._since = ledger.clock()
        return boundary

    def report(self) -> dict[str, Any]:
        """Leaps, estimated speed-up, everything on the clock by kind of work, and what went wrong, for people."""
        ledger = self.engine.ledger
        return {
            "position": self.position,
            "leaps": ledger.leaps,
            "estimated_speedup": ledger.speedup(),
            "ledger": ledger.accounts(),
            "warnings": [*self.warnings, *self.computation.remarks],
        }

    def state_dict(self) -> dict[str, Any]:
        """What it takes to go on, as torch's own do; weights and optimiser are yours to save."""
        memory = self.engine.memory()
        history = [(s.position, s.segment, s.state.kept.peek(), s.nbytes) for s in memory.history]
        place = {"position": self.position, "last": self._last, "next": self._next}
        pending = [float(loss) for loss in self._pending]  # this rank's own: nothing here waits for another
        losses = {"losses": list(self.computation.progress.losses), "pending": pending}
        return place | losses | {"moved": self.computation.store.pending, "state": memory.state, "history": history}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there, once model and optimiser have been loaded."""
        self._loop.position, self._last, self._next = state["position"], state["last"], state["next"]
        self._pending[:] = state["pending"]
        self.computation.forget(state["losses"])
        keep = self.computation.store.keep
        history = tuple(
            Snapshot(place, segment, Frame(keep(values)), size) for place, segment, values, size in state["history"]
        )
        self.engine.remember(Memory(state["state"], history))
        self.computation.go_on_from(history, state["moved"])

    def _due(self) -> int:
        return self.engine.due()[1]

    def _note_losses(self) -> None:
        if self._pending:
            losses = torch.stack([torch.as_tensor(loss, device=self._loop.device).float() for loss in self._pending])
            for value in mean_over_ranks(losses).tolist():
                self.computation.progress.note(value)
            self._pending.clear()

    def _on_fault(self, name: str, why: str) -> None:
        self.warnings.append(f"{name!r} was switched off, and training goes on without it: {why}.")


class _Loop:
    """What the computation may know of a loop that somebody else runs."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        scheduler: LRScheduler | None,
        total: int,
        position: int,
    ) -> None:
        self.model, self.optimizer, self._scheduler, self.total = model, optimizer, scheduler, total
        self.device, self.position = device_of(model), position

    @property
    def finished(self) -> bool:
        return self.position >= self.total

    def step(self) -> float:
        raise AscError(
            "The steps of this loop are its owner's, so validator probation cannot take any on trial: choose "
            "held-out-loss."
        )

    def rate(self, step: int) -> float:
        """The present rate, held: what a scheduler will do is its own."""
        return float(self._scheduler.get_last_lr()[0] if self._scheduler else self.optimizer.param_groups[0]["lr"])

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.position = state["position"]
        self.optimizer.load_state_dict(state["optimizer"])


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module inside of DistributedDataParallel and `torch.compile`."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner
