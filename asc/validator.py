"""The base of validators: is a candidate good enough?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from asc.computation import Computation
from asc.settings import Configurable
from asc.types import Candidate, Verdict


class Validator(Configurable, ABC):
    """Judges candidates. Only `judge` must be written."""

    needs: frozenset[str] = frozenset()
    """What it asks of the computation beyond its state, such as "losses"; a backend without it is refused at start."""

    remarks: Sequence[str] = ()
    """Sentences for the user, shown as warnings of the run."""

    @abstractmethod
    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Give a verdict. The computation is unchanged on return and on raise.

        A candidate is not judged where this raises: that is no rejection. The user is warned, and speculation ends
        where it happens at several boundaries in a row.
        """
