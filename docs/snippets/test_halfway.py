from my_predictor import Halfway

from asc.testing import PredictorLaws


class TestHalfway(PredictorLaws):
    def predictor(self):
        return Halfway()
