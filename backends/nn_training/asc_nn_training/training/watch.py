"""What a training run is watched by, with or without speculation: losses on held-out data, and the weights' average."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor

from asc_nn_training.predictors.average import Average
from asc_nn_training.training.board import Board
from asc_nn_training.training.training import Training
from asc_nn_training.weights.weights import Weights


class Measured(NamedTuple):
    """One point of the loss curve."""

    position: int
    seconds: float  # of this run, pauses between resumed stretches left out
    train_loss: float  # mean since the point before, nats a token
    dev_loss: float
    evaluating_s: float = 0.0  # of the seconds, those spent on evaluations so far


class LossWatch:
    """Evaluates on the dev set every `every` steps, keeps the average, and says when the dev loss has been reached."""

    def __init__(
        self,
        training: Training,
        weights: Weights,
        dev: Tensor,
        *,
        every: int,
        until_loss: float | None = None,
        average: Average | None = None,
        average_every: int = 10,
        board: Board | None = None,
    ) -> None:
        self.reached = False
        self.curve: list[Measured] = []
        self.average, self._board = average, board
        self._training, self._weights, self._dev = training, weights, dev
        self._every, self._until_loss, self._average_every = every, until_loss, average_every
        self._sum, self._count = 0.0, 0
        self.clock: Callable[[], float] = time.perf_counter
        self._began = self.clock()
        self._evaluating_s = 0.0

    def after(self, position: int, loss: float) -> None:
        """Note the loss; average and evaluate where it is time."""
        self._sum, self._count = self._sum + loss, self._count + 1
        if self.average is not None and position % self._average_every == 0:
            self.average.update([parameter.detach() for parameter in self._weights.parameters])
        if position % self._every == 0 or self._training.finished:
            self.evaluate()

    def evaluate(self) -> Measured:
        """Add a point to the curve, unless there is one for this position already."""
        position = self._training.position
        if self.curve and self.curve[-1].position == position:
            return self.curve[-1]
        began = self.clock()
        dev = self._training.evaluate(self._dev)
        train = self._sum / self._count if self._count else float("nan")
        self._sum, self._count = 0.0, 0
        now = self.clock()
        self._evaluating_s += now - began
        point = Measured(position, now - self._began, train, dev, self._evaluating_s)
        self.curve.append(point)
        if self._board is not None:
            rate = self._training.rate(max(0, position - 1))
            self._board.measured(position, loss__train=train, loss__dev=dev, learning_rate=rate)
        self.reached = self._until_loss is not None and dev <= self._until_loss
        return point

    def measures(self) -> dict[str, float]:
        """The newest point, for whoever shows the run."""
        if not self.curve:
            return {}
        newest = self.curve[-1]
        return {"train_loss": newest.train_loss, "dev_loss": newest.dev_loss}

    def averaged_loss(self, sequences: Tensor) -> float | None:
        """The loss of the averaged weights, which take the live ones' place for as long as that takes."""
        if self.average is None or (values := self.average.values()) is None:
            return None
        kept = self._weights.copy()
        try:
            self._weights.put(values)
            return self._training.evaluate(sequences)
        finally:
            self._weights.put(kept)

    def restart_clock(self) -> None:
        """Begin to count seconds, where the newest point left off."""
        self._began = self.clock() - (self.curve[-1].seconds if self.curve else 0.0)

    def state_dict(self) -> dict[str, Any]:
        """The curve, the running mean and the average."""
        average = None if self.average is None else self.average.state_dict()
        return {
            "curve": [list(point) for point in self.curve],
            "sum": self._sum,
            "count": self._count,
            "seconds": self.clock() - self._began,
            "reached": self.reached,
            "average": average,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there."""
        self.curve = [Measured(*point) for point in state["curve"]]
        self._sum, self._count, self.reached = state["sum"], state["count"], state["reached"]
        self._began = self.clock() - state["seconds"]
        self._evaluating_s = self.curve[-1].evaluating_s if self.curve else 0.0
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
