"""A criterion: within a share of the current loss."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.scores import NEEDS, Comparison, compare, first_look, moved


class Proximity(Validator):
    """Accept when the mean held-out loss is within a share epsilon of the current one, above and below.

    Leap+Verify, criterion "proximity": |candidate / current - 1| <= epsilon with epsilon = 0.05. The code published
    with it bounds the upper side alone, at 0.005: `epsilon=0.005, sided="upper"`.
    Unlike in the paper, a candidate that changes no loss is rejected, since standing still gains nothing.
    """

    class Config(Settings):
        """Settings of `proximity`."""

        epsilon: float = Field(0.05, ge=0, description="share of the current loss")
        sided: Literal["both", "upper"] = Field("both", description="upper: a loss may fall by any amount")
        rotate: bool = Field(True, description="judge on another subset of the gate set at each boundary")

    needs = NEEDS
    config: Config

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Compare the means of one look."""
        losses = compare(computation, candidate, first_look(candidate.start, self.config.rotate))
        if not isinstance(losses, Comparison):
            return losses
        rise = losses.candidate - losses.current
        bounded = abs(rise) if self.config.sided == "both" else rise
        sides = "either way" if self.config.sided == "both" else "upwards"
        reason = f"{moved(losses.current, losses.candidate)}, where {self.config.epsilon:.3%} {sides} is tolerated"
        close = bounded <= self.config.epsilon * abs(losses.current)
        return losses.accept(reason) if close else losses.reject(reason)
