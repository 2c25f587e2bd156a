"""Predictors and validators that always do one thing, most of them a wrong one."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

from asc.computation import Computation
from asc.predictor import History, Predictor
from asc.types import Candidate, Combination, Direct, Prediction, Verdict
from asc.validator import Validator


class Silent(Predictor):
    """Never predicts."""

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Return None."""
        return None


class Raising(Predictor):
    """Always raises."""

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Raise."""
        raise RuntimeError("this predictor always raises")


class Garbage(Predictor):
    """Predicts at random what cannot be right: coefficients of any number and kind, states of the wrong kind."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._random = Random(seed)

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Return one of them, or None."""
        random, count = self._random, len(history.positions)
        values = (0, 1, -3, 0.5, 1e300, Fraction(1, 3), Fraction(7, 2))
        fitting = tuple(random.choice(values) for _ in range(count))
        answers: tuple[Prediction | None, ...] = (
            None,
            Combination(fitting),
            Combination(fitting),
            Combination(fitting[1:]),
            Combination((math.nan,) * count),
            Direct({}),
            Direct({"n": "no number", "x": None}),
            Direct([0.0, math.inf]),
            Direct(None),
        )
        return random.choice(answers)


class Reject(Validator):
    """Rejects every candidate."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Reject."""
        return Verdict(accepted=False, gain_steps=0.0, reason="this validator rejects everything")


class Break(Validator):
    """Always raises."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Raise."""
        raise RuntimeError("this validator always raises")


class Accept(Validator):
    """Accepts every candidate, with a gain of so many plain steps."""

    def __init__(self, gain_steps: float = 1.0) -> None:
        super().__init__()
        self._gain_steps = gain_steps

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Accept."""
        return Verdict(accepted=True, gain_steps=self._gain_steps, reason="this validator accepts everything")
