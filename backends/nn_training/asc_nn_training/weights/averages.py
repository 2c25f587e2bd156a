"""Read-outs: averages of the weights of a training, which are only evaluated and never trained from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from asc_nn_training.ranks.ranks import Ranks
from asc_nn_training.weights.weights import Values, Weights

LIVE = "live weights"
"""The name of the weights that train, which a read-out has to beat."""
SPANS = (50, 200)
"""Steps that the averages of a training reach back, where its length is not known."""
CORRECTIONS: Mapping[float, str] = {0.0: "", 0.5: ", half corrected", 1.0: ", corrected"}
"""Shares of an average's lag that are corrected, and how the read-outs are named."""


class Average:
    """An exponential average of weights, in fp32 or more, and the average of that average.

    The n-th update moves both by the share max(1 / span, 1 / n), so early values are plain means, in which the first
    weights count no more than others. An average has less noise than the weights and lags behind them; the second one
    lags as far again, where the weights move evenly. So average + c (average - second) corrects the lag by a share c.
    """

    def __init__(self, span: float) -> None:
        """`span` counts updates."""
        self._span = span
        self.values: Values = []
        self.second: Values = []

    @torch.no_grad()
    def update(self, weights: Sequence[Tensor], count: int) -> None:
        """Take weights in, as the `count`-th ones, from 1 on. Each of both is read and written once."""
        if count == 1:
            self.values, self.second = ([weight.clone() for weight in weights] for _ in range(2))
            return
        share = max(1 / self._span, 1 / count)
        torch._foreach_lerp_(self.values, list(weights), share)
        torch._foreach_lerp_(self.second, self.values, share)

    @torch.no_grad()
    def corrected(self, share: float) -> Iterator[Tensor]:
        """Yield the average, tensor by tensor, with that share of its lag corrected."""
        for value, second in zip(self.values, self.second, strict=True):
            yield torch.lerp(second, value, 1 + share)


class Averages:
    """Averages of several spans, and the read-outs that they give: each average, and its lag corrected by half or all.

    Each span takes two copies of the weights, on the weights' device or in host memory. Of sharded weights, each rank
    keeps its own part.
    """

    def __init__(self, weights: Weights, spans: Iterable[int], *, every: int, on_host: bool = False) -> None:
        """`spans` are in steps, and `every` is the number of steps between updates; all are at least 1."""
        self.weights, self.every, self.spans = weights, every, sorted(set(spans))
        self.steps = 0
        self._averages = [Average(max(1.0, span / every)) for span in self.spans]
        self._host = torch.device("cpu") if on_host else None

    @property
    def due(self) -> bool:
        """Whether the next step updates the averages."""
        return (self.steps + 1) % self.every == 0

    def update(self) -> None:
        """Count a step; every so many steps, take the weights into the averages."""
        due = self.due
        self.steps += 1
        if due:
            now = self._moved([tensor.to(_wide(tensor.dtype)) for tensor in self.weights.tensors])
            for average in self._averages:
                average.update(now, self.steps // self.every)

    def names(self) -> list[str]:
        """Return the names of the present read-outs, without the live weights."""
        return list(self._read_outs())

    def pick(self, loss: Callable[[], float]) -> str:
        """Return the name of the weights for which the loss is lowest: the live ones, or a read-out.

        `loss` is called once for each of them, with the weights in place; one that is not finite never wins. The live
        weights are back at the end, whatever happens. All ranks take the first rank's pick.
        """
        if not (names := self.names()):
            return LIVE
        ranks = Ranks(self.weights.tensors[0].device)
        with ranks.failing_together("The evaluation of the read-outs"):
            losses = {LIVE: loss()}
            with self._live_kept():
                for name in names:
                    self._put(name)
                    losses[name] = loss()
        return ranks.agree(min(losses, key=lambda name: losses[name] if math.isfinite(losses[name]) else math.inf))

    @contextmanager
    def placed(self, name: str) -> Iterator[None]:
        """Within, the model has the weights of that name; afterwards the live ones, bit for bit."""
        if name == LIVE:
            yield
            return
        with self._live_kept():
            self._put(name)
            yield

    def state_dict(self) -> dict[str, Any]:
        """Return the steps so far and the averages, with live tensors rather than copies."""
        averages = [{"values": average.values, "second": average.second} for average in self._averages]
        return {"steps": self.steps, "averages": averages}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned, taking over its tensors; they move to where averages are kept."""
        self.steps = int(state["steps"])
        for average, saved in zip(self._averages, state["averages"], strict=True):
            average.values, average.second = self._moved(saved["values"]), self._moved(saved["second"])

    def _moved(self, values: Sequence[Tensor]) -> Values:
        """Return values where averages are kept: beside the weights, or in host memory."""
        places = (self._host or tensor.device for tensor in self.weights.tensors)
        return [value.to(place) for value, place in zip(values, places, strict=False)]

    @contextmanager
    def _live_kept(self) -> Iterator[None]:
        """Within, the weights may be overwritten; afterwards they are as before."""
        live = [tensor.to(self._host or tensor.device, copy=True) for tensor in self.weights.tensors]
        try:
            yield
        finally:
            self.weights.put(live)

    @torch.no_grad()
    def _put(self, name: str) -> None:
        """Overwrite the weights with a read-out, one tensor at a time, which needs no further copy of them."""
        average, share = self._read_outs()[name]
        for target, value in zip(self.weights.tensors, average.corrected(share), strict=True):
            target.copy_(value)

    def _read_outs(self) -> dict[str, tuple[Average, float]]:
        """Return an average and a share of correction for each read-out; averages that are equal so far count once."""
        found: dict[str, tuple[Average, float]] = {}
        reached = self.steps // self.every * self.every
        if not reached:
            return found
        for span, average in zip(self.spans, self._averages, strict=True):
            for share, how in CORRECTIONS.items():
                found.setdefault(f"average of {min(span, reached)} steps{how}", (average, share))
        return found


def _wide(dtype: torch.dtype) -> torch.dtype:
    """Return the precision of an average: fp32 or, of wider weights, theirs. Small shares vanish in less."""
    return torch.promote_types(dtype, torch.float32)
