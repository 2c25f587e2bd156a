"""What watches a training, with or without speculation: losses on held-out data, and the weights' average."""

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
    seconds: float  # of training so far, without the pauses before resumes
    train_loss: float  # mean since the previous point, nats a token
    dev_loss: float
    evaluating_s: float = 0.0  # seconds spent on evaluations so far, which `seconds` includes


class LossWatch:
    """Evaluates on the dev set every `every` steps, keeps the average, and notes when `until_loss` is reached."""

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
        """Note the loss; update the average and evaluate when they are due."""
        self._sum, self._count = self._sum + loss, self._count + 1
        if self.average is not None and position % self._average_every == 0:
            self.average.update(self._weights.tensors)
        if position % self._every == 0 or self._training.finished:
            self.evaluate()

    def evaluate(self) -> Measured:
        """Add a point to the curve, unless this position has one already, and return it."""
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
        """Return the newest losses, for views."""
        if not self.curve:
            return {}
        newest = self.curve[-1]
        return {"train_loss": newest.train_loss, "dev_loss": newest.dev_loss}

    def averaged_loss(self, sequences: Tensor) -> float | None:
        """Return the loss of the averaged weights, which replace the live ones during the evaluation."""
        if self.average is None or (values := self.average.values()) is None:
            return None
        kept = self._weights.copy()
        try:
            self._weights.put(values)
            return self._training.evaluate(sequences)
        finally:
            self._weights.put(kept)

    def restart_clock(self) -> None:
        """Count seconds from now on, continuing at the newest point."""
        self._began = self.clock() - (self.curve[-1].seconds if self.curve else 0.0)

    def state_dict(self) -> dict[str, Any]:
        """Return the curve, the running mean and the average."""
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
        """Continue from what `state_dict` returned."""
        self.curve = [Measured(*point) for point in state["curve"]]
        self._sum, self._count, self.reached = state["sum"], state["count"], state["reached"]
        self._began = self.clock() - state["seconds"]
        self._evaluating_s = self.curve[-1].evaluating_s if self.curve else 0.0
        if self.average is not None and state["average"] is not None:
            self.average.load_state_dict(state["average"])
