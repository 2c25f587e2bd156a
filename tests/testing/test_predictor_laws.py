"""The core's own predictors under the laws that authors get."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from asc.predictor import Predictor
from asc.predictors.affine import Affine
from asc.predictors.cascade import Cascade
from asc.predictors.ensemble import Ensemble
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.predictors.logistic import BitLogistic
from asc.predictors.mean import Mean
from asc.predictors.memory import Memory
from asc.predictors.most_frequent import MostFrequent
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic
from asc.testing import PredictorLaws, ReferenceRun, Registers
from asc.words import Word


class TestAffine(PredictorLaws):
    least = 1

    def predictor(self) -> Predictor:
        return Affine()


class TestCascade(PredictorLaws):
    def predictor(self) -> Predictor:
        return Cascade()

    def reference_runs(self) -> Sequence[ReferenceRun]:
        """Return shorter ones, since it is slow."""
        return [run._replace(boundaries=20, long=80) for run in super().reference_runs()]


class TestEnsemble(PredictorLaws):
    least = 1
    may_hold = 128 * 1024  # its memory has a bound, which the longest run does not reach

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

    def reference_runs(self) -> Sequence[ReferenceRun]:
        own = ReferenceRun("switch", lambda steps: Registers(switch, {"lamp": 0, "switch": 1}, steps), every=5)
        return [*super().reference_runs(), own]


class TestMean(PredictorLaws):
    least = 1
    dropped: ClassVar = {"test_beats_standing_still": "it trails what moves; it is made for what goes to and fro"}

    def predictor(self) -> Predictor:
        return Mean()


class TestMemory(PredictorLaws):
    def predictor(self) -> Predictor:
        return Memory(Memory.Config(entries=32))


def modes(words: Mapping[str, Any]) -> Mapping[str, Word]:
    """A counter, and a mode that seldom is another one than 0."""
    n = words["n"]
    return {"n": n + 1, "mode": int(n * 2654435761 % 2**32 % 5 == 0)}


class TestMostFrequent(PredictorLaws):
    least = 1

    def predictor(self) -> Predictor:
        return MostFrequent()

    def reference_runs(self) -> Sequence[ReferenceRun]:
        own = ReferenceRun("modes", lambda steps: Registers(modes, {"n": 0, "mode": 0}, steps), every=5)
        return [*super().reference_runs(), own]


class TestPolynomial(PredictorLaws):
    def predictor(self) -> Predictor:
        return Polynomial()


class TestQuadratic(PredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return Quadratic()
