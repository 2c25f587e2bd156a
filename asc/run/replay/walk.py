"""An exact computation walked again, plainly and tracked, so that predictors can be asked along the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from asc.computation import Computation, Predictor
from asc.errors import AscError
from asc.ledger import Ledger
from asc.run.replay.answers import Answers, Try
from asc.speculators.guess import guess
from asc.types import Attempt, Outcome, Plan, Snapshot
from asc.words import Word, same

HORIZONS = (1, 2, 4, 8, 16)  # supersteps
WINDOW = 16  # snapshots that a predictor sees, as in a run
_SUPERSTEPS = 160


class Walked(NamedTuple):
    """A stretch of an exact computation."""

    superstep: int  # steps each
    step_s: float
    snapshots: tuple[Snapshot, ...]  # before each superstep, and after the last
    reads: tuple[Mapping[str, Any], ...]  # what each superstep read before writing it
    factors: tuple[float, ...]  # seconds of each superstep tracked over those of the same plain

    @property
    def read(self) -> tuple[str, ...]:
        """Words that supersteps read: what a guess must get right."""
        return tuple(sorted({name for causal in self.reads for name in causal}))

    @property
    def reach(self) -> int:
        """How far ahead may be asked at most, in supersteps, so that the state that is asked for was walked to."""
        newest = max(1, _half(self.snapshots))
        ahead = range(len(self.snapshots) - 1 - newest, 0, -1)
        return next((h for h in ahead if _seen(self.snapshots, newest, h, h * self.superstep)), 0)


def walk(
    computation: Computation, seconds: float, superstep_s: float, stopped: Callable[[], bool] = lambda: False
) -> Walked:
    """Walk an exact computation for about `seconds`, each superstep plain and tracked, with a snapshot after each.

    Raises AscError where the computation has no words to compare.
    """
    if "words" not in computation.provides:
        raise AscError(
            f"Guesses are compared by the words of a state, and this computation provides "
            f'{", ".join(sorted(computation.provides)) or "none"}: let it read "words" (asc.computation.Computation).'
        )
    superstep, step_s = _size(computation, superstep_s, seconds)
    deadline = time.perf_counter() + seconds
    snapshots = [computation.observe()]
    reads: list[Mapping[str, Any]] = []
    factors: list[float] = []
    while not computation.finished() and time.perf_counter() < deadline and len(reads) < _SUPERSTEPS and not stopped():
        plain, tracked, causal = both_ways(computation, superstep)
        factors.append(tracked / plain if plain else 1.0)
        reads.append(causal)
        snapshots.append(computation.observe())
    return Walked(superstep, step_s, tuple(snapshots), tuple(reads), tuple(factors))


def ask(
    computation: Computation,
    walked: Walked,
    answers: Answers,
    predictor: Predictor,
    horizons: Sequence[int] = HORIZONS,
    *,
    window: int = WINDOW,
    stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Ask at every horizon from the second half's snapshots; the predictor has seen the first half by then.

    Horizons are in supersteps, ascending. A guess is right where it is so on all words that supersteps read, and then
    gains the steps that it skips.
    """
    snapshots, superstep, read = walked.snapshots, walked.superstep, walked.read
    half, ledger = _half(snapshots), Ledger(exact=True)
    for newest in range(1, len(snapshots)):
        if answers.fault or stopped():
            break
        history = snapshots[max(0, newest + 1 - window) : newest + 1]
        for horizon in horizons if newest >= half else horizons[:1]:
            plan = Plan(answers.name, horizon * superstep, superstep)
            if not _seen(snapshots, newest, horizon, plan.horizon):
                break
            candidate = guess(computation, history, plan, {answers.name: predictor}, ledger)
            outcome, gain = Outcome.SILENT, None
            if isinstance(candidate, Attempt):
                if candidate.outcome is Outcome.FAILED:
                    answers.fault = candidate.reason
                    break
            elif newest >= half:
                actual = computation.read("words", (snapshots[newest + horizon],))[0]
                right = _agree(candidate.state, actual, read)
                outcome, gain = (Outcome.ACCEPTED, float(plan.horizon)) if right else (Outcome.REJECTED, 0.0)
            if newest >= half:
                answers.tries.append(
                    Try(snapshots[newest].position, horizon, "", outcome, gain, None if gain is None else plan.horizon)
                )
    booked = ledger.accounts().get("predict", {"seconds": 0.0, "count": 0})
    answers.calls, answers.seconds = answers.calls + int(booked["count"]), answers.seconds + booked["seconds"]


def both_ways(computation: Computation, steps: int) -> tuple[float, float, Mapping[str, Any]]:
    """Take the same superstep plainly and tracked; seconds of each, and what was read."""
    before = computation.snapshot()
    began = time.perf_counter()
    computation.advance(steps)
    plain = time.perf_counter() - began
    computation.restore(before)
    began = time.perf_counter()
    learnt = computation.advance(steps, record=True).learnt
    return plain, time.perf_counter() - began, {} if learnt is None else learnt.causal


def _size(computation: Computation, superstep_s: float, seconds: float) -> tuple[int, float]:
    """Find how many steps, a power of two, take about `superstep_s`, or as much as lets enough of them fit."""
    target = min(superstep_s, seconds / (4 * HORIZONS[-1]))
    before, steps = computation.snapshot(), 1
    while True:
        began = time.perf_counter()
        done = computation.advance(steps).steps
        took = time.perf_counter() - began
        at_end = computation.finished()
        computation.restore(before)
        if at_end:  # so short that it is divided by steps, and not by time
            return max(1, done // (4 * HORIZONS[-1])), took / max(1, done)
        if took >= target:
            return max(1, steps // 2 if took > 2 * target else steps), took / max(1, done)
        steps *= 2


def _half(snapshots: Sequence[Snapshot]) -> int:
    """The first snapshot from which answers count: what came before is there to be learnt from."""
    return len(snapshots) // 2


def _seen(snapshots: Sequence[Snapshot], newest: int, horizon: int, steps: int) -> bool:
    """Whether the state that is asked for was walked to; the superstep that ends the run may be a short one."""
    ahead = newest + horizon
    return ahead < len(snapshots) and snapshots[ahead].position == snapshots[newest].position + steps


def _agree(guessed: Mapping[str, Word], actual: Mapping[str, Word], names: Sequence[str]) -> bool:
    return all(name in guessed and name in actual and same(guessed[name], actual[name]) for name in names)
