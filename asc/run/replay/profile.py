"""A short run of a computation whose candidates are executed: plain and tracked, with predictors asked on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from asc.computation import Computation
from asc.errors import AscError
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.run.replay.evaluations import Evaluation, Evaluations
from asc.speculators.candidates import predict
from asc.types import Decision, Outcome, Plan, Snapshot
from asc.words import Word, same

HORIZONS = (1, 2, 4, 8, 16)
"""How far ahead predictors are asked by default, in supersteps."""

_SUPERSTEPS = 160


class Profile(NamedTuple):
    """What the first supersteps of a run have shown."""

    superstep: int  # steps in each
    step_s: float
    snapshots: tuple[Snapshot, ...]  # before each superstep, and after the last
    reads: tuple[Mapping[str, Any], ...]  # what each superstep read before writing it
    factors: tuple[float, ...]  # seconds of each superstep tracked over those of the same superstep plain

    @property
    def read(self) -> tuple[str, ...]:
        """State words that supersteps read: what a candidate must predict right."""
        return tuple(sorted({name for causal in self.reads for name in causal}))

    def read_from(self, number: int) -> Collection[str]:
        """Return the state words that the superstep from a snapshot reads; after the last, those that any reads."""
        return self.reads[number] if number < len(self.reads) else self.read

    @property
    def reach(self) -> int:
        """The largest horizon, in supersteps, at which predictors can be evaluated: the state there was reached."""
        newest = max(1, _half(self.snapshots))
        ahead = range(len(self.snapshots) - 1 - newest, 0, -1)
        return next((h for h in ahead if _reached(self.snapshots, newest, h, h * self.superstep)), 0)


def profile_run(
    computation: Computation, seconds: float, superstep_s: float, stopped: Callable[[], bool] = lambda: False
) -> Profile:
    """Run for about `seconds`, each superstep plain and tracked, and take a snapshot after each.

    Raises AscError where the computation has no state words to compare.
    """
    if "words" not in computation.provides:
        raise AscError(
            "Candidates are compared by state words, the named values of a state, and this computation provides "
            f'{", ".join(sorted(computation.provides)) or "none"}: let it read "words" (asc.computation.Computation).'
        )
    superstep, step_s = _size(computation, superstep_s, seconds)
    deadline = time.perf_counter() + seconds
    snapshots = [computation.observe()]
    reads: list[Mapping[str, Any]] = []
    factors: list[float] = []
    while not computation.finished() and time.perf_counter() < deadline and len(reads) < _SUPERSTEPS and not stopped():
        plain, tracked, causal = time_both_ways(computation, superstep)
        factors.append(tracked / plain if plain else 1.0)
        reads.append(causal)
        snapshots.append(computation.observe())
    return Profile(superstep, step_s, tuple(snapshots), tuple(reads), tuple(factors))


def evaluate(
    computation: Computation,
    profile: Profile,
    evaluations: Evaluations,
    predictor: Predictor,
    horizons: Sequence[int] = HORIZONS,
    *,
    depth: int | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Ask a predictor at every horizon from the second half of the snapshots; it learns from the first half.

    Horizons are in supersteps, ascending. A candidate is accepted where it is right about all state words that the
    superstep from there reads, and gains the steps that it skips. The predictor sees `depth` snapshots, by default as
    many as it looks back on.
    """
    snapshots, superstep = profile.snapshots, profile.superstep
    half, ledger = _half(snapshots), Ledger(computation.take_price, timed=True)
    for newest in range(1, len(snapshots)):
        if evaluations.fault or stopped():
            break
        history = snapshots[max(0, newest + 1 - (depth or predictor.depth)) : newest + 1]
        for horizon in horizons if newest >= half else horizons[:1]:
            plan = Plan(evaluations.name, horizon * superstep, superstep)
            if not _reached(snapshots, newest, horizon, plan.horizon):
                break
            candidate = predict(computation, history, plan, {evaluations.name: predictor}, ledger)
            if isinstance(candidate, Decision) and candidate.outcome is Outcome.FAILED:
                evaluations.fault = candidate.reason
                break
            if newest < half:
                continue
            evaluation = Evaluation(snapshots[newest].position, horizon, "", Outcome.SILENT)
            if not isinstance(candidate, Decision):
                actual = computation.read("words", (snapshots[newest + horizon],))[0]
                right = _agree(candidate.state, actual, profile.read_from(newest + horizon))
                outcome, gain = (Outcome.ACCEPTED, float(plan.horizon)) if right else (Outcome.REJECTED, 0.0)
                evaluation = evaluation._replace(outcome=outcome, gain=gain, plain_gain=plan.horizon)
                if candidate.doubt and not right:
                    evaluations.doubts[candidate.doubt] += 1
            evaluations.entries.append(evaluation)
    booked = ledger.accounts().get("predict", {"seconds": 0.0, "count": 0})
    evaluations.calls += int(booked["count"])
    evaluations.seconds += booked["seconds"]


def time_both_ways(computation: Computation, steps: int) -> tuple[float, float, Mapping[str, Any]]:
    """Take the same superstep plain and tracked; return the seconds of each, and what was read."""
    before = computation.snapshot()
    began = time.perf_counter()
    computation.advance(steps)
    plain = time.perf_counter() - began
    computation.restore(before)
    began = time.perf_counter()
    recorded = computation.advance(steps, record=True).recorded
    return plain, time.perf_counter() - began, {} if recorded is None else recorded.causal


def _size(computation: Computation, superstep_s: float, seconds: float) -> tuple[int, float]:
    """Return how many steps, a power of two, take about `superstep_s`, or less so that enough supersteps fit."""
    target = min(superstep_s, seconds / (4 * HORIZONS[-1]))
    before, steps = computation.snapshot(), 1
    while True:
        began = time.perf_counter()
        done = computation.advance(steps).steps
        seconds_taken = time.perf_counter() - began
        at_end = computation.finished()
        computation.restore(before)
        if at_end:  # too short to divide by time, so it is divided by steps
            return max(1, done // (4 * HORIZONS[-1])), seconds_taken / max(1, done)
        if seconds_taken >= target:
            steps = max(1, steps // 2 if seconds_taken > 2 * target else steps)
            return steps, seconds_taken / max(1, done)
        steps *= 2


def _half(snapshots: Sequence[Snapshot]) -> int:
    """Return the first snapshot from which evaluations count: predictors learn from those before it."""
    return len(snapshots) // 2


def _reached(snapshots: Sequence[Snapshot], newest: int, horizon: int, steps: int) -> bool:
    """Whether the state at this horizon is among the snapshots; the last superstep of a run may be shorter."""
    ahead = newest + horizon
    return ahead < len(snapshots) and snapshots[ahead].position == snapshots[newest].position + steps


def _agree(predicted: Mapping[str, Word], actual: Mapping[str, Word], names: Collection[str]) -> bool:
    return all(name in predicted and name in actual and same(predicted[name], actual[name]) for name in names)
