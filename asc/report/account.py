"""One pass over a run's folder, into what its report shows; the size does not depend on how long the run was."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asc.records.events import last_event
from asc.records.folders import CONFIG, SUMMARY, read_json
from asc.report.parts import Part, parts
from asc.types import Outcome

BINS = 480
"""Columns of every chart: enough for a wide screen, few enough that any run's report stays small."""

RAISED_SHOWN = 5


class Bins:
    """A quantity over the run's time."""

    def __init__(self, length: float) -> None:
        self.values = [0.0] * BINS
        self._scale = BINS / length if length > 0 else 0.0

    def spread(self, began: float, ended: float, amount: float) -> None:
        """Add an amount that came about evenly between two times; what lies outside the run goes to its edge."""
        first, last = self._place(began), self._place(ended)
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

    def _place(self, time: float) -> float:
        return min(float(BINS), max(0.0, time * self._scale))


@dataclass
class Tries:
    """What became of one predictor's guesses at one horizon."""

    outcomes: Counter[str] = field(default_factory=Counter)
    gain: float = 0.0

    @property
    def settled(self) -> int:
        """Attempts that are over."""
        return self.outcomes.total() - self.outcomes[Outcome.LAUNCHED.value]

    @property
    def acceptance(self) -> float | None:
        """Accepted guesses among those that were made; a silent predictor made none."""
        made = self.settled - self.outcomes[Outcome.SILENT.value]
        return self.outcomes[Outcome.ACCEPTED.value] / made if made else None

    def add(self, other: Tries) -> None:
        """Take in another's."""
        self.outcomes.update(other.outcomes)
        self.gain += other.gain


class Account:
    """Everything that the report shows of a run; without `summary.json` there is what the record tells."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, Any] = read_json(folder / CONFIG) if (folder / CONFIG).exists() else {}
        self.summary: dict[str, Any] = read_json(folder / SUMMARY) if (folder / SUMMARY).exists() else {}
        last = last_event(folder)
        self.length = max(0.0, float(last["t1"])) if last is not None else 0.0
        self.position = 0
        self.lines = self.resumed = self.dropped = 0
        self.full_at: float | None = None
        self.work, self.boundary = Bins(self.length), Bins(self.length)
        self.hits, self.misses = Bins(self.length), Bins(self.length)
        self.executed, self.skipped = Bins(self.length), Bins(self.length)
        self.workers: dict[str, Bins] = {}
        self.tries: dict[str, dict[int, Tries]] = {}
        self.sources: dict[str, list[int]] = {}
        self.raised: Counter[str] = Counter()
        self.regimes: dict[str, Tries] = {}  # of judged runs: what became of guesses, by the boundary's label
        self.labels: dict[str, Bins] = {}  # boundaries by label
        self.judged = Bins(self.length), Bins(self.length)  # accepted, rejected
        for part in parts(folder):
            self._take(part)

    def outcomes(self) -> Counter[str]:
        """Return what became of all recorded attempts."""
        every = Tries()
        for horizons in self.tries.values():
            for tries in horizons.values():
                every.add(tries)
        return every.outcomes

    def _take(self, part: Part) -> None:
        self.lines += 1
        self.position = part.position
        self.resumed += part.kind == "start" and self.lines > 1
        if part.kind == "full":
            self.full_at = part.t1
        self.dropped += part.line.get("dropped", 0)
        if part.approach:
            self.work.spread(part.since, part.t0, part.t0 - part.since)
        self.work.spread(part.t0, part.t1, part.t1 - part.t0 - part.seconds)
        self.boundary.spread(part.t0, part.t1, part.seconds)
        self.executed.spread(part.since, part.t1, part.executed)
        # One boundary's leaps come after its waiting; those of many are anywhere among them.
        leapt = part.t1 if part.kind == "boundary" else part.t0
        for bins, amount in ((self.skipped, part.skipped), (self.hits, part.hits), (self.misses, part.misses)):
            bins.spread(leapt, part.t1, amount)
        for source, (number, steps) in part.line.get("leaps", {}).get("sources", {}).items():
            known = self.sources.setdefault(source, [0, 0])
            known[0] += number
            known[1] += steps
        for worker, began, ended, _, _ in part.line.get("spans", ()):
            if worker not in self.workers:
                self.workers[worker] = Bins(self.length)
            self.workers[worker].spread(began, ended, ended - began)
        label = part.line.get("label")
        if label:
            self.labels.setdefault(label, Bins(self.length)).spread(part.t0, part.t0, max(1, part.boundaries))
        for predictor, horizon, outcome, gain, reason in part.line.get("attempts", ()):
            settled = (Outcome.ACCEPTED.value, Outcome.REJECTED.value)
            if outcome in settled:
                self.judged[settled.index(outcome)].spread(part.t0, part.t0, 1)
                of_regime = self.regimes.setdefault(label or "", Tries())
                of_regime.outcomes[outcome] += 1
                of_regime.gain += gain or 0.0
            tries = self.tries.setdefault(predictor, {}).setdefault(horizon, Tries())
            tries.outcomes[outcome] += 1
            tries.gain += gain or 0.0
            told = f"{predictor}: {reason}"
            if outcome == Outcome.FAILED.value and (len(self.raised) < RAISED_SHOWN or told in self.raised):
                self.raised[told] += 1
