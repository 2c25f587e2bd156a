"""What a report shows of a run, gathered in one pass over its folder; the size does not grow with the run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from asc.records.events import last_event, position_after
from asc.records.folders import CONFIG, SUMMARY, read_json
from asc.records.numbers import finite
from asc.report.intervals import Interval, intervals
from asc.types import Horizon, Outcome

BINS = 480
"""Columns of every chart over time: enough for a wide screen, few enough that any run's report stays small."""

UNBOOKED = 0.002
"""Share of the run's time below which time that is in no entry of the ledger counts as rounding."""

RAISED_SHOWN = 5
_SETTLED = (Outcome.ACCEPTED.value, Outcome.REJECTED.value)
_FAULTS = (Outcome.FAILED.value, Outcome.UNJUDGED.value)


class Account(NamedTuple):
    """The seconds of the run's clock, and what the ledger says they went into."""

    clock: float
    plain: float
    speculation: float
    checkpoints: float

    @property
    def rest(self) -> float:
        """Seconds that no entry of the ledger has."""
        return self.clock - self.plain - self.speculation - self.checkpoints

    @property
    def unbooked(self) -> bool:
        """Whether these seconds are more than rounding."""
        return self.rest > UNBOOKED * self.clock


class Bins:
    """A quantity over the run's time, or over its steps."""

    def __init__(self, length: float) -> None:
        self.values = [0.0] * BINS
        self._scale = BINS / length if length > 0 else 0.0

    def spread(self, began: float, ended: float, amount: float) -> None:
        """Add an amount evenly between two times; times outside the run count as its first or last moment."""
        first, last = self._column(began), self._column(ended)
        low, high = int(first), int(last)
        if low == high or last <= first:
            self.values[min(low, BINS - 1)] += amount
            return
        density = amount / (last - first)
        self.values[low] += density * (low + 1 - first)
        for index in range(low + 1, high):
            self.values[index] += density
        if high < BINS:
            self.values[high] += density * (last - high)

    def _column(self, time: float) -> float:
        return min(float(BINS), max(0.0, time * self._scale))


@dataclass
class CandidateCounts:
    """What became of some candidates, such as those of one predictor at one horizon."""

    outcomes: Counter[str] = field(default_factory=Counter)
    gain: float = 0.0

    @property
    def settled(self) -> int:
        """Candidates that were accepted or rejected."""
        return sum(self.outcomes[word] for word in _SETTLED)

    @property
    def acceptance_rate(self) -> float | None:
        """Accepted of the candidates that were accepted or rejected; None without any."""
        return self.outcomes[Outcome.ACCEPTED.value] / self.settled if self.settled else None

    def note(self, outcome: str, gain: float | None) -> None:
        """Count one decision."""
        self.outcomes[outcome] += 1
        self.gain += gain or 0.0

    def add(self, other: CandidateCounts) -> None:
        """Count another's candidates as well."""
        self.outcomes.update(other.outcomes)
        self.gain += other.gain


class RunData:
    """Everything that the report shows of a run. Without `summary.json` the event log gives what it can."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, Any] = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
        self.summary: dict[str, Any] = read_json(folder / SUMMARY) if (folder / SUMMARY).exists() else {}
        last = last_event(folder)
        self.length = max(0.0, float(last["t1"])) if last is not None else 0.0
        self.last_position = max(0, position_after(last) or 0) if last is not None else 0
        self.leaps_by_step = Bins(self.last_position)
        self.position = 0
        self.lines = self.resumed = self.dropped = 0
        self.full_at: float | None = None
        self.work, self.boundary = Bins(self.length), Bins(self.length)
        self.hits, self.misses = Bins(self.length), Bins(self.length)
        self.executed, self.skipped = Bins(self.length), Bins(self.length)
        self.workers: dict[str, Bins] = {}
        self.candidates: dict[str, dict[int, CandidateCounts]] = {}  # by predictor and planned horizon
        self.sources: dict[str, list[int]] = {}
        self.raised: Counter[str] = Counter()
        self.by_label: dict[str, CandidateCounts] = {}  # settled candidates, by the boundary's label
        self.labels: dict[str, Bins] = {}  # boundaries by label
        self.accepted, self.rejected = Bins(self.length), Bins(self.length)
        self._reached: dict[int, Counter[str]] = {}  # settled candidates, by the horizon that they reached
        for interval in intervals(folder):
            self._take(interval)

    @property
    def plain(self) -> bool:
        """Whether this is a run without speculation, which has no boundaries."""
        return set(self.labels) == {"plain"}

    def account(self) -> Account | None:
        """Return what the seconds of the run's clock went into; None before the run has ended.

        The ledger of a resumed judged run continues, so the seconds are those of all its parts.
        """
        ledger = self.summary.get("ledger") or {}
        booked = {kind: finite(entry.get("seconds")) or 0.0 for kind, entry in ledger.items()}
        clock, total = finite(self.summary.get("seconds")), sum(booked.values())
        if clock is None or not booked:
            return None
        plain, checkpoints = booked.get("plain", 0.0), booked.get("checkpoint", 0.0)
        clock = max(total, self.length) if self.resumed and total > clock else max(total, clock)
        return Account(clock, plain, total - plain - checkpoints, checkpoints)

    def outcomes(self) -> Counter[str]:
        """Return what became of all recorded candidates."""
        every = CandidateCounts()
        for horizons in self.candidates.values():
            for counts in horizons.values():
                every.add(counts)
        return every.outcomes

    def horizons(self) -> dict[int, Horizon]:
        """Return how many candidates were settled, and accepted, by the steps ahead that they reached."""
        given = self.summary.get("horizons")
        if given is not None:
            return {int(steps): Horizon(counts["settled"], counts["accepted"]) for steps, counts in given.items()}
        return {
            steps: Horizon(outcomes.total(), outcomes[Outcome.ACCEPTED.value])
            for steps, outcomes in sorted(self._reached.items())
        }

    def acceptance_rate(self) -> float | None:
        """Accepted of the candidates that were accepted or rejected; None without any."""
        horizons = self.horizons().values()
        settled = sum(horizon.settled for horizon in horizons)
        return sum(horizon.accepted for horizon in horizons) / settled if settled else None

    def mean_accepted_horizon(self) -> float | None:
        """Steps ahead that accepted candidates reach, on average; None without any."""
        horizons = self.horizons()
        accepted = sum(horizon.accepted for horizon in horizons.values())
        return sum(steps * horizon.accepted for steps, horizon in horizons.items()) / accepted if accepted else None

    def _take(self, interval: Interval) -> None:
        self.lines += 1
        self.position = interval.position
        self.resumed += interval.kind == "start" and self.lines > 1
        if interval.kind == "full":
            self.full_at = interval.t1
        self.dropped += interval.line.get("dropped", 0)
        if interval.approach:
            self.work.spread(interval.since, interval.t0, interval.t0 - interval.since)
        self.work.spread(interval.t0, interval.t1, interval.t1 - interval.t0 - interval.seconds)
        self.boundary.spread(interval.t0, interval.t1, interval.seconds)
        self.executed.spread(interval.since, interval.t1, interval.executed)
        # One boundary's leaps come after its waiting; those of many are anywhere among them.
        leapt = interval.t1 if interval.kind == "boundary" else interval.t0
        self.skipped.spread(leapt, interval.t1, interval.skipped)
        self.hits.spread(leapt, interval.t1, interval.hits)
        self.leaps_by_step.spread(interval.start, interval.start, interval.hits)
        self.misses.spread(leapt, interval.t1, interval.misses)
        for source, (number, steps) in interval.line.get("leaps", {}).get("sources", {}).items():
            counts = self.sources.setdefault(source, [0, 0])
            counts[0] += number
            counts[1] += steps
        for worker, began, ended, _, _ in interval.line.get("spans", ()):
            if worker not in self.workers:
                self.workers[worker] = Bins(self.length)
            self.workers[worker].spread(began, ended, ended - began)
        label = interval.line.get("label", "")
        if label:
            bins = self.labels.setdefault(label, Bins(self.length))
            bins.spread(interval.t0, interval.t0, max(1, interval.boundaries))
        for decision in interval.line.get("decisions", ()):
            self._decide(interval.t0, label, *decision)

    def _decide(
        self,
        time: float,
        label: str,
        predictor: str,
        horizon: int,
        outcome: str,
        gain: float | None,
        reason: str,
        reached: int | None = None,  # the first event logs do not have it
    ) -> None:
        self.candidates.setdefault(predictor, {}).setdefault(horizon, CandidateCounts()).note(outcome, gain)
        if outcome in _SETTLED:
            bins = self.accepted if outcome == Outcome.ACCEPTED.value else self.rejected
            bins.spread(time, time, 1)
            self.by_label.setdefault(label, CandidateCounts()).note(outcome, gain)
            self._reached.setdefault(horizon if reached is None else reached, Counter())[outcome] += 1
        raised = f"{predictor}: {reason}"
        if outcome in _FAULTS and (len(self.raised) < RAISED_SHOWN or raised in self.raised):
            self.raised[raised] += 1
