"""What the tables show: in which units, under which headings. One layout for each kind of run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from asc.run.replay.evaluations import Evaluation, Evaluations, Totals
from asc.views import figures


class Part(NamedTuple):
    """The evaluations of one row."""

    horizon: int
    regime: str  # "all" where there are several
    entries: Sequence[Evaluation]


class Layout(ABC):
    """How the evaluations of one kind of run are shown."""

    unit: ClassVar[str]
    """Of gains."""

    headings: ClassVar[Sequence[str]]
    """Of the columns after the predictor's name."""

    legend: ClassVar[str]
    """What the columns mean."""

    @abstractmethod
    def horizon(self, horizon: int) -> str:
        """Put a horizon into words."""

    @abstractmethod
    def gain(self, gain: float) -> str:
        """Put a gain into words."""

    @abstractmethod
    def cells(self, part: Part) -> list[str]:
        """Return the cells of a row, in the order of the headings."""

    def merged(self, evaluations: Evaluations) -> list[str] | None:
        """Return the cells of one row for all horizons, where that says everything."""
        return None


class ExecutedLayout(Layout):
    """Horizons in supersteps, gains in steps."""

    unit = "steps"
    headings = ("ahead", "asked", "silent", "accepted", "gain")
    legend = "ahead: in supersteps; accepted: share of the candidates that are right; gain: steps skipped, each time."

    def horizon(self, horizon: int) -> str:
        """Put a horizon into words."""
        return f"{horizon} superstep{'s' * (horizon > 1)} ahead"

    def gain(self, gain: float) -> str:
        """Put a gain into words."""
        return f"{figures.amount(gain)} steps"

    def cells(self, part: Part) -> list[str]:
        """Return the cells of a row."""
        totals = Totals.of(part.entries)
        return [str(part.horizon), *_counts(totals), figures.amount(totals.applied_gain)]

    def merged(self, evaluations: Evaluations) -> list[str] | None:
        """Return one row for a predictor that is right at every horizon each time, or never."""
        horizons, totals = evaluations.horizons(), Totals.of(evaluations.entries)
        if len(horizons) < 2 or totals.accepted not in (0, totals.asked):
            return None
        gains = [figures.amount(Totals.of(evaluations.at(horizon)).applied_gain) for horizon in horizons]
        gain = gains[0] if gains[0] == gains[-1] else f"{gains[0]}–{gains[-1]}"
        return [f"{horizons[0]}–{horizons[-1]}", *_counts(totals), gain]


class JudgedLayout(Layout):
    """Horizons in steps, gains in nats of held-out loss."""

    unit = "nats"
    headings = ("ahead", "regime", "asked", "silent", "accepted", "gain", "candidate", "of plain")
    legend = (
        "ahead: in steps, 0 in place; accepted: share of the candidates that the validator accepts; gain: what a run "
        "gains each time, as the fall of the loss on sequences that do not judge, in nats; candidate: mean gain of a "
        "candidate, accepted or rejected; of plain: gain of the candidates over that of as many plain steps."
    )

    def horizon(self, horizon: int) -> str:
        """Put a horizon into words."""
        return f"{horizon} steps ahead" if horizon else "in place"

    def gain(self, gain: float) -> str:
        """Put a gain into words."""
        return f"{gain:.3g} nats"

    def cells(self, part: Part) -> list[str]:
        """Return the cells of a row."""
        totals = Totals.of(part.entries)
        of_plain = figures.UNKNOWN if totals.share_of_plain is None else _percent(totals.share_of_plain)
        gains = [_nats(totals.applied_gain), _nats(totals.candidate_gain), of_plain]
        return [str(part.horizon), part.regime, *_counts(totals), *gains]


def _counts(totals: Totals) -> list[str]:
    share = figures.UNKNOWN if totals.acceptance_rate is None else f"{totals.acceptance_rate:.0%}"
    return [figures.count(totals.asked), figures.count(totals.silent), share]


def _nats(gain: float | None) -> str:
    """Signed, and short however large it is."""
    if gain is None:
        return figures.UNKNOWN
    return f"{gain:+.4f}" if abs(gain) < 100 else f"{gain:+.0e}"


def _percent(share: float) -> str:
    return f"{share:.0%}" if abs(share) < 100 else f"{100 * share:.0e}%"
