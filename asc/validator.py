"""The base of validators: is a candidate good enough?"""

from __future__ import annotations

from abc import ABC, abstractmethod

from asc.computation import Computation
from asc.settings import Configurable
from asc.types import Candidate, Verdict


class Validator(Configurable, ABC):
    """Judges candidates. Only `judge` must be written."""

    @abstractmethod
    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Give a verdict. The computation is unchanged on return and on raise."""
