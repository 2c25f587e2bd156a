"""The laws as they ship, on the two reference computations."""

from __future__ import annotations

from typing import Any

from asc.computation import Computation
from asc.engine import Engine
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Learned, Quantile, ThresholdsConfig
from asc.reference.descent import Descent
from asc.reference.programs import machine
from asc.testing.laws import ExactLaws, JudgedLaws
from asc.validator import Validator
from asc.validators.adaptive import Adaptive


class TestCounting(ExactLaws):
    def computation(self) -> Computation:
        return machine("count", steps=400)


class TestMixed(ExactLaws):
    def computation(self) -> Computation:
        return machine("mixed", steps=400)


class TestCollatz(ExactLaws):
    every = 20

    def computation(self) -> Computation:
        return machine("collatz", steps=900)


class TestUnpredictable(ExactLaws):
    def computation(self) -> Computation:
        return machine("digest", steps=400)


class TestDescent(JudgedLaws):
    def computation(self) -> Computation:
        return Descent(steps=400)


class Regimes(JudgedLaws):
    """With components that learn: a recognizer, its thresholds, a validator and the scheduler."""

    __test__ = False
    thresholds: ThresholdsConfig = Learned.Config()
    horizons = (4, 16)

    def computation(self) -> Computation:
        return Descent(steps=900)

    def validator(self) -> Validator:
        return Adaptive(Adaptive.Config(window=4))

    def engine(self, computation: Computation, *parts: Any) -> Engine:
        engine = super().engine(computation, *parts)
        engine.recognizer = Similarity(Similarity.Config(every=6, thresholds=self.thresholds, settle=2))
        return engine


class TestLearnedRegimes(Regimes):
    __test__ = True


class TestQuantileRegimes(Regimes):
    __test__ = True
    thresholds = Quantile.Config(least=3)


class TestExpensiveDescent(JudgedLaws):
    every = 3
    horizons = (0, 2, 11)

    def computation(self) -> Computation:
        return Descent(steps=300, prices={"observe": 1.0, "predict": 2.0, "validate": 9.0, "apply": 0.5})
