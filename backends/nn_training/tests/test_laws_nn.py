"""The components of the network backend, and the core's predictors for weights, under the laws for authors."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from asc.backend import Backend
from asc.predictor import Predictor
from asc.predictors.cascade import Cascade
from asc.predictors.last_value import LastValue
from asc.predictors.linear import Linear
from asc.predictors.mean import Mean
from asc.predictors.polynomial import Polynomial
from asc.predictors.quadratic import Quadratic
from asc.recognizer import Recognizer
from asc.recognizers.thresholds import Learned
from asc.testing import BackendLaws
from asc.validator import Validator
from asc_nn_training.backend import NetworkBackend
from asc_nn_training.predictors.anderson import Anderson
from asc_nn_training.predictors.autoregression import Autoregression
from asc_nn_training.predictors.average import TailAverage
from asc_nn_training.predictors.ema import EmaIncrements
from asc_nn_training.predictors.ema_nesterov import EmaNesterov
from asc_nn_training.predictors.line_search import LineSearch
from asc_nn_training.predictors.momentum import Momentum, MomentumAsCoded, MomentumAsPrinted, MomentumDecaying
from asc_nn_training.predictors.nesterov import NesterovOuter
from asc_nn_training.predictors.published import QuadraticAsCoded, QuadraticAsPrinted
from asc_nn_training.predictors.rank_one import RankOne
from asc_nn_training.recognizers.activation_cosine import ActivationCosine
from asc_nn_training.recognizers.lyapunov import Lyapunov
from asc_nn_training.testing import TrainingRecognizerLaws, TrainingValidatorLaws, WeightPredictorLaws
from asc_nn_training.validators.held_out_loss import Criterion, HeldOutLoss
from asc_nn_training.validators.probation import Probation

_EXPLODES = {"test_beats_standing_still": "the published form diverges; it is kept to study why"}
_LOOKS_BACK = {
    "test_beats_standing_still": "a mean of past weights lies behind the present ones; only its loss is better"
}


class TestLinear(WeightPredictorLaws):
    def predictor(self) -> Predictor:
        return Linear()


class TestQuadratic(WeightPredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return Quadratic()


class TestPolynomial(WeightPredictorLaws):
    def predictor(self) -> Predictor:
        return Polynomial()


class TestCascade(WeightPredictorLaws):
    def predictor(self) -> Predictor:
        return Cascade()


class TestLastValue(WeightPredictorLaws):
    least = 1
    dropped: ClassVar = {"test_beats_standing_still": "standing still is what it predicts"}

    def predictor(self) -> Predictor:
        return LastValue()


class TestMean(WeightPredictorLaws):
    least = 1
    dropped: ClassVar = _LOOKS_BACK

    def predictor(self) -> Predictor:
        return Mean()


class TestMomentum(WeightPredictorLaws):
    least = 1

    def predictor(self) -> Predictor:
        return Momentum()


class TestMomentumDecaying(WeightPredictorLaws):
    least = 1

    def predictor(self) -> Predictor:
        return MomentumDecaying()


class TestMomentumAsPrinted(WeightPredictorLaws):
    least = 1
    dropped: ClassVar = _EXPLODES | {"test_resumed": "without a validator, its weights soon are NaN"}

    def predictor(self) -> Predictor:
        return MomentumAsPrinted()


class TestMomentumAsCoded(WeightPredictorLaws):
    least = 1
    dropped: ClassVar = _EXPLODES

    def predictor(self) -> Predictor:
        return MomentumAsCoded()


class TestQuadraticAsPrinted(WeightPredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return QuadraticAsPrinted()


class TestQuadraticAsCoded(WeightPredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return QuadraticAsCoded()


class TestNesterovOuter(WeightPredictorLaws):
    def predictor(self) -> Predictor:
        return NesterovOuter()


class TestEmaIncrements(WeightPredictorLaws):
    def predictor(self) -> Predictor:
        return EmaIncrements()


class TestEmaNesterov(WeightPredictorLaws):
    least = 1
    dropped: ClassVar = {"test_beats_standing_still": "a way of going on moves nothing by itself"}

    def predictor(self) -> Predictor:
        return EmaNesterov(EmaNesterov.Config(start=0))


class TestTailAverage(WeightPredictorLaws):
    def predictor(self) -> Predictor:
        return TailAverage()


class TestAnderson(WeightPredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return Anderson()


class TestAutoregression(WeightPredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return Autoregression()


class TestRankOne(WeightPredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return RankOne()


class TestRankOneOfAllWeights(WeightPredictorLaws):
    least = 3

    def predictor(self) -> Predictor:
        return RankOne(RankOne.Config(scope="all"))


class TestLineSearch(WeightPredictorLaws):
    def predictor(self) -> Predictor:
        return LineSearch()


class TestActivationCosine(TrainingRecognizerLaws):
    def recognizer(self) -> Recognizer:
        return ActivationCosine(ActivationCosine.Config(every=5, thresholds=Learned.Config(explore=2, window=8)))


class TestLyapunov(TrainingRecognizerLaws):
    def recognizer(self) -> Recognizer:
        return Lyapunov(Lyapunov.Config(every=5, steps=4, share=1.0))


class HeldOut(TrainingValidatorLaws):
    """By each criterion."""

    __test__ = False
    criterion: Criterion = "paired"

    def validator(self) -> Validator:
        return HeldOutLoss(HeldOutLoss.Config(criterion=self.criterion, sided="upper"))


class TestPaired(HeldOut):
    __test__ = True


class TestStrict(HeldOut):
    __test__ = True
    criterion = "strict"


class TestAdaptive(HeldOut):
    __test__ = True
    criterion = "adaptive"


class TestProximity(HeldOut):
    __test__ = True
    criterion = "proximity"


class TestProbation(TrainingValidatorLaws):
    def validator(self) -> Validator:
        return Probation(Probation.Config(steps=3))


class TestNetworkBackend(BackendLaws):
    @pytest.fixture(autouse=True)
    def _small(self, small: Any) -> None:
        self._make = small

    def backend(self) -> Backend[Any]:
        return NetworkBackend(self._make(steps=30, evaluate_every=15))
