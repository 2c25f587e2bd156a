"""The plain training loop: one step, and the state between steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from math import inf, isfinite
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.training.device import Autocast, device_of, random_state, set_random_state
from asc_nn_training.training.loss import evaluation, mean_loss, token_losses
from asc_nn_training.training.schedule import Schedule


class Batches(Protocol):
    """The training data as a pure function of the step, so that a checkpoint need not hold any of it."""

    def batch(self, step: int, /) -> Tensor:
        """Return token numbers, int64 (batch, length), on any device."""
        ...


class NonFiniteError(AscError):
    """A loss or a gradient is not finite; the weights are as they were before the step."""


class Training:
    """Model, optimiser, schedule and data, and the position in the training.

    A step takes `accumulation` batches, numbered from position · accumulation on, and is one update of the weights. The
    constructor puts the model into training mode. With `compile` the forward and backward passes of a step are
    compiled; `model` stays the given module. The gradient's norm is clipped at `clip`, unless that is None.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: Schedule,
        batches: Batches,
        total: int,
        *,
        accumulation: int = 1,
        clip: float | None = 1.0,
        autocast: Autocast = nullcontext,
        compile: bool = False,
    ) -> None:
        if total < 0 or accumulation < 1:
            raise AscError(
                f"A run cannot have {total} steps of {accumulation} batches: "
                "give --steps of 0 or more and --accumulation of 1 or more."
            )
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.batches = batches
        self.position = 0
        self.total = total
        self.accumulation = accumulation
        self.clip = clip
        self.autocast = autocast
        self.device = device_of(model)
        self._forward: nn.Module = torch.compile(model) if compile else model  # type: ignore[assignment]
        self._trainable = [parameter for group in optimizer.param_groups for parameter in group["params"]]
        model.train()

    @property
    def finished(self) -> bool:
        """Whether all steps have been taken."""
        return self.position >= self.total

    def rate(self, step: int) -> float:
        """Return the learning rate of the step at that position; after the end, that of the last step."""
        return self.schedule.rate(min(step, max(0, self.total - 1)), self.total)

    def step(self) -> float:
        """Take one optimiser step at the current position and return the mean training loss before it, nats a token.

        Raises NonFiniteError, before any weight changes, if the loss or the gradient's norm is not finite. The step
        waits for the device once, because loss and norm are copied together.
        """
        if self.finished:
            raise AscError(f"All {self.total} steps have been taken: ask for more with --steps.")
        rate = self.rate(self.position)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._gradient()
        norm = torch.nn.utils.clip_grad_norm_(self._trainable, inf if self.clip is None else self.clip)
        value, size = torch.stack((loss, norm.to(loss.dtype))).tolist()
        if not (isfinite(value) and isfinite(size)):
            self.optimizer.zero_grad()
            raise NonFiniteError(
                f"The training loss of step {self.position} is {value} and its gradient's norm {size}, at learning "
                f"rate {rate:g}; the weights are as before that step. Resume from the last checkpoint, or begin a new "
                "run with a smaller --lr, a longer --warmup or --precision fp32."
            )
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.position += 1
        return float(value)

    def evaluate(self, batches: Tensor | Iterable[Tensor], size: int = 8) -> float:
        """Return the mean loss over all tokens of the batches, nats a token, in evaluation mode.

        One tensor of sequences, (n, length), is split into batches of `size`. Training mode and random state are
        restored, even when it raises. Raises AscError if there is no token to evaluate on.
        """
        parts = torch.split(batches, size) if isinstance(batches, Tensor) else batches
        total, count = torch.zeros((), dtype=torch.float64), 0
        with evaluation(self.model):
            for part in parts:
                with self.autocast():
                    losses = token_losses(self.model, part.to(self.device))
                total += losses.cpu().double().sum()
                count += losses.numel()
        if not count:
            raise AscError("There is no sequence of two tokens or more to evaluate on: give a larger corpus.")
        return float(total / count)

    def state_dict(self) -> dict[str, Any]:
        """Return position, optimiser and random states; like torch's own, with live tensors rather than copies.

        The weights are not part of it: the model has its own state.
        """
        return {
            "position": self.position,
            "optimizer": self.optimizer.state_dict(),
            "random": random_state(self.device),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from a saved state. Raises AscError if it belongs to another model or optimiser."""
        try:
            self.optimizer.load_state_dict(dict(state["optimizer"]))
            position = int(state["position"])
            set_random_state(state["random"], self.device)
        except (LookupError, TypeError, ValueError) as error:
            raise AscError(
                f"The saved training state does not suit this model and optimiser ({error}). Resume it with the "
                "settings of the run that saved it, or begin a new run without --resume."
            ) from error
        self.position = position

    def _gradient(self) -> Tensor:
        """Compute the mean gradient of this step's batches, and return their mean loss."""
        losses = []
        for number in range(self.position * self.accumulation, (self.position + 1) * self.accumulation):
            batch = self.batches.batch(number).to(self.device, non_blocking=True)
            with self.autocast():
                loss = mean_loss(self._forward, batch) / self.accumulation
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()
