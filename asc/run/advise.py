"""A short profile before any long run: is there anything to predict here, and what would it give?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from asc.computation import Computation, Predictor
from asc.run.replay.answers import Answers, Tally
from asc.run.replay.walk import HORIZONS, ask, both_ways, walk
from asc.words import Word, same

__all__ = ["HORIZONS", "Advice", "both_ways", "profile", "recommend"]


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
    first = computation.position()
    walked = walk(computation, seconds, superstep_s)
    states = computation.read("words", walked.snapshots)
    excited = tuple(sorted({name for one, two in pairwise(states) for name in _changed(one, two)}))
    hits: dict[str, Mapping[int, float]] = {}
    for name, predictor in predictors.items():
        answers = Answers(name)
        ask(computation, walked, answers, predictor)
        tallies = {horizon: Tally.of(answers.at(horizon)) for horizon in answers.horizons()}
        hits[name] = {horizon: tally.accepted / tally.asked for horizon, tally in tallies.items()}
    seen, repeats = set(), 0
    for causal in walked.reads:
        key = tuple(sorted(causal.items()))
        repeats += key in seen
        seen.add(key)
    tracking = median(walked.factors) if walked.factors else 1.0
    share = repeats / max(1, len(walked.reads))
    return Advice(
        steps=computation.position() - first,
        superstep=walked.superstep,
        step_s=walked.step_s,
        excited=excited,
        read=walked.read,
        words=len(states[-1]),
        tracking=tracking,
        repeats=share,
        hits=hits,
        recommendation=recommend(tracking, share, hits, len(walked.reads)),
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


def _changed(one: Mapping[str, Word], two: Mapping[str, Word]) -> Iterator[str]:
    return (name for name in two if name not in one or not same(one[name], two[name]))
