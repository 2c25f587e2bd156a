"""A short profile before any long run: is there anything to predict, and what would it give?"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from asc.computation import Computation
from asc.predictor import Predictor
from asc.run.replay.evaluations import Evaluations, Totals
from asc.run.replay.profile import evaluate, profile_run
from asc.words import Word, same


class Advice(NamedTuple):
    """What a profile has found."""

    steps: int  # profiled
    superstep: int  # steps in each
    step_s: float
    excited: tuple[str, ...]
    read: tuple[str, ...]  # state words that supersteps read before writing: what a candidate must predict right
    words: int
    tracking: float  # seconds of a tracked step over those of a plain one
    repeats: float  # share of supersteps that began from read words with the same values as an earlier one
    hits: Mapping[str, Mapping[int, float]]  # predictor, horizon in supersteps: accepted share of what was asked
    recommendation: str

    def ceiling(self, workers: int) -> float:
        """Return the speed-up with so many workers if every candidate were right: 1 + workers / tracking."""
        return 1 + workers / self.tracking


def make_advice(
    computation: Computation,
    predictors: Mapping[str, Predictor],
    seconds: float,
    superstep_s: float,
    defaults: Collection[str] = (),
) -> Advice:
    """Profile a computation for about `seconds`, evaluate every predictor on the way, and recommend what to do.

    `defaults` are the predictors that a run takes unless others are named.
    """
    first = computation.position()
    profile = profile_run(computation, seconds, superstep_s)
    states = computation.read("words", profile.snapshots)
    excited = tuple(sorted({name for one, two in pairwise(states) for name in _changed(one, two)}))
    hits: dict[str, Mapping[int, float]] = {}
    for name, predictor in predictors.items():
        found = Evaluations(name)
        evaluate(computation, profile, found, predictor)
        totals = {horizon: Totals.of(found.at(horizon)) for horizon in found.horizons()}
        hits[name] = {horizon: one.accepted / one.asked for horizon, one in totals.items()}
    seen, repeats = set(), 0
    for causal in profile.reads:
        key = tuple(sorted(causal.items()))
        repeats += key in seen
        seen.add(key)
    tracking = median(profile.factors) if profile.factors else 1.0
    share = repeats / max(1, len(profile.reads))
    return Advice(
        steps=computation.position() - first,
        superstep=profile.superstep,
        step_s=profile.step_s,
        excited=excited,
        read=profile.read,
        words=len(states[-1]),
        tracking=tracking,
        repeats=share,
        hits=hits,
        recommendation=recommend(tracking, share, hits, len(profile.reads), defaults),
    )


def recommend(
    tracking: float,
    repeats: float,
    hits: Mapping[str, Mapping[int, float]],
    supersteps: int,
    defaults: Collection[str] = (),
) -> str:
    """Say in plain words what to do; of two predictors that are equally good, the default one is named."""
    if supersteps < 4:
        return "The run is too short to profile: it ended within a few supersteps, so just run it plainly."
    best = max(hits, key=lambda name: (hits[name].get(1, 0.0), name in defaults), default="")
    share = hits[best].get(1, 0.0) if best else 0.0
    if repeats >= 0.3:
        return (
            f"Speculate: {repeats:.0%} of the supersteps began from state words that had been seen before, so "
            "remembering pays even without workers."
        )
    if share < 0.1:
        return (
            "Do not expect a speed-up: no predictor is right about the state words that are read. Write a predictor "
            "for them (`asc explain affine` shows one), or run plainly (--no-speculation)."
        )
    if tracking > 2:
        return (
            f"{best} predicts {share:.0%} right, but a tracked step takes {tracking:.1f} times as long: do more work a "
            "step on fewer reads (keep values in local variables), then speculate."
        )
    does = f"predicts {share:.0%} of the next supersteps right, and a tracked step takes {tracking:.2f} times as long."
    if best in defaults:
        return f"Speculate: {best}, which is the default, {does}"
    usual = [f"{name} {hits[name].get(1, 0.0):.0%}" for name in defaults if name in hits]
    beside = f" By default, {' and '.join(usual)} would be right." if usual else ""
    return f"Speculate with --predictors {best}: it {does}{beside}"


def _changed(one: Mapping[str, Word], two: Mapping[str, Word]) -> Iterator[str]:
    return (name for name in two if name not in one or not same(one[name], two[name]))
