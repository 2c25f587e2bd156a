"""The core's own validators under the laws that authors get."""

from __future__ import annotations

from typing import ClassVar

from asc.testing import ValidatorLaws
from asc.validator import Validator
from asc.validators.adaptive import Adaptive
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.strict import Strict
from asc.validators.synthetic import Synthetic


class TestAdaptive(ValidatorLaws):
    def validator(self) -> Validator:
        return Adaptive()


class TestPaired(ValidatorLaws):
    def validator(self) -> Validator:
        return Paired()


class TestProximity(ValidatorLaws):
    dropped: ClassVar = {"test_accepts_the_true_continuation": "two-sided, as published, it refuses what is far better"}

    def validator(self) -> Validator:
        return Proximity()


class TestOneSidedProximity(ValidatorLaws):
    def validator(self) -> Validator:
        return Proximity(Proximity.Config(sided="upper"))


class TestSynthetic(ValidatorLaws):
    dropped: ClassVar = {
        "test_rejects_a_perturbed_one": "it draws its verdicts, and looks at no candidate",
        "test_rejects_what_is_no_number": "it draws its verdicts, and looks at no candidate",
    }

    def validator(self) -> Validator:
        return Synthetic(Synthetic.Config(rate=1.0))


class TestStrict(ValidatorLaws):
    def validator(self) -> Validator:
        return Strict()
