"""The core's own validators under the laws that authors get."""

from __future__ import annotations

from typing import ClassVar

from asc.testing import ValidatorLaws
from asc.validator import Validator
from asc.validators.adaptive import Adaptive
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.strict import Strict


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


class TestStrict(ValidatorLaws):
    def validator(self) -> Validator:
        return Strict()
