"""Predictors and validators that do one thing without fail, most of them a wrong one."""

from __future__ import annotations

import math
from fractions import Fraction
from random import Random

from asc.computation import Computation, History
from asc.types import Candidate, Combination, Direct, Prediction, Verdict


class Silent:
    """Never says anything."""

    needs: frozenset[str] = frozenset()

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Say nothing."""
        return None


class Raising:
    """Raises whenever it is asked."""

    needs: frozenset[str] = frozenset()

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Raise."""
        raise RuntimeError("this predictor always raises")


class Garbage:
    """Says at random what cannot be right: coefficients that fit or do not, states of the wrong kind."""

    needs: frozenset[str] = frozenset()

    def __init__(self, seed: int = 0) -> None:
        self._random = Random(seed)

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Say something, or nothing."""
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


class Refuse:
    """Rejects every candidate."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Say no."""
        return Verdict(accepted=False, gain_steps=0.0, reason="this validator refuses everything")


class Break:
    """Raises whenever it is asked to judge."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Raise."""
        raise RuntimeError("this validator always raises")


class Accept:
    """Accepts every candidate, as worth so many plain steps."""

    def __init__(self, gain_steps: float = 1.0) -> None:
        self._gain_steps = gain_steps

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Say yes."""
        return Verdict(accepted=True, gain_steps=self._gain_steps, reason="this validator accepts everything")
