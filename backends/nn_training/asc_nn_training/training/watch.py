"""What watches a training, with or without speculation: losses on held-out data, and the read-outs of its weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from torch import Tensor

from asc_nn_training.training.board import Board
from asc_nn_training.training.texts import RunTexts
from asc_nn_training.training.training import Training
from asc_nn_training.weights.averages import LIVE, Averages


class Measured(NamedTuple):
    """One point of the loss curve."""

    position: int
    seconds: float  # of training so far, without the pauses before resumes
    train_loss: float  # mean since the previous point, nats a token
    dev_loss: float  # of the live weights
    evaluating_s: float = 0.0  # seconds spent on the dev set so far, which `seconds` includes
    read_out_dev_loss: float | None = None  # of the weights that the gate picked here; None where it was not asked


class LossWatch:
    """Evaluates on the dev set every `every` steps, keeps the averages, and notes when `until_loss` is reached.

    `averages` give read-outs, among which and the live weights the sequences `gate` pick, never the dev set. With
    `anytime` that happens at every evaluation, and `until_loss` is compared with the dev loss of the picked weights;
    otherwise it happens at the end. Training continues from the live weights in any case.

    A point's `seconds` have everything: steps, updates of the averages, picks, evaluations, texts before the point.
    Updates and picks are the price of a read-out, so only the evaluations on the dev set, which are for the curve, are
    in `evaluating_s`. `texts` count their own seconds.
    """

    def __init__(
        self,
        training: Training,
        dev: Tensor,
        gate: Tensor,
        *,
        every: int,
        until_loss: float | None = None,
        averages: Averages | None = None,
        anytime: bool = False,
        board: Board | None = None,
        texts: RunTexts | None = None,
    ) -> None:
        self.texts = texts
        self.reached = False
        self.curve: list[Measured] = []
        self.averages, self._anytime, self._board = averages, anytime, board
        self._training, self._dev, self._gate, self._every, self._until_loss = training, dev, gate, every, until_loss
        self._picked = (-1, LIVE)  # a position, and what the gate picked there
        self._sum, self._count = 0.0, 0
        self.clock: Callable[[], float] = time.perf_counter
        self._began: float | None = None  # no step has been taken yet
        self._before = 0.0  # seconds before the resume
        self._evaluating_s = 0.0

    def before(self) -> None:
        """Start the clock with the first step: what prepares the training is in no seconds."""
        if self._began is None:
            self._began = self.clock()

    def after(self, position: int, loss: float) -> None:
        """Note the loss; update the averages, evaluate, and generate texts when they are due."""
        self._sum, self._count = self._sum + loss, self._count + 1
        if self.averages is not None:
            self.averages.update()
        if position % self._every == 0 or self._training.finished:
            self.evaluate()
        self._generate(position)

    def evaluate(self, *, last: bool = False) -> Measured:
        """Add a point to the curve, unless this position has one already, and return it.

        The `last` point of a run that has been stopped has the read-out's loss as well, which is then in no seconds,
        and so are the texts where a leap has led to the end.
        """
        position = self._training.position
        if last and (self._training.finished or self.reached):
            self._generate(position)
        if not self.curve or self.curve[-1].position != position:
            self._add_point(position)
        point = self.curve[-1]
        if last and self.averages is not None and point.read_out_dev_loss is None:
            point = self.curve[-1] = point._replace(read_out_dev_loss=self._read_out_loss(point.dev_loss))
        return point

    @contextmanager
    def read_out(self) -> Iterator[str]:
        """Within, the model has the weights that the gate picks at this position; yields their name."""
        if self.averages is None:
            yield LIVE
            return
        position = self._training.position
        if self._picked[0] != position:
            self._picked = position, self.averages.pick(lambda: self._training.evaluate(self._gate))
        with self.averages.placed(self._picked[1]):
            yield self._picked[1]

    def measures(self) -> dict[str, float]:
        """Return the newest losses, for views."""
        if not self.curve:
            return {}
        newest = self.curve[-1]
        found = {"train_loss": newest.train_loss, "dev_loss": newest.dev_loss}
        return found if newest.read_out_dev_loss is None else found | {"read_out_dev_loss": newest.read_out_dev_loss}

    def state_dict(self) -> dict[str, Any]:
        """Return the curve, the running mean and the averages."""
        return {
            "curve": [list(point) for point in self.curve],
            "sum": self._sum,
            "count": self._count,
            "seconds": self._seconds(),
            "reached": self.reached,
            "averages": None if self.averages is None else self.averages.state_dict(),
            "texts": None if self.texts is None else self.texts.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.curve = [Measured(*point) for point in state["curve"]]
        self._sum, self._count, self.reached = state["sum"], state["count"], state["reached"]
        self._began, self._before = None, state["seconds"]
        self._evaluating_s = self.curve[-1].evaluating_s if self.curve else 0.0
        if self.averages is not None and state["averages"] is not None:
            self.averages.load_state_dict(state["averages"])
        if self.texts is not None:
            self.texts.load_state_dict(state["texts"])

    def _add_point(self, position: int) -> None:
        dev, read_out = self._on_dev(), None
        train = self._sum / self._count if self._count else float("nan")
        self._sum, self._count = 0.0, 0
        ended = self._training.finished or self._is_goal(dev)
        if self.averages is not None and (self._anytime or ended):
            read_out = self._read_out_loss(dev)
        self.reached = self._is_goal(read_out if self._anytime and read_out is not None else dev)
        point = Measured(position, self._seconds(), train, dev, self._evaluating_s, read_out)
        self.curve.append(point)
        if self._board is not None:
            told = {"loss__train": train, "loss__dev": dev, "learning_rate": self._training.rate(max(0, position - 1))}
            self._board.measured(position, **told, **({} if read_out is None else {"loss__read_out_dev": read_out}))

    def _generate(self, position: int) -> None:
        if self.texts is not None:
            self.texts.after(position, ended=self._training.finished or self.reached, clock=self._seconds)

    def _seconds(self) -> float:
        return self._before + (0.0 if self._began is None else self.clock() - self._began)

    def _read_out_loss(self, live: float) -> float:
        """Return the dev loss of the read-out; `live` is that of the live weights, which may be the read-out."""
        with self.read_out() as name:
            return live if name == LIVE else self._on_dev()

    def _on_dev(self) -> float:
        began = self.clock()
        loss = self._training.evaluate(self._dev)
        self._evaluating_s += self.clock() - began
        return loss

    def _is_goal(self, loss: float) -> bool:
        return self._until_loss is not None and loss <= self._until_loss
