"""What predictors answered along a replayed run, and what each answer would have been worth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from asc.types import Outcome


class Evaluation(NamedTuple):
    """One request for a prediction, and its outcome.

    Gains are in steps where candidates are executed, else in nats of held-out loss.
    """

    position: int
    horizon: int  # as requested: in supersteps where candidates are executed, else in steps; 0 for an update in place
    regime: str
    outcome: Outcome
    gain: float | None = None  # of the candidate, accepted or rejected; None without a candidate or a known gain
    plain_gain: float | None = None  # of plain steps over the same distance; None where that is not known

    @property
    def applied_gain(self) -> float | None:
        """What a run gains that applies every accepted candidate: nothing where there is no accepted candidate.

        None where the candidate is accepted and its gain is not known.
        """
        return self.gain if self.outcome is Outcome.ACCEPTED else 0.0


class Evaluations:
    """All evaluations of one predictor."""

    def __init__(self, name: str, entries: Iterable[Evaluation] = (), new: bool = False) -> None:
        """`new` marks the predictor that the user asks about; the others are there to compare it with."""
        self.name, self.new = name, new
        self.entries: list[Evaluation] = list(entries)
        self.calls = 0
        self.seconds = 0.0  # of all calls
        self.doubts: Counter[str] = Counter()  # about rejected candidates
        self.fault = ""  # what the predictor raised, or the validator instead of a verdict; it is not asked again

    def at(self, horizon: int) -> list[Evaluation]:
        """Return the evaluations at one horizon."""
        return [entry for entry in self.entries if entry.horizon == horizon]

    def horizons(self) -> list[int]:
        """Return the horizons, ascending."""
        return sorted({entry.horizon for entry in self.entries})

    def best_horizon(self) -> int | None:
        """Return the horizon with the largest applied gain, else with the best candidates; None without any."""

        def merit(horizon: int) -> tuple[float, float, float]:
            totals = Totals.of(self.at(horizon))
            candidates = -math.inf if totals.candidate_gain is None else totals.candidate_gain
            return totals.applied_gain or 0.0, totals.acceptance_rate or 0.0, candidates

        return max(self.horizons(), key=merit, default=None)


class Totals(NamedTuple):
    """Evaluations in sum."""

    asked: int
    silent: int  # of those asked
    accepted: int
    applied_gain: float | None  # mean, of all that were asked; None where one of them is not known
    candidate_gain: float | None  # mean, of candidates whose gain is known, accepted or rejected; None without any
    share_of_plain: float | None  # gain of candidates over that of plain steps; None where plain steps gained nothing

    @classmethod
    def of(cls, entries: Sequence[Evaluation]) -> Totals:
        """Sum evaluations up."""
        asked = len(entries)
        gains = [entry.gain for entry in entries if entry.gain is not None]
        pairs = [(e.gain, e.plain_gain) for e in entries if e.gain is not None and e.plain_gain is not None]
        plain = sum(plain for _, plain in pairs)
        applied = [gain for entry in entries if (gain := entry.applied_gain) is not None]
        return cls(
            asked,
            sum(entry.outcome is Outcome.SILENT for entry in entries),
            sum(entry.outcome is Outcome.ACCEPTED for entry in entries),
            (sum(applied) / asked if asked else 0.0) if len(applied) == asked else None,
            sum(gains) / len(gains) if gains else None,
            sum(gain for gain, _ in pairs) / plain if plain > 0 else None,
        )

    @property
    def candidates(self) -> int:
        """How often there was a candidate."""
        return self.asked - self.silent

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted of the candidates; None without any."""
        return self.accepted / self.candidates if self.candidates else None
