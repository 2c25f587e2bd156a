"""Accept a candidate by a held-out loss: one name for the four criteria."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from asc.computation import Computation
from asc.settings import Settings
from asc.types import Candidate, Verdict
from asc.validator import Validator
from asc.validators.adaptive import Adaptive
from asc.validators.paired import Paired
from asc.validators.proximity import Proximity
from asc.validators.scores import NEEDS
from asc.validators.strict import Strict

Criterion = Literal["paired", "strict", "adaptive", "proximity"]


class HeldOutLoss(Validator):
    """The loss on the gate set under the candidate, compared with that under the current weights.

    `paired` (default) is a paired test over sequences in a few looks, corrected for the number of looks and candidates.
    `strict`, `adaptive` and `proximity` are Leap+Verify's criteria, on means of one look. Dropout is off, padded tokens
    never count, and a candidate with a loss that is not finite is rejected.
    """

    class Config(Settings):
        """Settings of `held-out-loss`; each criterion uses its own."""

        criterion: Criterion = Field("paired", description="how the two losses are compared")
        alpha: float = Field(
            0.05, gt=0, lt=0.5, description="paired: chance of accepting a candidate that is no better"
        )
        looks: int = Field(4, ge=1, description="paired: subsets of the gate set that are compared, at most")
        kappa: float = Field(1.0, ge=0, description="adaptive: standard deviations tolerated")
        window: int = Field(10, ge=3, description="adaptive: boundaries whose losses count as recent")
        epsilon: float = Field(
            0.05,
            ge=0,
            description="proximity: tolerated difference, as a share of the current loss",
        )
        sided: Literal["both", "upper"] = Field(
            "both", description="proximity: with upper, a loss may fall by any amount"
        )
        rotate: bool | None = Field(
            None, description="judge on another subset at each boundary; by default yes, except for adaptive"
        )

    needs = NEEDS
    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._criterion = _build(self.config)

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Compare by the chosen criterion."""
        return self._criterion.judge(computation, candidate)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the criterion: for adaptive, the recent losses."""
        return self._criterion.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._criterion.load_state_dict(state)


def _build(config: HeldOutLoss.Config) -> Validator:
    rotate = config.criterion != "adaptive" if config.rotate is None else config.rotate
    match config.criterion:
        case "paired":
            return Paired(Paired.Config(alpha=config.alpha, looks=config.looks, rotate=rotate))
        case "strict":
            return Strict(Strict.Config(rotate=rotate))
        case "adaptive":
            return Adaptive(Adaptive.Config(kappa=config.kappa, window=config.window, rotate=rotate))
        case "proximity":
            return Proximity(Proximity.Config(epsilon=config.epsilon, sided=config.sided, rotate=rotate))
