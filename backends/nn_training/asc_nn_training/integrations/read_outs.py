"""Read-outs in your own training loop: averages of the weights, of which held-out data picks the best."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from numbers import Integral
from typing import Any

import torch
from torch import Tensor, nn

from asc.errors import AscError
from asc_nn_training.integrations.own_loop import require_a_training, unwrapped
from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.training.loss import evaluation
from asc_nn_training.weights.averages import SPANS, Averages
from asc_nn_training.weights.weights import Weights

HeldOutLoss = Callable[[nn.Module], Tensor | float]


class ReadOuts:
    """Averages of the weights that your own loop trains. They are only evaluated: training never continues from them.

        read_outs = ReadOuts(model, optimizer)
        for batch in batches:
            ...                                # forward, backward, optimizer.step()
            read_outs.update()
        with read_outs.best(held_out_loss) as name:
            model.save_pretrained("read-out")  # within, the model has the weights with the lowest loss
        ...                                    # here, it has the live weights again, and may train on

    An average has less noise than the live weights, about as much as if the learning rate had been lowered to zero, so
    read-outs pay while the rate is high. An average also lags behind, so each has two more read-outs, with half or all
    of the lag corrected. Each of the `spans`, in steps, takes two copies of the weights, on the weights' device or,
    with `on_host`, in host memory; every `every` steps they are updated.

    The model may be wrapped or sharded as for `Speculation`, and all ranks call the same methods. If layers are frozen
    or unfrozen, the averages begin anew. Raises AscError for a wrong setting.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        spans: Sequence[int] | int = SPANS,
        every: int = 10,
        on_host: bool = False,
    ) -> None:
        require_a_training(model, optimizer, None, 0, None)
        self._model, self._optimizer = unwrapped(model), optimizer
        self._spans, self._every, self._on_host = _steps("spans", spans), _steps("every", every)[0], on_host
        self._averages = self._new()

    def update(self) -> None:
        """Call after each `optimizer.step()`: every so many steps, the averages take in the weights."""
        if self._averages.due and self._averages.weights.outdated():
            self._averages = self._new()
        self._averages.update()

    @contextmanager
    def best(self, loss: HeldOutLoss) -> Iterator[str]:
        """Within, the model has the weights for which the loss is lowest; yields their name, such as "live weights".

        `loss(model)` returns a number, or a tensor of losses of which the mean counts, on held-out data that is not
        used to report. It is called once for each read-out and for the live weights, in evaluation mode and without
        gradients; random states and buffers are restored. A loss that is not finite never wins. Afterwards the live
        weights are back, bit for bit, whatever happens within. Buffers, such as BatchNorm's statistics, stay those of
        the live weights.
        """
        if not callable(loss):
            raise AscError(
                f"The loss of the read-outs is of type {type(loss).__name__}: give a function that is called with the "
                "model, and returns its loss on held-out data."
            )
        with evaluation(self._model):
            name = self._averages.pick(lambda: _number(loss(self._model)))
        with self._averages.placed(name):
            yield name

    def state_dict(self) -> dict[str, Any]:
        """Return what `load_state_dict` needs, with live tensors, as torch's own do; of sharded weights this rank's."""
        return {"of": self._kind(), "averages": self._averages.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, after the model has been loaded; its tensors are taken over.

        Raises AscError, before anything changes, for a state of other weights, of other spans or of another rank.
        """
        own, given = self._kind(), state.get("of") if isinstance(state, Mapping) else None
        if not isinstance(given, Mapping) or own != given:
            differs = [part for part in own if not isinstance(given, Mapping) or given.get(part) != own[part]]
            raise AscError(
                f"The saved state of the read-outs does not suit these ones, because of their {', '.join(differs)}: "
                "give what state_dict() returned, of read-outs that were made for the same model with the same "
                "settings."
            )
        self._averages = self._new()
        self._averages.load_state_dict(state["averages"])

    def _new(self) -> Averages:
        weights = Weights(self._model, self._optimizer)
        return Averages(weights, self._spans, every=self._every, on_host=self._on_host)

    def _kind(self) -> dict[str, Any]:
        """Return what a saved state must have been made with."""
        weights, ranks = self._averages.weights, Ranks()
        rank = [ranks.number, ranks.count] if weights.sharded else None
        return {"weights": weights.layout(), "spans": self._averages.spans, "every": self._every, "rank": rank}


def _steps(name: str, given: object) -> list[int]:
    """Return one number of steps, or several, as a list. Raises AscError for anything else."""
    several = list(given) if name == "spans" and isinstance(given, Sequence) else [given]
    found = [int(each) for each in several if isinstance(each, Integral)]
    if len(found) < max(1, len(several)) or min(found) < 1:
        expected = f"whole numbers of steps, such as {SPANS}" if name == "spans" else "a whole number of steps"
        raise AscError(f"{name} is {given!r}: give {expected}, at least 1.")
    return found


def _number(loss: object) -> float:
    """Return a loss as one number. Raises AscError for what is none."""
    if isinstance(loss, Tensor) and loss.numel() and not loss.is_complex():
        return float(loss.detach().float().mean())
    try:
        return float(loss)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise AscError(
            f"The loss of the read-outs answered a {type(loss).__name__}; expected a number, or a tensor of losses."
        ) from None
