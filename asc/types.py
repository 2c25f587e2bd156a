"""The small values that the pieces hand to each other. State is carried, information is reported: different types."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

S = TypeVar("S")


class Outcome(Enum):
    """What became of one attempt to speculate; the value is the word that people see."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SILENT = "no prediction"
    FAILED = "raised"
    LATE = "came too late"
    LAUNCHED = "sent to a worker"


class Snapshot(NamedTuple):
    """A state at a position. Differences are taken only between snapshots of one segment."""

    position: int  # steps executed so far
    segment: int  # a judged leap starts a new one
    state: Any  # the backend's own
    nbytes: int


class Memory(NamedTuple):
    """What an inexact run remembers beyond the computation's own state, so that it can be resumed to the same end."""

    state: Mapping[str, Any] = {}  # dictionaries, lists, numbers, strings and numpy arrays
    history: tuple[Snapshot, ...] = ()  # of the newest segment, oldest first


class Transition(NamedTuple):
    """A way from here to there: everything that skips work is one of these, and its effect is opaque to the core."""

    start: int  # position at which it was computed (or is expected to apply)
    steps: int  # 0: an update in place (averages, outer steps)
    effect: Any  # `Computation.apply` knows what it means
    nbytes: int
    source: str  # which predictor or worker
    causal: Mapping[str, Hashable] = {}  # bits of the words that were read before written; what a match must agree on
    gain_steps: float | None = (
        None  # what a judge found it to be worth; None: every skipped step, since it was executed
    )


class Advanced(NamedTuple):
    """What a call of `Computation.advance` did; a compiled backend reports its own batch of hits here."""

    steps: int  # that the position has moved by
    hits: int = 0
    misses: int = 0
    skipped: int = 0  # of the steps, those leapt over
    learnt: Transition | None = None  # the superstep as a transition, when it was asked for


class Recognition(NamedTuple):
    """A recognizer's answer: is this a place worth guessing from?"""

    speculate: bool
    label: str  # "stable", "loop head", ...
    score: float | None


class Plan(NamedTuple):
    """What to try next: guess the state `horizon` steps from here; an executed guess then runs `steps` further."""

    predictor: str
    horizon: int
    steps: int = 0


class Combination(NamedTuple):
    """A prediction as coefficients of the newest snapshots, oldest of them first; the backend carries out the sum."""

    coefficients: tuple[Fraction | float, ...]

    def of(self, snapshots: Sequence[S]) -> Sequence[S]:
        """Return those of the snapshots, oldest first, that the coefficients belong to: the newest.

        Raises ValueError where there are fewer snapshots than coefficients.
        """
        if len(self.coefficients) > len(snapshots):
            raise ValueError(f"{len(self.coefficients)} coefficients were given for {len(snapshots)} snapshots")
        return snapshots[len(snapshots) - len(self.coefficients) :]


class Direct(NamedTuple):
    """A prediction given as a state: per-word values, tensors, whatever the backend's `materialise` takes."""

    state: Any


Prediction = Combination | Direct


class Candidate(NamedTuple):
    """A predicted state that nobody has confirmed yet."""

    start: int  # where it was predicted from
    horizon: int
    state: Any
    nbytes: int
    source: str
    rivals: int = 1  # candidates that are judged at this boundary, this one included
    base: Any = None  # the state that it is to be better than, where that is not the present one: a link before it


class Verdict(NamedTuple):
    """A validator's answer. The gain is measured on held-out data or by execution, never simply the horizon."""

    accepted: bool
    gain_steps: float  # equivalents of plain steps
    reason: str
    change: float | None = None  # of the held-out loss, where one was compared; below zero is better


class Attempt(NamedTuple):
    """One try and what became of it: what the allocator learns from and the record keeps."""

    plan: Plan
    outcome: Outcome
    gain_steps: float = 0.0
    reason: str = ""
    change: float | None = None  # of the held-out loss, where a judge compared one
    reached: int | None = None  # steps ahead that were accepted: of a chain, up to the first link that was refused


class Span(NamedTuple):
    """A stretch of a worker's time, for the timeline. Seconds since the epoch."""

    worker: str
    began: float
    ended: float
    start: int
    steps: int


class Boundary(NamedTuple):
    """What happened at one boundary. Times are seconds since the epoch."""

    position: int  # before any leap
    label: str
    leaps: tuple[Transition, ...]
    attempts: tuple[Attempt, ...]
    spans: tuple[Span, ...]  # workers' time that became known here
    began: float
    ended: float


class Status(NamedTuple):
    """A run at a glance, for whoever shows it."""

    position: int
    total: int | None
    seconds: float
    label: str
    hits: int  # boundaries where the cache had a way on, be it a chain of leaps
    misses: int  # boundaries where the cache was asked and had nothing
    skipped: int  # steps leapt over
    hit_rate: float  # share of the steps for which the cache had a way on, be it taken or, in a shadow run, only seen
    outcomes: Mapping[str, int]  # settled attempts, by `Outcome.value`
    workers: int
    busy: int
    excited: tuple[str, ...]  # words that ever changed between boundaries
    words: int  # words there are
    estimated_speedup: float
    ceiling: float  # what these workers could give at best; infinite where remembered states come back
    reason: str  # in a sentence: why there is a gain, or none
    measures: Mapping[str, float] = {}  # what the computation says of itself, such as losses
    judged: bool = False  # whether guesses are judged rather than executed: leaps then skip no steps as a rule
