"""The plain training loop: one step, and the state between steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from math import inf, isfinite
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.ranks.parallel import Parallel, placed_optimizer, whole
from asc_nn_training.ranks.ranks import Ranks, passing
from asc_nn_training.ranks.rows import Rows
from asc_nn_training.training.device import Autocast, device_of, random_state, set_random_state
from asc_nn_training.training.loss import evaluation, mean_loss, token_losses
from asc_nn_training.training.schedule import Annealed, Schedule


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
    compiled; `model` stays the given module. The gradient's norm is clipped at `clip`, unless that is None. `parallel`
    is the model as several ranks share it; `batches` and `accumulation` are then this rank's own.
    """

    steppable = True

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
        parallel: Parallel | None = None,
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
        self._parallel = parallel or Parallel(model, self.device, Ranks())
        self._forward: nn.Module = self._parallel.forward
        if compile:
            self._forward = torch.compile(self._forward)  # type: ignore[assignment]
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

        The loss is the mean over ranks. Raises NonFiniteError, before any weight changes, if the loss or the gradient's
        norm is not finite, and RanksError if another rank has ended. The step waits for the device once, because loss
        and norm are copied together.
        """
        if self.finished:
            raise AscError(f"All {self.total} steps have been taken: ask for more with --steps.")
        rate = self.rate(self.position)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        with passing():
            loss = self._parallel.ranks.mean(self._gradient())
            norm = whole(torch.nn.utils.clip_grad_norm_(self._trainable, inf if self.clip is None else self.clip))
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

    @contextmanager
    def annealing(self, steps: int) -> Iterator[None]:
        """Within, the learning rate falls linearly to zero in so many steps from here."""
        schedule = self.schedule
        self.schedule = Annealed(schedule, self.position, max(1, steps))
        try:
            yield
        finally:
            self.schedule = schedule

    def evaluate(self, batches: Tensor | Iterable[Tensor], size: int = 8) -> float:
        """Return the mean loss over all tokens of the batches, nats a token, in evaluation mode.

        One tensor of sequences, (n, length), is split into batches of `size`, which the ranks divide among themselves.
        Training mode and random state are restored, even when it raises. Raises AscError if there is no token to
        evaluate on.
        """
        parts = list(torch.split(batches, size) if isinstance(batches, Tensor) else batches)
        rows = Rows(len(parts), self._parallel.ranks)
        sums = torch.zeros(len(rows.own), 2, dtype=torch.float64)  # of losses, and how many
        with evaluation(self.model), passing():
            for found, index in zip(sums, rows.own, strict=True):
                with self.autocast():
                    losses = token_losses(self.model, parts[index].to(self.device))
                found[0], found[1] = losses.cpu().double().sum(), losses.numel()
        results = rows.whole(sums).tolist()
        total, count = sum(result[0] for result in results), sum(result[1] for result in results)
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
            self.optimizer.load_state_dict(placed_optimizer(state["optimizer"], self.optimizer))
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
        losses, end = list[Tensor](), (self.position + 1) * self.accumulation
        for number in range(self.position * self.accumulation, end):
            batch = self.batches.batch(number).to(self.device, non_blocking=True)
            with nullcontext() if number == end - 1 else self._parallel.accumulating():
                with self.autocast():
                    loss = mean_loss(self._forward, batch) / self.accumulation
                loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.detach())
        return losses[0] if len(losses) == 1 else torch.stack(losses).sum()
