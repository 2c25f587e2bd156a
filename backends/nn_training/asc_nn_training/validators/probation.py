"""Accept a candidate that is still better after a few real steps: a lower loss now is not progress yet."""

from __future__ import annotations

from typing import Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.paired import Paired
from asc.validators.scores import NEEDS


class Trials(Protocol):
    """A computation that can measure the losses some steps later, from the current state and from a candidate.

    It provides "trial".
    """

    def trial(
        self, state: Any | None, steps: int, looks: tuple[int, ...], averaged: int = 1, annealed: int = 0
    ) -> dict[int, NDArray[np.float64]]:
        """Take `steps` real steps from a candidate's state or, for None, the current one; return losses by look.

        In `annealed` more steps the learning rate falls to zero. The losses are those of the mean over the states after
        the last `averaged` steps. Both sides get the same batches and the same random numbers. The computation is
        unchanged on return and on raise.
        """


class Probation(Validator):
    """Train a few steps from the candidate and from the current weights, on the same batches, then compare them.

    Averaging removes noise across the valley of the loss. That lowers the loss at once, and the gain is gone after a
    few steps; progress along the valley stays. The comparison is the test of `paired`. The steps of both sides are on
    the clock and are undone afterwards. So a trial costs twice its steps, and the memory of a full snapshot.

    With `averaged`, the mean weights of each side's last steps are compared, so that both sides have less noise. With
    `anneal`, both sides take further steps in which the learning rate falls to zero, as it does at the end of a run.
    Then a way of going on, which adds noise while the rate is high, is judged by the progress that it makes.

    What pays later may cost something at first. With a `margin`, such a candidate is accepted where its loss is higher
    by less than that.
    """

    class Config(Settings):
        """Settings of `probation`."""

        steps: int = Field(10, ge=1, description="real steps from each side")
        anneal: int = Field(0, ge=0, description="further steps of each side, in which the learning rate falls to zero")
        averaged: int = Field(1, ge=1, description="last steps of each side, whose mean weights are compared")
        margin: float = Field(0.0, ge=0, description="how much higher a loss is no reason to reject, in nats")
        alpha: float = Field(0.05, gt=0, lt=0.5, description="chance of accepting a candidate that is no better")
        looks: int = Field(4, ge=1, description="subsets of the gate set that are compared")

    needs = NEEDS | {"trial"}
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._paired = Paired(
            Paired.Config(alpha=self.config.alpha, looks=self.config.looks, margin=self.config.margin, futility=0)
        )
        self._position: int | None = None  # of the kept losses: every candidate of a boundary is compared with them
        self._current: dict[int, NDArray[np.float64]] = {}  # by look

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Take the steps from both sides, and compare."""
        sides = _Sides(computation, candidate, self)
        return self._paired.judge(cast(Computation, sides), candidate)

    def current(self, computation: Trials, position: int, looks: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
        """Return the losses after a trial from the current weights, which is made once a boundary."""
        if self._position != position or not set(looks) <= set(self._current):
            self._current = self.tried(computation, None, looks)
            self._position = position
        return self._current

    def tried(self, computation: Trials, state: Any | None, looks: tuple[int, ...]) -> dict[int, NDArray[np.float64]]:
        """Return the losses after a trial from a candidate's state or, for None, from the current weights."""
        config = self.config
        return computation.trial(state, config.steps, looks, config.averaged, config.anneal)


class _Sides:
    """Scores of both sides after their trials, in the form that `paired` reads."""

    def __init__(self, computation: Any, candidate: Candidate, probation: Probation) -> None:
        self._computation, self._candidate, self._probation = computation, candidate, probation
        self._after: dict[int, dict[int, NDArray[np.float64]]] = {}  # losses by the identity of the state, and by look
        self._looks: tuple[int, ...] = ()

    def score(self, state: Any | None, look: int) -> NDArray[np.float64]:
        config = self._probation.config
        if not self._looks:
            self._looks = tuple(look + i for i in range(config.looks))
        if state is None:
            return self._probation.current(self._computation, self._candidate.start, self._looks)[look]
        if id(state) not in self._after:
            self._after[id(state)] = self._probation.tried(self._computation, state, self._looks)
        return self._after[id(state)][look]

    def gain_steps(self, improvement: float) -> float:
        return float(self._computation.gain_steps(improvement))
