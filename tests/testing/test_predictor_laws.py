"""The core's own predictors under the laws that authors get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from asc.computation import Predictor
from asc.predictors.affine import Affine
from asc.predictors.cascade import Cascade
from asc.predictors.ensemble import Ensemble
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.predictors.logistic import BitLogistic
from asc.predictors.mean import Mean
from asc.predictors.memory import Memory
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic
from asc.testing import Course, PredictorLaws, Registers
from asc.words import Word


class TestAffine(PredictorLaws):
    least = 1

    def predictor(self) -> Predictor:
        return Affine()


class TestCascade(PredictorLaws):
    def predictor(self) -> Predictor:
        return Cascade()

    def courses(self) -> Sequence[Course]:
        """Give shorter ones, since it is slow."""
        return [course._replace(boundaries=24, long=200) for course in super().courses()]


class TestEnsemble(PredictorLaws):
    least = 1
    may_hold = 128 * 1024  # its memory has a bound, farther out than the longest course

    def predictor(self) -> Predictor:
        return Ensemble()


class TestLastValue(PredictorLaws):
    least = 1
    dropped: ClassVar = {"test_beats_standing_still": "standing still is what it predicts"}

    def predictor(self) -> Predictor:
        return LastValue()


class TestLinear(PredictorLaws):
    def predictor(self) -> Predictor:
        return Linear()


def switch(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """A switch, and a lamp that follows it: bits that alone are predictable."""
    return {"lamp": words["switch"], "switch": 1 - words["switch"]}


class TestBitLogistic(PredictorLaws):
    least = 1

    def predictor(self) -> Predictor:
        return BitLogistic()

    def courses(self) -> Sequence[Course]:
        made = Course("switch", lambda steps: Registers(switch, {"lamp": 0, "switch": 1}, steps), every=5)
        return [*super().courses(), made]


class TestMean(PredictorLaws):
    least = 1
    dropped: ClassVar = {"test_beats_standing_still": "it trails what moves; it is made for what goes to and fro"}

    def predictor(self) -> Predictor:
        return Mean()


class TestMemory(PredictorLaws):
    def predictor(self) -> Predictor:
        return Memory(Memory.Config(entries=32))


class TestPolynomial(PredictorLaws):
    def predictor(self) -> Predictor:
        return Polynomial()


class TestQuadratic(PredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return Quadratic()
