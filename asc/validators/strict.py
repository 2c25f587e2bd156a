"""A criterion: the loss must fall, by any amount."""

from __future__ import annotations

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.scores import NEEDS, Comparison, compare, first_look, moved


class Strict(Validator):
    """Accept when the candidate's mean held-out loss is below the current one (Leap+Verify, criterion "strict").

    The comparison ignores noise: on few sequences, about half of all harmless changes are accepted. See `paired`.
    """

    class Config(Settings):
        """Settings of `strict`."""

        rotate: bool = Field(True, description="judge on another subset of the gate set at each boundary")

    needs = NEEDS
    config: Config

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Compare the means of one look."""
        losses = compare(computation, candidate, first_look(candidate.start, self.config.rotate))
        if not isinstance(losses, Comparison):
            return losses
        reason = moved(losses.current, losses.candidate)
        return losses.accept(reason) if losses.candidate < losses.current else losses.reject(reason)
