"""When an ensemble of `asc study collapse` collapses: its members are calm, and their weights are connected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from asc.recognizers.thresholds import ThresholdsConfig
from asc_nn_training.studies.lines import barrier

Inspection = Mapping[str, Any]
"""A record of the journal: all members at one position, and the lines between them."""
CALM = ("transition", "stable")


class CollapsePlan(NamedTuple):
    """How an ensemble is watched, and when it collapses."""

    steps: int
    members: int
    every: int  # steps between inspections
    thresholds: ThresholdsConfig
    calm: float  # share of the members
    barrier: float  # nats a token
    points: int  # on a line, without its ends

    def positions(self, together: int) -> list[int]:
        """Return the positions of the inspections at an ensemble whose members train as one for some steps."""
        return [p for p in sorted({*range(self.every, self.steps, self.every), self.steps}) if p > together]

    def is_calm(self, inspection: Inspection) -> bool:
        """Whether enough members are calm."""
        return calm_members(inspection) >= self.calm * len(inspection["regimes"])

    def connects(self, inspection: Inspection) -> bool:
        """Whether every two members are connected."""
        return max(barriers(inspection)) <= self.barrier

    def collapse(self, inspections: Sequence[Inspection]) -> Inspection | None:
        """Return the first inspection at which the ensemble collapses; None if there is none before the end."""
        before = (each for each in inspections if each["position"] < self.steps)
        return next((each for each in before if self.is_calm(each) and self.connects(each)), None)


def calm_members(inspection: Inspection) -> int:
    """Return how many members are in a regime that is known and not chaotic."""
    return sum(regime in CALM for regime in inspection["regimes"])


def barriers(inspection: Inspection) -> list[float]:
    """Return the barrier of every two members, in the order of `itertools.combinations`."""
    ends = combinations(inspection["gate"], 2)
    return [barrier(between, one, other) for between, (one, other) in zip(inspection["lines"], ends, strict=True)]
