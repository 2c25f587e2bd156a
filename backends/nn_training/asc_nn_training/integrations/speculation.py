"""Speculation in your own training loop: made from model, optimiser and held-out data, called after each step."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from asc.assemble import assemble
from asc.config.validate import validate
from asc.errors import AscError
from asc.plugins import Plugins, load
from asc.run.monitor import Monitor
from asc.types import Boundary
from asc_nn_training.computation import Fingerprint, LeapConfig, TrainingComputation
from asc_nn_training.config import UNBOUNDED, SpeculationConfig
from asc_nn_training.costs import Costs
from asc_nn_training.recognizers.probes import Probes
from asc_nn_training.training.agree import from_first, mean_over_ranks
from asc_nn_training.training.device import device_of
from asc_nn_training.validators.gate import BatchGate
from asc_nn_training.weights.cache import WeightCache
from asc_nn_training.weights.store import WeightStore
from asc_nn_training.weights.weights import Weights

BACKEND = "nn_training"
Part = str | Mapping[str, Any]
"""A component: its name, or a table with its name and settings."""


class Speculation:
    """Predicts the weights of a training that your own loop runs, and leaps if held-out data agrees.

        speculation = Speculation(model, optimizer, gate=held_out_batches, loss=loss)
        for batch in batches:
            ...                                # forward, backward, optimizer.step()
            speculation.step(training_loss)    # at a boundary: predict, judge, perhaps leap
        speculation.close()                    # not needed if `total` is given

    `gate` is a list of held-out batches with no other use, and `loss(model, batch)` returns one loss a sample, (n,), or
    the batch's mean. `fingerprint(model)` returns a tensor (rows, d). With a fingerprint, the recognizer is
    `activation-cosine` by default; without one, every `every`-th step is a boundary that is worth predicting from.

    Prices are counted in the unit of a gate batch: tokens if it holds token numbers, else samples. `step_size` is the
    price of a training step, by default that of a gate batch, and `probe_size` the price of a fingerprint, which
    `Probes` knows itself. `snapshots` past weights are kept, by default as many as the predictors look back on.
    `position` is the step at which the loop begins, `total` the step at which it ends.

    Plugins can watch: `asc_run_started` is called at the first step, `asc_boundary` at each boundary, `asc_progress`
    about once a second between boundaries, and `asc_run_finished` at `total` or by `close`.

    The model may be wrapped by DistributedDataParallel or `torch.compile`, the optimiser by Accelerate. All ranks of a
    distributed training decide alike. Raises AscError if a setting is wrong, or a component is unknown or unsuitable.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        gate: Sequence[Any],
        loss: Callable[[nn.Module, Any], Tensor],
        lr_scheduler: LRScheduler | None = None,
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
        by_regime = {"name": "activation-cosine", "every": every}
        usual = {"name": "every", "steps": every} if fingerprint is None else by_regime
        settings = {
            **validate(LeapConfig, leap or {}, " of leap").model_dump(),
            "predictors": list(predictors),
            "recognizer": usual if recognizer is None else recognizer,
            "validator": validator,
            "cache": dict(cache or {}),
            "history": {"max_snapshots": snapshots, "max_bytes": UNBOUNDED},
            "scheduler": {"horizons": list(horizons), "overdraft": overdraft},
        }
        config = validate(SpeculationConfig, settings, " of Speculation")
        if config.leap_schedule == "advance":
            raise AscError("A loop of your own takes all its steps, so leap_schedule can only be stay: leave it out.")
        self._loop = _OwnLoop(unwrapped(model), optimizer, lr_scheduler, total, position)
        held_out = BatchGate(gate, loss)
        costs = _costs(self._loop, held_out, len(gate), step_size, _probe_size(fingerprint, probe_size))
        store = WeightStore(self._loop.device, config.cache)
        self.computation = TrainingComputation(self._loop, held_out, fingerprint, costs, config, store=store)
        plugins = plugins or load()
        self.monitor = Monitor(BACKEND, config.model_dump(mode="json"))
        """What the hooks see of this training; its `status()` is a run at a glance."""
        self.engine = assemble(
            self.computation,
            config,
            plugins.registry.create,
            cache=WeightCache(self.computation, config.cache),
            observer=self.monitor,
        )
        self.monitor.attach(self.engine, plugins.notifier(self.monitor.warn))
        self._losses = list[Tensor | float]()  # of the steps since the last boundary
        self._begun = self._closed = False
        self._last, self._since = position, self.engine.ledger.clock()
        _, self._next = self.engine.due()

    @property
    def position(self) -> int:
        """Steps taken so far."""
        return self._loop.position

    def step(self, loss: Tensor | float | None = None) -> Boundary | None:
        """Call after each `optimizer.step()` with the training loss; returns what happened, None between boundaries.

        The loss measures how fast training goes, and so what an improvement is worth. Without it, candidates are judged
        all the same, but no gain is counted. The loss may be a tensor on the device: it is read at boundaries only.
        After `close`, steps are only counted.
        """
        if self._closed:
            self._loop.position += 1
            return None
        if not self._begun:
            self._begun, self.monitor.first = True, self.position
            self.monitor.begin()
        self._loop.position += 1
        if loss is not None:
            self._losses.append(loss.detach() if isinstance(loss, Tensor) else loss)
        boundary = None
        if self.position < self._next:
            self.monitor.step()
        else:
            boundary = self._boundary()
        if self._loop.finished:
            self.close()
        return boundary

    def close(self) -> None:
        """End the speculation, and tell the plugins. `step` does it at `total`; closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        self.engine.speculator.close()
        self.monitor.stop_clock()
        if self._begun:
            state = "finished" if self._loop.total is None or self._loop.finished else "interrupted"
            own = {"final_digest": self.computation.digest(), "warnings": self._warnings()}
            self.monitor.end(self.monitor.summary(state) | own)

    def report(self) -> dict[str, Any]:
        """Return leaps, how often and how far ahead candidates were accepted, costs by kind of work, and warnings."""
        status, ledger = self.monitor.status(), self.engine.ledger
        return {
            "position": status.position,
            "leaps": ledger.leaps,
            "outcomes": dict(status.outcomes),
            "acceptance_rate": status.acceptance_rate,
            "mean_accepted_horizon": status.mean_accepted_horizon,
            "estimated_speedup": status.estimated_speedup,
            "reason": status.reason,
            "ledger": ledger.accounts(),
            "warnings": self._warnings(),
        }

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs, as torch's own do; weights and optimiser are for the loop to save."""
        return {
            "position": self.position,
            "last": self._last,
            "next": self._next,
            "losses": [float(loss) for loss in self._losses],  # this rank's own: saving never waits for another rank
            "speculation": self.computation.speculation_state(self.engine.save_state()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, after model and optimiser have been loaded."""
        if self._closed:
            raise AscError(
                f"This speculation was closed at position {self.position}, so it cannot continue from a saved state: "
                "make a new Speculation, and load the state into that."
            )
        self._loop.position, self._last, self._next = state["position"], state["last"], state["next"]
        self._losses[:] = state["losses"]
        self.engine.load_state(self.computation.load_speculation_state(state["speculation"]))

    def _boundary(self) -> Boundary:
        ledger = self.engine.ledger
        self._note_losses()
        ledger.progress(self.position - self._last, ledger.clock() - self._since)
        self._last = self.position
        self.computation.changed()
        boundary = self.engine.boundary()
        _, self._next = self.engine.due()
        self._since = ledger.clock()
        return boundary

    def _note_losses(self) -> None:
        if self._losses:
            losses = torch.stack([torch.as_tensor(loss, device=self._loop.device).float() for loss in self._losses])
            for value in mean_over_ranks(losses).tolist():
                self.computation.progress.note(value)
            self._losses.clear()

    def _warnings(self) -> list[str]:
        return [*self.monitor.warnings, *self.computation.remarks]


class _OwnLoop:
    """The user's loop, as far as the computation may know it."""

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        lr_scheduler: LRScheduler | None,
        total: int | None,
        position: int,
    ) -> None:
        self.model, self.optimizer, self._lr_scheduler, self.total = model, optimizer, lr_scheduler, total
        self.device, self.position = device_of(model), position

    @property
    def finished(self) -> bool:
        return self.total is not None and self.position >= self.total

    def step(self) -> float:
        raise AscError(
            "The validator probation takes steps on trial, which only a training of `asc run` offers: in a loop of "
            "your own choose held-out-loss."
        )

    def rate(self, step: int) -> float:
        """Return the present rate for every step: what the loop's scheduler will do is not known."""
        found = self._lr_scheduler.get_last_lr()[0] if self._lr_scheduler else self.optimizer.param_groups[0]["lr"]
        return float(found)

    def state_dict(self) -> dict[str, Any]:
        return {"position": self.position, "optimizer": self.optimizer.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.position = state["position"]
        self.optimizer.load_state_dict(state["optimizer"])


def _costs(loop: _OwnLoop, gate: BatchGate, batches: int, step_size: int | None, probe_size: int) -> Costs:
    """Return the prices of the loop's work; prices steer, so all ranks take those of the first."""
    size = step_size or max(1, gate.tokens // max(1, batches // gate.subsets))
    sizes = torch.tensor([size, gate.tokens, probe_size], device=loop.device)
    step_tokens, gate_tokens, probe_tokens = map(int, from_first(sizes).tolist())
    weights = Weights(loop.model)
    return Costs(step_tokens, gate_tokens, probe_tokens, weights.numel, weights.nbytes)


def _probe_size(fingerprint: Fingerprint | None, given: int | None) -> int:
    if given is not None:
        return given
    return fingerprint.tokens if isinstance(fingerprint, Probes) else 0


def unwrapped(model: nn.Module) -> nn.Module:
    """Return the module inside of DistributedDataParallel and `torch.compile`."""
    while True:
        inner = getattr(model, "_orig_mod", None)
        if inner is None and isinstance(model, nn.parallel.DistributedDataParallel | nn.DataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner
