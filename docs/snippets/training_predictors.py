"""Two predictors for trainings. One answers with weights, the other with coefficients that it has tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import torch

import asc

if TYPE_CHECKING:
    from asc.hookspecs import Registrar
    from asc_nn_training import Moments


class Signs(asc.Predictor):
    """Moves each weight against the sign of its first moment, by the learning rates of the coming steps."""

    needs = frozenset({"optimizer"})
    depth = 1

    @torch.no_grad()
    def predict(self, history: asc.History, horizon: int) -> asc.Direct | None:
        """Return the weights `horizon` steps ahead; None before the first step."""
        moments: Moments | None = history.read("optimizer")
        if moments is None:
            return None
        way = sum(moments.rate(step) for step in range(1, horizon + 1))
        pairs = zip(moments.weights, moments.first, strict=True)
        return asc.Direct([(weight - way * first.sign()).to(weight.dtype) for weight, first in pairs])


class BestReach(asc.Predictor):
    """Continues at the last rate: half as far, just as far or twice as far, whichever has the lowest loss."""

    needs = frozenset({"score"})

    def predict(self, history: asc.History, horizon: int) -> asc.Combination | None:
        """Return the best of three; None before there are two snapshots."""
        if len(history.positions) < 2:
            return None
        loss: Callable[[Sequence[float]], float] = history.read("score")
        reach = horizon / (history.positions[-1] - history.positions[-2])
        tried = [(-far, 1 + far) for far in (reach / 2, reach, 2 * reach)]
        return asc.Combination(min(tried, key=loss))


@asc.hookimpl
def asc_register(registry: Registrar) -> None:
    """Announce both."""
    registry.add("predictor", "signs", f"{__name__}:Signs", "follows the signs of the first moments")
    registry.add("predictor", "best-reach", f"{__name__}:BestReach", "continues as far as a loss allows")
