"""Speculation in a loop that is not changed at all: the optimiser calls it after each of its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from asc.errors import AscError
from asc_nn_training.integrations.own_loop import require_a_training
from asc_nn_training.integrations.speculation import Speculation, require_settings
from asc_nn_training.optimizers.layouts import known, links
from asc_nn_training.validators.gate import Loss

_attached = WeakSet[Optimizer]()


def attach(
    model: nn.Module,
    optimizer: Optimizer,
    *,
    gate: Iterable[Any],
    loss: Loss | None = None,
    score: Loss | None = None,
    **settings: Any,
) -> Attached:
    """Let the optimiser call a speculation after each of its steps; nothing else in the loop changes.

        attached = attach(model, optimizer, gate=held_out_batches, loss=loss)

    The other settings are those of `Speculation`, too. Give the model that the loop calls, and the optimiser that the
    loop steps, wrapped or not. Steps that a GradScaler skips and micro-batches of an accumulated gradient are no steps.
    Raises AscError for what `Speculation` refuses, for an optimiser without step hooks, and for one that has a
    speculation already.
    """
    require_settings("attach", settings)
    require_a_training(model, optimizer, None, 0, None)
    if isinstance(model, torch.jit.ScriptModule):
        raise AscError(
            "A model of torch.jit.script has no hooks, so a speculation cannot be attached to it: make a "
            "Speculation(model, optimizer, gate=...), and call its step() after each optimizer.step()."
        )
    stepping = _stepping(optimizer)
    if stepping in _attached:
        raise AscError(
            f"This {type(stepping).__name__} has a speculation already, which would judge the other's leaps as its own "
            "steps: call close() of the first one before you attach another."
        )
    speculation = Speculation(model, optimizer, gate=gate, loss=loss, score=score, **settings)
    return Attached(model, stepping, speculation, scored=score is not None)


class Attached:
    """A speculation that an optimiser calls; `attach` makes it. `speculation` is what is called.

    The training loss of a step is known by itself where the model's answer has a `loss`, as with transformers: the mean
    over the forward passes with gradients since the step before counts. In other loops, tell it with `note`. Without a
    loss, candidates are judged all the same, but no gain is counted. Where a score judges, the model's loss is not
    looked at, because it does not say how fast the score rises.
    """

    def __init__(self, model: nn.Module, optimizer: Optimizer, speculation: Speculation, *, scored: bool) -> None:
        self.speculation, self._optimizer = speculation, optimizer
        self._losses = list[Tensor]()  # of the present step
        self._silent = not scored  # as long as no loss is known
        self._watching = model.register_forward_hook(_OwnLoss(_forget if scored else self._losses.append))
        self._stepping = optimizer.register_step_post_hook(self._step)
        _attached.add(optimizer)

    def note(self, loss: Tensor | float) -> None:
        """Tell the training loss of the present step, before `optimizer.step()`, if the model's answer has none.

        Of several, such as micro-batches', the mean counts. From the first call on, the model's answers are not looked
        at any more.
        """
        self._watching.remove()
        self._losses.clear()
        self._silent = False
        self.speculation.note(loss)

    @property
    def position(self) -> int:
        """Steps taken so far."""
        return self.speculation.position

    def report(self) -> dict[str, Any]:
        """Return what happened, as `Speculation.report` does."""
        return self.speculation.report()

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs, as `Speculation.state_dict` does."""
        return self.speculation.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, after model and optimiser have been loaded."""
        self.speculation.load_state_dict(state)

    def close(self) -> None:
        """End the speculation and take the hooks away; the training continues without it."""
        self._watching.remove()
        self._stepping.remove()
        _attached.discard(self._optimizer)
        self.speculation.close()

    def _step(self, *_: object) -> None:
        for loss in self._losses:
            self._silent = False
            self.speculation.note(loss)
        self._losses.clear()
        boundary = self.speculation.step()
        if boundary is not None and self._silent:
            self.speculation.monitor.warn(
                "No training loss is known, because the model's answers have no loss: candidates are judged, but no "
                "gain is counted. Tell the loss of each step with note(loss), before optimizer.step()."
            )


class _OwnLoss:
    """A forward hook that passes on the loss in a model's answer, in training.

    A copy of the model, by deepcopy or pickle, has a hook that does nothing.
    """

    def __init__(self, tell: Callable[[Tensor], object]) -> None:
        self._tell = tell

    def __call__(self, module: nn.Module, arguments: object, answer: object) -> None:
        if module.training and torch.is_grad_enabled():
            found = answer.get("loss") if isinstance(answer, Mapping) else getattr(answer, "loss", None)
            if isinstance(found, Tensor) and found.requires_grad:
                self._tell(found.detach().clone())  # the loop may divide the loss in place

    def __reduce__(self) -> tuple[Any, ...]:
        return _OwnLoss, (_forget,)


def _forget(loss: Tensor) -> None:
    """Do nothing with it."""


def _stepping(optimizer: Optimizer) -> Optimizer:
    """Return the optimiser inside of wrappers, or a wrapper that moves the weights after the step of what is inside."""
    *wrappers, found = links(optimizer)
    inside = known(found)
    for wrapper in reversed(wrappers):
        layout = known(wrapper)  # that of what is inside, where the wrapper imitates its class
        if layout is not None and layout.moving and layout is not inside:
            found = wrapper
    if not (isinstance(found, Optimizer) and getattr(type(found).step, "hooked", False)):
        raise AscError(
            f"The optimiser {type(found).__name__} has no step hooks, so a speculation cannot be attached to it: make "
            "a Speculation(model, optimizer, gate=...), and call its step() after each optimizer.step()."
        )
    return found
