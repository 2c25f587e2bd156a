"""Speculation in your own training loop: made from model, optimiser and held-out data, called after each step."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping, Sequence
from copy import deepcopy
from numbers import Integral, Real
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from asc.assemble import assemble
from asc.config.validate import validate
from asc.errors import AscError, describe_error
from asc.interrupts import raising
from asc.nearest import nearest
from asc.plugins import Plugins, load
from asc.run.monitor import Monitor
from asc.types import Boundary
from asc.validator import Validator
from asc_nn_training.computation import Fingerprint, LeapConfig, TrainingComputation
from asc_nn_training.config import UNBOUNDED, SpeculationConfig
from asc_nn_training.costs import Costs
from asc_nn_training.integrations.own_loop import OwnLoop, require_a_training, unwrapped
from asc_nn_training.integrations.rehearsal import rehearse
from asc_nn_training.integrations.saved_state import require_own
from asc_nn_training.optimizers.own_weights import require_reachable
from asc_nn_training.ranks.ranks import Ranks, RanksError
from asc_nn_training.recognizers.probes import Probes
from asc_nn_training.training.device import preserved_randomness
from asc_nn_training.validators.gate import BatchGate, Loss, held_out
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

    `gate` has held-out batches with no other use: a list, or a loader or iterator, of which 32 batches are taken. They
    are judged by what is given: `loss(model, batch)`, one loss a sample, (n,), or the batch's mean; or `score`, the
    same with higher being better, such as a reward. Both are called in evaluation mode and without gradients, once for
    each batch already here. `fingerprint(model)` returns a tensor (rows, d). With a fingerprint, the recognizer is
    `activation-cosine` by default; without one, every `every`-th step is a boundary that is worth predicting from.

    Prices are counted in the unit of a gate batch: tokens if it holds token numbers, else samples. `step_size` is the
    price of a training step, by default that of a gate batch, and `probe_size` the price of a fingerprint, which
    `Probes` knows itself. `snapshots` past weights are kept, by default as many as the predictors look back on.
    `position` is the step at which the loop begins, `total` the step at which it ends. `way` is how the training goes
    on between leaps: "plain", or "ema-nesterov", also as a table: {"name": "ema-nesterov", "beta": 0.3}. It stays in
    use after `close`, as a setting of the optimiser would.

    Plugins can watch: `asc_run_started` is called at the first step, `asc_boundary` at each boundary, `asc_progress`
    about once a second between boundaries, and `asc_run_finished` at `total` or by `close`.

    The model may be wrapped by DistributedDataParallel or `torch.compile`, or be sharded by FSDP2, and the optimiser
    may be wrapped by Accelerate. All ranks of a distributed training decide alike. Layers that are frozen later do not
    move from then on, and layers that are unfrozen do.

    Raises AscError if a setting is wrong, a component is unknown or unsuitable, or the gate or its validator raises.
    Later, nothing ends the training but ranks that are no longer together: speculation is switched off instead, and
    `report()` says why.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        gate: Iterable[Any],
        loss: Loss | None = None,
        score: Loss | None = None,
        lr_scheduler: LRScheduler | None = None,
        fingerprint: Fingerprint | None = None,
        every: int = 50,
        horizons: Sequence[int] | int = (50, 100, 200),
        predictors: Sequence[Part] | Part = ("linear",),
        recognizer: Part | None = None,
        validator: Part = "held-out-loss",
        way: Part = "plain",
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
        require_a_training(model, optimizer, lr_scheduler, position, total)
        _require_prices(step_size=step_size, probe_size=probe_size)
        by_regime = {"name": "activation-cosine", "every": every}
        usual = {"name": "every", "steps": every} if fingerprint is None else by_regime
        settings = {
            **validate(LeapConfig, {**_way(way), **_table("leap", leap)}, " of leap").model_dump(),
            "predictors": [predictors] if isinstance(predictors, str | Mapping) else list(predictors),
            "recognizer": usual if recognizer is None else recognizer,
            "validator": validator,
            "cache": _table("cache", cache),
            "history": {"max_snapshots": snapshots, "max_bytes": UNBOUNDED},
            "scheduler": {
                "horizons": [horizons] if isinstance(horizons, int) else list(horizons),
                "overdraft": overdraft,
            },
        }
        config = validate(SpeculationConfig, settings, " of Speculation")
        if config.leap_schedule == "advance":
            raise AscError("A loop of your own takes all its steps, so leap_schedule can only be stay: leave it out.")
        if (loss is None) == (score is None):
            raise AscError(
                "The gate is judged by one function: give loss=function or score=function, which is called with the "
                "model and a batch."
            )
        self._loop = OwnLoop(unwrapped(model), optimizer, lr_scheduler, total, position)
        with Ranks(self._loop.device).failing_together("The preparation of the gate"):
            batches = held_out(gate, self._loop.device)
            judged_by: Literal["loss", "score"] = "loss" if score is None else "score"
            judge = BatchGate(batches, cast(Loss, loss if score is None else score), judged_by=judged_by)
        require_reachable(self._loop.model, optimizer)
        weights = Weights(self._loop.model, optimizer)
        costs = _costs(self._loop, weights, judge, len(batches), step_size, _probe_size(fingerprint, probe_size))
        store = WeightStore(self._loop.device, config.cache)
        self.computation = TrainingComputation(self._loop, judge, fingerprint, costs, config, store=store)
        if not isinstance(plugins, Plugins | None):
            raise AscError(f"plugins is of type {type(plugins).__name__}: give what asc.plugins.load() returned.")
        _require_one_configuration(self.computation.ranks, config.model_dump(mode="json"))
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
        began = self.engine.ledger.clock()
        judging: Validator = plugins.registry.create("validator", config.validator.name, config.validator.settings)
        rehearse(self.computation, judge.subsets, judging)
        self.engine.ledger.start("rehearse", self.engine.ledger.clock() - began)  # paid once, like starting workers
        self.monitor.attach(self.engine, plugins.notifier(self.monitor.warn))
        self._parts = {
            "predictors": [part.name for part in config.predictors],
            "recognizer": config.recognizer.name,
            "validator": config.validator.name,
            "way": config.way,
        }
        self._scored = score is not None
        self._noted = list[Tensor | float]()  # of the present step
        self._losses = list[Tensor | float]()  # of the steps since the last boundary
        self._begun = self._closed = False
        self._last, self._since = position, self.engine.ledger.clock()
        _, self._next = self.engine.due()

    @property
    def position(self) -> int:
        """Steps taken so far."""
        return self._loop.position

    def note(self, loss: Tensor | float) -> None:
        """Tell a training loss of the present step, before `step`; of several, such as micro-batches', the mean counts.

        The loss may be a tensor on the device, of which a copy is kept; it is read at boundaries only. Where a score
        judges, no loss counts, because it does not say how fast the score rises.
        """
        number = _number(loss)
        if not (self._closed or self._scored):
            self._noted.append(number)

    def step(self, loss: Tensor | float | None = None) -> Boundary | None:
        """Call after each `optimizer.step()` with the training loss; returns what happened, None between boundaries.

        The loss measures how fast training goes, and so what an improvement is worth. Without it, candidates are judged
        all the same, but no gain is counted. After `close`, steps are only counted.
        """
        if self._closed:
            self._loop.position += 1
            self.computation.stepped()
            return None
        if not self._begun:
            self._begun, self.monitor.first = True, self.position
            self.monitor.begin()
        self._loop.position += 1
        if loss is not None:
            self.note(loss)
        if self._noted:
            self._losses.append(self._noted[0] if len(self._noted) == 1 else _mean(self._noted))
            self._noted.clear()
        boundary = None
        undone = self.computation.undone()
        self.computation.stepped()
        if undone:
            self.engine.ledger.gained = 0.0
            self._switch_off(
                "the training continued from the weights before a leap, so its optimiser keeps weights of its own, "
                "such as copies in float32, and undoes every leap"
            )
        elif self.position < self._next:
            self.monitor.step()
        else:
            with raising():
                boundary = self._boundary()
        if self._loop.finished:
            self.close()
        return boundary

    def close(self) -> None:
        """End the speculation, and tell the plugins. `step` does it at `total`; closing again does nothing."""
        if self._closed:
            return
        self._closed = True
        self._book_steps()
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
        """Return what `load_state_dict` needs, as torch's own do; weights and optimiser are for the loop to save.

        Of sharded weights, the state has this rank's part.
        """
        return {
            "weights": self.computation.weights.layout(),
            "parts": self._parts,
            "rank": self._rank(),
            "position": self.position,
            "last": self._last,
            "next": self._next,
            "losses": [float(loss) for loss in self._losses],  # this rank's own: saving never waits for another rank
            "speculation": self.computation.speculation_state(self.engine.save_state()),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, after model and optimiser have been loaded.

        Raises AscError, before anything changes, for a state of another model, of other components or of another rank.
        """
        if self._closed:
            raise AscError(
                f"This speculation was closed at position {self.position}, so it cannot continue from a saved state: "
                "make a new Speculation, and load the state into that."
            )
        self.computation.renew()
        before = deepcopy(self.state_dict())
        try:
            require_own(state, before)
            self._load(state)
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            self._load(before)
            raise AscError(
                f"The saved state of the speculation is damaged ({describe_error(error)}): load one that state_dict() "
                "returned, or continue without one."
            ) from error

    def _load(self, state: Mapping[str, Any]) -> None:
        self._loop.position, self._last, self._next = int(state["position"]), state["last"], state["next"]
        self._losses[:] = state["losses"]
        self.engine.load_state(self.computation.load_speculation_state(state["speculation"]))

    def _rank(self) -> list[int] | None:
        """Return this rank's number and how many there are, where each holds its own part of the weights."""
        ranks = self.computation.ranks
        return [ranks.number, ranks.count] if self.computation.weights.sharded else None

    def _boundary(self) -> Boundary | None:
        ledger = self.engine.ledger
        self._note_losses()
        self._book_steps()
        self.computation.changed()
        boundary = None
        try:
            with preserved_randomness(self._loop.device):
                if self.computation.renew():
                    self.engine.forget()
                boundary = self.engine.boundary()
        except AscError as error:
            if isinstance(error, RanksError) or self.computation.ranks.count > 1:  # the others would wait for this one
                raise
            self._switch_off(str(error))
        if boundary is not None and any(decision.change == 0 for decision in boundary.decisions):
            self.computation.remark(
                "Predicted weights moved no held-out loss at all. If the gate's function does not use the model that "
                "it is given, no candidate can be accepted."
            )
        _, self._next = self.engine.due()
        self._since = ledger.clock()
        return boundary

    def _book_steps(self) -> None:
        """Book the steps since the last boundary, if there are any."""
        ledger, steps = self.engine.ledger, self.position - self._last
        if steps:
            ledger.progress(steps, ledger.clock() - self._since)
        self._last = self.position

    def _note_losses(self) -> None:
        if self._losses:
            losses = torch.stack([torch.as_tensor(loss, device=self._loop.device).float() for loss in self._losses])
            for value in self.computation.ranks.mean(losses).tolist():
                self.computation.progress.note(value)
            self._losses.clear()

    def _switch_off(self, why: str) -> None:
        """Continue the training without speculation."""
        self.engine.switch_off(why)
        self.close()

    def _warnings(self) -> list[str]:
        return [*self.monitor.warnings, *self.computation.remarks]


def require_settings(whose: str, settings: Mapping[str, Any], given: Collection[str] = ()) -> None:
    """Raise AscError for a setting that `Speculation` does not have, or that comes from elsewhere, as those `given`."""
    known = sorted(set(inspect.signature(Speculation).parameters) - {"model", "optimizer", "gate", "loss", "score"})
    for name in settings:
        if name in given:
            raise AscError(f"{whose} takes {name} from the trainer: leave the setting out.")
        if name not in known:
            near = nearest(name, known)
            advice = f"the settings are {', '.join(known)}." if near is None else f"did you mean {near}?"
            raise AscError(f"{whose} has no setting {name}; {advice}")


def _costs(loop: OwnLoop, weights: Weights, gate: BatchGate, batches: int, step_size: int | None, probes: int) -> Costs:
    """Return the prices of the loop's work; prices steer, so all ranks take those of the first."""
    size = step_size or max(1, gate.tokens // max(1, batches // gate.subsets))
    size, looked, probed = Ranks(loop.device).agree([size, gate.tokens, probes])
    return Costs(size, looked, probed, weights.numel, weights.nbytes)


def _require_one_configuration(ranks: Ranks, given: dict[str, Any]) -> None:
    """Raise AscError, on every rank, if the ranks were given different settings."""
    given["cache"].pop("folder")  # each rank may have its own
    first = ranks.agree(given)
    if ranks.any(given != first):
        other = [name for name in given if given[name] != first[name]]
        raise AscError(
            f"The ranks of this training were given different settings ({', '.join(other) or 'on another rank'}), so "
            "they would not speculate at the same steps: give all ranks the same ones."
        )


def _table(name: str, given: object) -> dict[str, Any]:
    if given is not None and not isinstance(given, Mapping):
        raise AscError(f'{name} is {given!r}: give a table of settings, such as {name}={{"setting": value}}.')
    return dict(given or {})


def _way(given: object) -> dict[str, Any]:
    """Return the settings of a way of going on, given by its name or as a table with its name and settings."""
    table, settings = {"name": given} if isinstance(given, str) else _table("way", given), ("beta", "decay", "start")
    if table and "name" not in table:
        raise AscError(f'way is {given!r}: give its name as well, such as {{"name": "ema-nesterov", "beta": 0.3}}.')
    if unknown := [name for name in table if name not in ("name", *settings)]:
        raise AscError(f"A way has no setting {unknown[0]}; its settings are {', '.join(settings)}.")
    return {"way" if name == "name" else f"way_{name}": value for name, value in table.items()}


def _require_prices(**sizes: object) -> None:
    for name, size in sizes.items():
        if size is not None and not (isinstance(size, Integral) and int(size) > 0):
            raise AscError(
                f"{name} is {size!r}: give a whole number of tokens or samples, at least 1, or leave it out."
            )


def _probe_size(fingerprint: Fingerprint | None, given: int | None) -> int:
    if given is not None:
        return given
    return fingerprint.tokens if isinstance(fingerprint, Probes) else 0


def _mean(losses: Sequence[Tensor | float]) -> Tensor | float:
    """Return the mean of told losses, as a tensor if one is, so that nothing waits for the device."""
    tensor = next((loss for loss in losses if isinstance(loss, Tensor)), None)
    if tensor is None:
        return sum(map(float, losses)) / len(losses)
    return torch.stack([torch.as_tensor(loss, device=tensor.device).float() for loss in losses]).mean()


def _number(loss: object) -> Tensor | float:
    """Return a told loss as one number, its own copy: a loop may reuse the tensor."""
    if isinstance(loss, Tensor) and loss.numel():
        value = loss.detach()
        if not value.ndim:
            return value.clone()
        return value.clone().reshape(()) if value.numel() == 1 else value.float().mean()
    if isinstance(loss, Real):
        return float(loss)
    raise AscError(
        f"The training loss of a step is {loss!r}: give a number, or a tensor with one number, such as the loss that "
        "backward() was called on."
    )
