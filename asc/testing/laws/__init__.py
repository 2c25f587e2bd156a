"""The laws that every plugin and backend must keep, as classes to subclass in a test module.

    from asc.testing import PredictorLaws

    class TestMine(PredictorLaws):
        def predictor(self):
            return Mine()

pytest finds the tests that the subclass inherits. Each law's docstring states it, and what to do when it fails.
"""

from asc.testing.laws.backends import BackendLaws
from asc.testing.laws.base import Laws, laws_of, stated_by
from asc.testing.laws.caches import CacheLaws
from asc.testing.laws.components import ComponentLaws
from asc.testing.laws.computations import ComputationLaws, ExactLaws, JudgedLaws
from asc.testing.laws.predictors import PredictorLaws
from asc.testing.laws.recognizers import RecognizerLaws
from asc.testing.laws.validators import ValidatorLaws

__all__ = [
    "BackendLaws",
    "CacheLaws",
    "ComponentLaws",
    "ComputationLaws",
    "ExactLaws",
    "JudgedLaws",
    "Laws",
    "PredictorLaws",
    "RecognizerLaws",
    "ValidatorLaws",
    "laws_of",
    "stated_by",
]
