"""What a predictor answered when it was asked at many places, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from asc.types import Outcome


class Try(NamedTuple):
    """One question and what came of the answer. Gains are in steps where exact, else in nats of held-out loss."""

    position: int
    horizon: int  # as it was asked for: supersteps where exact, else steps; 0: an update in place
    regime: str
    outcome: Outcome
    gain: float | None = None  # of the guess, be it taken or not; None where there was none, or nothing to tell it by
    real: float | None = None  # what the real steps over the same distance brought, where that is known

    @property
    def taken(self) -> float | None:
        """What a run that takes what is accepted gains here: nothing by silence, and nothing by what is refused.

        None where something is accepted and its gain is not known.
        """
        return self.gain if self.outcome is Outcome.ACCEPTED else 0.0


class Answers:
    """Everything that one predictor was asked."""

    def __init__(self, name: str, tries: Iterable[Try] = (), new: bool = False) -> None:
        self.name, self.new = name, new  # new: the one that is to be judged, and not one that stands beside it
        self.tries: list[Try] = list(tries)
        self.calls = 0
        self.seconds = 0.0  # of all calls
        self.fault = ""  # what it raised; it is not asked again after that

    def at(self, horizon: int) -> list[Try]:
        """Return the answers for one horizon."""
        return [one for one in self.tries if one.horizon == horizon]

    def horizons(self) -> list[int]:
        """Return the horizons that it was asked for, ascending."""
        return sorted({one.horizon for one in self.tries})

    def best(self) -> int | None:
        """Return the horizon at which most is gained by what is accepted, else by the guesses; None without any."""

        def merit(horizon: int) -> tuple[float, float, float]:
            tally = Tally.of(self.at(horizon))
            guess = tally.guess if tally.guess is not None else -math.inf
            return tally.gain or 0.0, tally.share or 0.0, guess

        return max(self.horizons(), key=merit, default=None)


class Tally(NamedTuple):
    """Tries in sum."""

    asked: int
    silent: int  # of those asked
    accepted: int
    gain: float | None  # of what is accepted, a question: what a run would have of it; None where that is not known
    guess: float | None  # mean gain of a guess, accepted or not; None without any whose gain is known
    of_real: float | None  # gain of the guesses as a share of that of the real steps; None where those gained nothing

    @classmethod
    def of(cls, tries: Sequence[Try]) -> Tally:
        """Sum tries up."""
        asked = len(tries)
        gains = [one.gain for one in tries if one.gain is not None]
        beside = [(one.gain, one.real) for one in tries if one.gain is not None and one.real is not None]
        real = sum(real for _, real in beside)
        taken = [gain for one in tries if (gain := one.taken) is not None]
        return cls(
            asked,
            sum(one.outcome is Outcome.SILENT for one in tries),
            sum(one.outcome is Outcome.ACCEPTED for one in tries),
            (sum(taken) / asked if asked else 0.0) if len(taken) == asked else None,
            sum(gains) / len(gains) if gains else None,
            sum(gain for gain, _ in beside) / real if real > 0 else None,
        )

    @property
    def share(self) -> float | None:
        """Share accepted among the guesses that were made."""
        made = self.asked - self.silent
        return self.accepted / made if made else None
