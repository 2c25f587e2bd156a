"""The core's own validators under the laws that authors get."""

from __future__ import annotations

from typing import ClassVar

from asc.computation import Computation, Validator
from asc.testing import Trial, ValidatorLaws, machine
from asc.types import Candidate
from asc.validators.adaptive import Adaptive
from asc.validators.exact import Exact
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.strict import Strict


class TestAdaptive(ValidatorLaws):
    def validator(self) -> Validator:
        return Adaptive()


class TestExact(ValidatorLaws):
    """Its candidates are transitions that were executed: from here, and from a state that never was."""

    def validator(self) -> Validator:
        return Exact()

    def computation(self) -> Computation:
        return machine("congruential", 200)

    def trial(self) -> Trial:
        here, ahead = self.computation(), self.computation()
        learnt = ahead.advance(10, record=True).learnt
        assert learnt is not None
        wrong = learnt._replace(causal={"x": 5})
        true, perturbed = (Candidate(0, 10, transition, 8, "worker") for transition in (learnt, wrong))
        return Trial(here, true, perturbed)

    def ruined(self, trial: Trial) -> None:
        return None


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
