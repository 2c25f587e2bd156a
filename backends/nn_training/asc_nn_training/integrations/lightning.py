"""Speculation in Lightning's `Trainer`, by one added callback."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sized
from itertools import islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Subset

from asc.errors import AscError
from asc.plugins import Plugins, load
from asc_nn_training.integrations.attach import Attached, attach
from asc_nn_training.integrations.speculation import require_settings
from asc_nn_training.integrations.tracking import Tracking
from asc_nn_training.training.device import preserved_randomness
from asc_nn_training.training.tree import flatten, unflatten
from asc_nn_training.validators.gate import MOST_BATCHES, Loss, batch_size, held_out

try:
    from lightning.pytorch import Callback, LightningModule, Trainer
    from lightning.pytorch.utilities.combined_loader import CombinedLoader
    from lightning.pytorch.utilities.signature_utils import is_param_in_hook_signature

    from asc_nn_training.integrations.module_stand_in import stand_in
except ImportError as error:
    raise AscError(
        f"LightningSpeculation needs the package lightning, which cannot be imported ({error}). Type: "
        "pip install 'asc-nn-training[lightning]'"
    ) from error


class LightningSpeculation(Callback):
    """`Trainer(callbacks=[LightningSpeculation()])`: leaps judged on samples of the validation set.

    They are judged by the loss that is trained: that of the module's own `training_step`, in evaluation mode and
    without gradients. What the module logs, counts or collects meanwhile is dropped. `loss(module, batch)`, one loss a
    sample, (n,), or the batch's mean, or `score`, of which higher is better, judges in its place. A module with manual
    optimisation needs one of them.

    `gate` has your own held-out batches. By default, it has `gate_samples` samples of the first validation loader, one
    a batch, so that there is a loss for each. They then are not held out any more for reporting. `optimizer` is the
    number of the optimiser that the speculation is attached to, if the module has several. All other settings go to
    `Speculation`.

    The figures of the speculation go to the trainer's loggers, and its state into the trainer's checkpoints, so that a
    resumed training speculates as if it had not stopped. `report()` says what happened.
    """

    def __init__(
        self,
        gate: Iterable[Any] | None = None,
        *,
        loss: Loss | None = None,
        score: Loss | None = None,
        gate_samples: int = 64,
        optimizer: int | None = None,
        plugins: Plugins | None = None,
        **settings: Any,
    ) -> None:
        require_settings("LightningSpeculation", settings, ("model",))
        self._gate, self._loss, self._score, self._gate_samples = gate, loss, score, gate_samples
        self._number, self._plugins, self._settings = optimizer, plugins, settings
        self._observed: Plugins | None = None
        self.attached: Attached | None = None
        self._optimizer: Optimizer | None = None
        self._losses = list[Tensor]()  # since the newest step of any optimiser
        self._resumed: Mapping[str, Any] = {}  # the state in the checkpoint that the training resumes from

    @property
    def state_key(self) -> str:
        """Tell the callbacks of several optimisers apart."""
        return self._generate_state_key(optimizer=self._number)

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Attach the speculation to the optimiser, and continue from the checkpoint if there is one."""
        self._require_a_loss(pl_module)
        self._optimizer = self._chosen(trainer.optimizers)
        batches, each = self._held_out(trainer, pl_module)
        size = batch_size(batches[0]) * each * trainer.accumulate_grad_batches if batches and each else None
        usual = {"step_size": size, "total": _total(trainer, pl_module), "position": trainer.global_step}
        self._observed = self._plugins or load()
        self._observed.observe(Tracking(_to_loggers(trainer)), self.state_key)
        self.attached = attach(
            pl_module,
            self._optimizer,
            gate=batches,
            loss=self._loss if self._loss or self._score else _own_loss(trainer),
            score=self._score,
            plugins=self._observed,
            **{**usual, **self._settings},
        )
        if self._resumed:
            self.attached.load_state_dict(unflatten(self._resumed["state"], self._resumed["tensors"]))
            self._resumed = {}
        elif trainer.ckpt_path is not None:
            self.attached.speculation.monitor.warn("The trainer's checkpoint has no speculation state to resume from.")

    def on_before_backward(self, trainer: Trainer, pl_module: LightningModule, loss: Tensor) -> None:
        """Note the loss of a batch as the module answered it: unscaled, and not divided among micro-batches."""
        if self.attached is not None:
            scaler = getattr(trainer.precision_plugin, "scaler", None)
            scale = 1 if scaler is None else scaler.scale(torch.ones_like(loss))
            parts = trainer.accumulate_grad_batches if pl_module.automatic_optimization else 1
            self._losses.append(loss.detach() * parts / scale)

    def on_before_optimizer_step(self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer) -> None:
        """Tell the speculation the losses that led to this step, unless a score judges: they do not say how it rises.

        The losses of other optimisers' steps are theirs.
        """
        if self.attached is not None and optimizer is self._optimizer and self._score is None:
            for loss in self._losses:
                self.attached.note(loss)
        self._losses.clear()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """End the speculation."""
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        """End the speculation."""
        self._close()

    def state_dict(self) -> dict[str, Any]:
        """Return what Lightning writes into a checkpoint: tensors, and values that JSON can hold."""
        if self.attached is None:
            return {}
        state, tensors = flatten(self.attached.state_dict())
        return {"state": state, "tensors": tensors}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keep the state of a checkpoint until the training starts."""
        self._resumed = state_dict

    def report(self) -> dict[str, Any]:
        """Return what happened, as `Speculation.report` does; empty before training."""
        return {} if self.attached is None else self.attached.report()

    def _close(self) -> None:
        if self.attached is not None:
            self.attached.close()
        if self._observed is not None:
            self._observed.remove(self.state_key)

    def _require_a_loss(self, module: LightningModule) -> None:
        if self._loss is not None or self._score is not None:
            return
        if not module.automatic_optimization:
            raise AscError(
                f"{type(module).__name__} has manual optimisation, so its training_step takes steps, and cannot judge: "
                "give LightningSpeculation a loss=function or score=function, which is called with the module and a "
                "batch."
            )
        if is_param_in_hook_signature(module.training_step, "dataloader_iter", explicit=True):
            raise AscError(
                f"The training_step of {type(module).__name__} takes batches from an iterator, and cannot judge one "
                "batch: give LightningSpeculation a loss=function or score=function, which is called with the module "
                "and a batch."
            )

    def _chosen(self, optimizers: list[Optimizer]) -> Optimizer:
        if self._number is None and len(optimizers) == 1:
            return optimizers[0]
        if self._number is None or not 0 <= self._number < len(optimizers):
            raise AscError(
                f"The module has {len(optimizers)} optimisers, and a speculation is attached to one of them: give "
                f"LightningSpeculation optimizer=NUMBER, from 0 to {len(optimizers) - 1}."
            )
        return optimizers[self._number]

    def _held_out(self, trainer: Trainer, module: LightningModule) -> tuple[list[Any], int | None]:
        """Return the batches that judge, and as how many of them a batch of the training counts, if that is known."""
        with preserved_randomness(module.device):
            if self._gate is not None:
                return held_out(self._gate, module.device), 1
            given = trainer.val_dataloaders
            loaders = [] if given is None else CombinedLoader(given, "sequential").flattened
            if not loaders:
                raise AscError(
                    "LightningSpeculation judges on held-out batches, and the trainer has no validation loader: give "
                    "the module a val_dataloader, or give LightningSpeculation(gate=[...])."
                )
            singles = _singles(loaders[0], self._gate_samples)
            trainer.validating = True  # hooks of the module may ask
            try:
                taken = islice(loaders[0], MOST_BATCHES) if singles is None else singles
                batches = [
                    trainer.strategy.batch_to_device(trainer.precision_plugin.convert_input(batch)) for batch in taken
                ]
            finally:
                trainer.training = True
        trained = CombinedLoader(trainer.train_dataloader, "max_size_cycle").flattened[0]
        return batches, 1 if singles is None else getattr(trained, "batch_size", None)


def _singles(loader: Any, count: int) -> DataLoader[Any] | None:
    """Return a loader of single samples, evenly spaced in the loader's data; None if it does not draw from samples."""
    if not isinstance(loader, DataLoader) or loader.batch_sampler is None or not isinstance(loader.dataset, Sized):
        return None
    have = len(loader.dataset)
    chosen = [index * have // min(count, have) for index in range(min(count, have))]
    return DataLoader(Subset(loader.dataset, chosen), batch_size=1, collate_fn=loader.collate_fn)


def _own_loss(trainer: Trainer) -> Loss:
    """Return the loss of the module's own training step."""

    def loss(module: nn.Module, batch: Any) -> Any:
        judging = stand_in(module)
        step = judging.training_step
        arguments = (batch, 0) if is_param_in_hook_signature(step, "batch_idx", min_args=2) else (batch,)
        with trainer.precision_plugin.train_step_context():
            answer = step(*arguments)
        return answer.get("loss") if isinstance(answer, Mapping) else answer

    return loss


def _to_loggers(trainer: Trainer) -> Callable[[dict[str, float], int], None]:
    def log(figures: dict[str, float], position: int) -> None:
        for logger in trainer.loggers:
            logger.log_metrics(figures, step=position)

    return log


def _total(trainer: Trainer, module: LightningModule) -> int | None:
    """Return how many steps the optimiser will take, if that is known."""
    total = trainer.estimated_stepping_batches if module.automatic_optimization else math.inf
    return int(total) if math.isfinite(total) and total > 0 else None
