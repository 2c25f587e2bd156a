"""The core's own recognizers under the laws that authors get."""

from __future__ import annotations

from asc.recognizer import Recognizer
from asc.recognizers.always import Always
from asc.recognizers.every import Every
from asc.recognizers.recurring import Recurring
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Learned, Quantile, ThresholdsConfig
from asc.testing import RecognizerLaws


class TestAlways(RecognizerLaws):
    def recognizer(self) -> Recognizer:
        return Always()


class TestEvery(RecognizerLaws):
    def recognizer(self) -> Recognizer:
        return Every(Every.Config(steps=7))


class TestRecurring(RecognizerLaws):
    def recognizer(self) -> Recognizer:
        return Recurring()


class TestSimilarity(RecognizerLaws):
    may_hold = 16 * 1024  # its thresholds keep so many similarities, and no more
    thresholds: ThresholdsConfig = Learned.Config(explore=2)

    def recognizer(self) -> Recognizer:
        return Similarity(Similarity.Config(every=5, thresholds=self.thresholds))


class TestQuantiles(TestSimilarity):
    thresholds = Quantile.Config(least=3)
