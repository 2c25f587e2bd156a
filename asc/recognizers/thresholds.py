"""Where a similarity of fingerprints begins to count as stable, and where as chaotic."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from bisect import insort
from collections import deque
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from asc.recognizers.logistic import fit_line
from asc.settings import Configurable, Settings

Regime = Literal["unknown", "chaotic", "transition", "stable"]

_LEAST_DISTANCE = 1e-9  # 1 - similarity below this is rounding, not stillness


class Thresholds(Configurable, ABC):
    """Turns similarities into regimes, one boundary after the other."""

    @abstractmethod
    def label(self, similarity: float) -> Regime:
        """Name the regime from this similarity and those labelled before it, never from later ones."""

    def learn(self, similarity: float, accepted: bool) -> None:
        """Take one boundary's outcome into account."""

    def explores(self, passed_over: int) -> bool:
        """Whether to speculate once at a boundary that would be the n-th in a row to be passed over."""
        return False


class Limits(Settings):
    """Two limits on the similarity.

    The defaults are the published ones of Leap+Verify, printed in the code that came with the paper: each the mean of
    the 30th and 70th percentiles of five training runs of GPT-2 124M at 50 steps between fingerprints.
    """

    chaotic: float = Field(0.9962696, ge=-1, le=1, description="similarities up to this are chaotic")
    stable: float = Field(0.99948916, ge=-1, le=1, description="similarities from this on are stable")

    @model_validator(mode="after")
    def _in_order(self) -> Limits:
        if self.chaotic >= self.stable:
            raise ValueError(f"chaotic is {self.chaotic} and stable {self.stable}: set chaotic below stable")
        return self


class Fixed(Thresholds):
    """Two numbers that stay: what an earlier run or a publication found."""

    class Config(Limits):
        """Settings of `fixed`."""

        name: Literal["fixed"] = "fixed"

    config: Config

    def label(self, similarity: float) -> Regime:
        """Compare with the two limits."""
        return _between(similarity, self.config.chaotic, self.config.stable)


class Quantile(Thresholds):
    """Percentiles of the similarities that this run has shown so far: the share of each regime is chosen, not found.

    The similarity in question is compared with those before it. Published thresholds were percentiles of whole runs,
    the future included; these are causal.
    """

    class Config(Settings):
        """Settings of `quantile`."""

        name: Literal["quantile"] = "quantile"
        low: float = Field(0.3, ge=0, le=1, description="similarities up to this quantile are chaotic")
        high: float = Field(0.7, ge=0, le=1, description="similarities from this quantile on are stable")
        least: int = Field(10, ge=1, description="similarities to see before anything is labelled")

        @model_validator(mode="after")
        def _in_order(self) -> Quantile.Config:
            if self.low >= self.high:
                raise ValueError(f"low is {self.low} and high {self.high}: set low below high")
            return self

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._seen: list[float] = []  # ascending

    def label(self, similarity: float) -> Regime:
        """Compare with the percentiles so far, then count this one among them."""
        known = len(self._seen) >= self.config.least
        regime = _between(similarity, self._at(self.config.low), self._at(self.config.high)) if known else "unknown"
        insort(self._seen, similarity)
        return regime

    def state_dict(self) -> dict[str, Any]:
        """Return the similarities seen."""
        return {"seen": list(self._seen)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._seen = list(state["seen"])

    def _at(self, quantile: float) -> float:
        place = quantile * (len(self._seen) - 1)
        below = math.floor(place)
        left, right = self._seen[below], self._seen[math.ceil(place)]
        return left + (right - left) * (place - below)


class Learned(Thresholds):
    """Limits that this run's own verdicts move: stable is where a candidate is likely to be accepted.

    The log-odds of acceptance are a line over log(1 - similarity), fitted to the latest outcomes. The line starts as
    the one that gives exactly the two limits, and holds on to it with a Gaussian prior, so that without outcomes this
    is `Fixed`, and with many of them the limits no longer matter.
    """

    class Config(Limits):
        """Settings of `learned`."""

        name: Literal["learned"] = "learned"
        acceptance: float = Field(0.5, gt=0, lt=1, description="stable where acceptance is at least this likely")
        hopeless: float = Field(0.2, gt=0, lt=1, description="chaotic where acceptance is at most this likely")
        strength: float = Field(2.0, gt=0, description="precision of the prior on the limits")
        window: int = Field(256, ge=1, description="outcomes that are remembered, the latest")
        explore: int = Field(
            5, ge=0, description="every n-th boundary that would be passed over is speculated from, to learn; 0: none"
        )

        @model_validator(mode="after")
        def _likelier(self) -> Learned.Config:
            if self.hopeless >= self.acceptance:
                raise ValueError(
                    f"hopeless is {self.hopeless} and acceptance {self.acceptance}: set hopeless below acceptance"
                )
            return self

    config: Config

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._origin = _log_distance(self.config.stable)
        self._unit = _log_distance(self.config.chaotic) - self._origin
        self._stable, self._chaotic = _log_odds(self.config.acceptance), _log_odds(self.config.hopeless)
        self._line = self._prior = (self._stable, self._chaotic - self._stable)
        self._outcomes: deque[tuple[float, bool]] = deque(maxlen=self.config.window)

    def label(self, similarity: float) -> Regime:
        """Name the regime by how likely acceptance is."""
        odds = self._odds(similarity)
        if odds >= self._stable:
            return "stable"
        return "chaotic" if odds <= self._chaotic else "transition"

    def acceptance(self, similarity: float) -> float:
        """Return the predicted probability that a candidate is accepted at this similarity."""
        return (1 + math.tanh(self._odds(similarity) / 2)) / 2

    def learn(self, similarity: float, accepted: bool) -> None:
        """Take one boundary's outcome into account."""
        self._outcomes.append((self._place(similarity), accepted))
        self._fit()

    def explores(self, passed_over: int) -> bool:
        """Whether to speculate at a boundary that would be passed over, so that too strict limits can learn."""
        return passed_over == self.config.explore

    def state_dict(self) -> dict[str, Any]:
        """Return the outcomes that count."""
        return {"outcomes": [list(outcome) for outcome in self._outcomes]}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self._outcomes.clear()
        self._outcomes.extend((place, accepted) for place, accepted in state["outcomes"])
        self._line = self._prior
        if self._outcomes:
            self._fit()

    def _fit(self) -> None:
        places, outcomes = np.array(self._outcomes, dtype=np.float64).T
        self._line = fit_line(places, outcomes, self._prior, self.config.strength)

    def _place(self, similarity: float) -> float:
        """0 at the stable limit, 1 at the chaotic one."""
        return (_log_distance(similarity) - self._origin) / self._unit

    def _odds(self, similarity: float) -> float:
        return self._line[0] + self._line[1] * self._place(similarity)


def _named(given: Any) -> Any:
    """Take a bare name for its table, and `published` for the limits that `fixed` has by default."""
    given = {"name": given} if isinstance(given, str) else given
    return {**given, "name": "fixed"} if isinstance(given, dict) and given.get("name") == "published" else given


ThresholdsConfig = Annotated[
    Fixed.Config | Quantile.Config | Learned.Config, Field(discriminator="name"), BeforeValidator(_named)
]


def build(config: Fixed.Config | Quantile.Config | Learned.Config) -> Fixed | Quantile | Learned:
    """Return the thresholds that these settings describe."""
    match config:
        case Fixed.Config():
            return Fixed(config)
        case Quantile.Config():
            return Quantile(config)
        case Learned.Config():
            return Learned(config)


def _between(similarity: float, chaotic: float, stable: float) -> Regime:
    if similarity >= stable:
        return "stable"
    return "chaotic" if similarity <= chaotic else "transition"


def _log_distance(similarity: float) -> float:
    return math.log(max(1 - similarity, _LEAST_DISTANCE))


def _log_odds(probability: float) -> float:
    return math.log(probability / (1 - probability))
