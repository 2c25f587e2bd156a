"""A short profile before any long run: is there anything to predict here, and what would it give?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import Any, NamedTuple

from asc.computation import Computation, Predictor
from asc.trajectory import SegmentHistory
from asc.types import Plan, Snapshot
from asc.words import Word, same

HORIZONS = (1, 2, 4, 8, 16)  # supersteps
_SUPERSTEPS = 160
_WINDOW = 16  # snapshots that a predictor sees, as in a run


class Advice(NamedTuple):
    """What a profile found."""

    steps: int  # profiled
    superstep: int  # steps each
    step_s: float
    excited: tuple[str, ...]
    read: tuple[str, ...]  # words that supersteps read before writing them: what a guess must get right
    words: int
    tracking: float  # seconds of a tracked step over those of a plain one
    repeats: float  # share of supersteps whose read words had been seen before
    hits: Mapping[str, Mapping[int, float]]  # predictor, horizon in supersteps: share of guesses right on what is read
    recommendation: str

    def ceiling(self, workers: int) -> float:
        """What so many workers beside the main thread could give if every guess were right: 1 + workers / f."""
        return 1 + workers / self.tracking


def profile(
    computation: Computation, predictors: Mapping[str, Predictor], seconds: float, superstep_s: float
) -> Advice:
    """Walk an exact computation for about `seconds`, tracked and plain in turn, and try every predictor on the way."""
    superstep, step_s = _size(computation, superstep_s, seconds)
    first, deadline = computation.position(), time.perf_counter() + seconds
    snapshots = [computation.observe()]
    reads: list[Mapping[str, Any]] = []
    factors: list[float] = []
    while not computation.finished() and time.perf_counter() < deadline and len(reads) < _SUPERSTEPS:
        plain, tracked, causal = both_ways(computation, superstep)
        factors.append(tracked / plain if plain else 1.0)
        reads.append(causal)
        snapshots.append(computation.observe())
    states = computation.read("words", snapshots)
    read = tuple(sorted({name for causal in reads for name in causal}))
    excited = tuple(sorted({name for one, two in pairwise(states) for name in _changed(one, two)}))
    hits = {
        name: dict(_hits(computation, predictor, snapshots, superstep, read)) for name, predictor in predictors.items()
    }
    seen, repeats = set(), 0
    for causal in reads:
        key = tuple(sorted(causal.items()))
        repeats += key in seen
        seen.add(key)
    tracking = median(factors) if factors else 1.0
    share = repeats / max(1, len(reads))
    return Advice(
        steps=computation.position() - first,
        superstep=superstep,
        step_s=step_s,
        excited=excited,
        read=read,
        words=len(states[-1]),
        tracking=tracking,
        repeats=share,
        hits=hits,
        recommendation=recommend(tracking, share, hits, len(reads)),
    )


def recommend(tracking: float, repeats: float, hits: Mapping[str, Mapping[int, float]], supersteps: int) -> str:
    """Say in plain words what to do."""
    if supersteps < 4:
        return "The run is too short to profile: it ended within a few supersteps, so just run it plainly."
    best = max(hits, key=lambda name: hits[name].get(1, 0.0), default="")
    share = hits[best].get(1, 0.0) if best else 0.0
    if repeats >= 0.3:
        return (
            f"Speculate: {repeats:.0%} of the supersteps began from words that had been seen before, so remembering "
            "pays even without workers (--executor none)."
        )
    if share < 0.1:
        return (
            "Do not expect a speed-up: no predictor guesses the words that are read. Write a predictor for them "
            "(`asc explain affine` shows one), or run plainly (--no-speculation)."
        )
    if tracking > 2:
        return (
            f"{best} guesses {share:.0%} right, but a tracked step takes {tracking:.1f} times as long: do more work a "
            "step on fewer reads (keep values in local variables), then speculate."
        )
    return (
        f"Speculate with --predictors {best}: it guesses {share:.0%} of the next supersteps right, and a tracked step "
        f"takes {tracking:.2f} times as long. The default ensemble finds it by itself."
    )


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
        if took >= target or at_end:
            return max(1, steps // 2 if took > 2 * target else steps), took / max(1, done)
        steps *= 2


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


def _hits(
    computation: Computation, predictor: Predictor, snapshots: Sequence[Snapshot], superstep: int, read: Sequence[str]
) -> Iterator[tuple[int, float]]:
    """Try a predictor at every horizon from the second half's snapshots; it has seen the first half by then."""
    half = len(snapshots) // 2
    right = dict.fromkeys(HORIZONS, 0)
    tried = dict.fromkeys(HORIZONS, 0)
    for newest in range(1, len(snapshots)):
        history = snapshots[max(0, newest + 1 - _WINDOW) : newest + 1]
        for horizon in HORIZONS if newest >= half else HORIZONS[:1]:
            if newest + horizon >= len(snapshots):
                break
            plan = Plan("", horizon * superstep, superstep)
            prediction = predictor.predict(SegmentHistory(history, computation), plan.horizon)
            if newest < half:
                continue
            candidate = None if prediction is None else computation.materialise(prediction, history, plan)
            tried[horizon] += 1
            actual = computation.read("words", (snapshots[newest + horizon],))[0]
            right[horizon] += candidate is not None and _agree(candidate.state, actual, read)
    for horizon, count in tried.items():
        if count:
            yield horizon, right[horizon] / count


def _agree(guessed: Mapping[str, Word], actual: Mapping[str, Word], names: Sequence[str]) -> bool:
    return all(name in guessed and name in actual and same(guessed[name], actual[name]) for name in names)


def _changed(one: Mapping[str, Word], two: Mapping[str, Word]) -> Iterator[str]:
    return (name for name in two if name not in one or not same(one[name], two[name]))
