"""A criterion: the loss may rise by as much as it has varied lately."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Mapping
from typing import Any

from pydantic import Field, model_validator

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.scores import NEEDS, Comparison, compare, first_look, moved


class Adaptive(Validator):
    """Accept when the mean held-out loss is at most the current one plus kappa standard deviations of recent ones.

    Leap+Verify, criterion "adaptive", with kappa = 1. Recent losses are those of the current state at the last `window`
    boundaries that were judged, this one included and later ones never; with fewer than `least`, the strict comparison
    holds. All are taken on one and the same subset of the gate set unless `rotate` is set, since a change of sequences
    would add to the variation. Unlike in the paper, a candidate that changes no loss is rejected, since standing still
    gains nothing.
    """

    class Config(Settings):
        """Settings of `adaptive`."""

        kappa: float = Field(1.0, ge=0, description="standard deviations that are tolerated")
        window: int = Field(10, ge=2, description="boundaries whose loss counts as recent")
        least: int = Field(3, ge=2, description="recent losses that are needed to estimate how much they vary")
        rotate: bool = Field(False, description="judge on another subset of the gate set at each boundary")

        @model_validator(mode="after")
        def _enough(self) -> Adaptive.Config:
            if self.least > self.window:
                raise ValueError(
                    f"least is {self.least} and window {self.window}, so there would never be enough losses: set "
                    f"window to {self.least} or more"
                )
            return self

    needs = NEEDS
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._recent: deque[tuple[int, float]] = deque(maxlen=self.config.window)  # position, loss

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Compare the means of one look, with the tolerance that recent losses suggest."""
        losses = compare(computation, candidate, first_look(candidate.start, self.config.rotate))
        if not isinstance(losses, Comparison):
            return losses
        if candidate.base is None:  # else the current loss is that of an earlier link, not of a state of the run
            self._note(candidate.start, losses.current)
        moves = moved(losses.current, losses.candidate)
        if len(self._recent) < self.config.least:
            reason = f"{moves}; {len(self._recent)} recent losses are too few for a tolerance"
            return losses.accept(reason) if losses.candidate < losses.current else losses.reject(reason)
        tolerance = self.config.kappa * statistics.stdev(loss for _, loss in self._recent)
        reason = f"{moves}, where {tolerance:.3g} above is tolerated"
        return losses.accept(reason) if losses.candidate <= losses.current + tolerance else losses.reject(reason)

    def state_dict(self) -> dict[str, Any]:
        """Return the recent losses."""
        return {"recent": [list(entry) for entry in self._recent]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._recent.clear()
        self._recent.extend((position, loss) for position, loss in state["recent"])

    def _note(self, position: int, loss: float) -> None:
        """Count a boundary once, however many candidates it has."""
        if self._recent and self._recent[-1][0] == position:
            self._recent.pop()
        self._recent.append((position, loss))
