"""The small values that the pieces hand to each other. State is carried, information is reported: different types."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from fractions import Fraction
from typing import Any, NamedTuple, TypeVar

S = TypeVar("S")

MAIN = "main"
"""The source of transitions that the main thread recorded itself."""


class Outcome(Enum):
    """What became of one plan; the value is the word that people see."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SILENT = "no prediction"
    FAILED = "raised"
    LATE = "came too late"
    LAUNCHED = "sent to a worker"
    UNJUDGED = "not judged"


class Snapshot(NamedTuple):
    """A state at a position. Differences are taken only between snapshots of one segment."""

    position: int  # steps executed so far
    segment: int  # a judged leap starts a new segment
    state: Any  # the backend's own
    nbytes: int


class EngineState(NamedTuple):
    """What an engine carries from one boundary to the next, beside the computation's own state.

    A judged run needs it to be resumed to the same end. An executed run ends in the same state without it. The part
    "settings" holds those of the run: a checkpoint that returns it is refused where they differ.
    """

    state: Mapping[str, Any] = {}  # dictionaries, lists, numbers, strings and numpy arrays
    history: tuple[Snapshot, ...] = ()  # of the newest segment, oldest first


class Transition(NamedTuple):
    """A way from one position to a later one. Everything that skips work is a transition; the core never looks inside.

    `causal` maps each state word that was read before it was written to its bits: a match must agree on all of them.
    """

    start: int  # position at which it was computed (or is expected to apply)
    steps: int  # 0: an update in place (averages, outer steps)
    effect: Any  # `Computation.apply` knows what it means
    nbytes: int
    source: str  # which predictor or worker
    causal: Mapping[str, Hashable] = {}
    gain_steps: float | None = None  # plain steps that a validator found it worth; None: all skipped steps (executed)


class Advanced(NamedTuple):
    """What one call of `Computation.advance` did. A compiled backend reports its own batch of hits here.

    Where it leaps over parts of steps, `skipped` is what that saved, in plain steps.
    """

    steps: int  # by which the position has moved
    hits: int = 0
    misses: int = 0
    skipped: int = 0  # of the steps, those leapt over
    recorded: Transition | None = None  # the superstep as a transition, where that was asked for
    usual: bool = True  # whether what the steps took tells what the next ones take


class Recognition(NamedTuple):
    """A recognizer's answer: is this a good place to predict from?"""

    speculate: bool
    label: str  # "stable", "loop head", ...
    score: float | None
    furthest: int | None = None  # steps within which almost equal states drift apart; None: no bound is known


class Plan(NamedTuple):
    """What to predict: the state `horizon` steps ahead; a worker then runs `steps` further from there."""

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
    """A prediction given as a state, in the form that the backend's `materialise` takes.

    For a program: a mapping of word to value, each of the word's type; a word that is left out keeps its value. For a
    training of a network: a list of new tensors, with the number, order, shapes and types of one entry of
    `history.read("weights")`.
    """

    state: Any


Prediction = Combination | Direct


class Candidate(NamedTuple):
    """A predicted state that is not confirmed yet."""

    start: int  # position that it was predicted from
    horizon: int
    state: Any
    nbytes: int
    source: str
    rivals: int = 1  # candidates that are judged at this boundary, this one included
    base: Any = None  # the state to compare with, where that is not the present one: the link before it in a chain
    reach: int = 0  # steps ahead that were planned, also where a leap skips none; in place, those of a superstep
    base_reach: int = 0  # the same of the base
    doubt: str = ""  # a state word that was predicted in a way that is hardly right, as the end of a sentence


class Verdict(NamedTuple):
    """A validator's answer. The gain is measured on held-out data or by execution; it is never simply the horizon."""

    accepted: bool
    gain_steps: float  # equivalents of plain steps
    reason: str
    change: float | None = None  # of the held-out loss, where one was compared; below zero is better


class Decision(NamedTuple):
    """One plan and what became of it. The scheduler learns from it, and the record keeps it."""

    plan: Plan
    outcome: Outcome
    gain_steps: float = 0.0
    reason: str = ""
    change: float | None = None  # of the held-out loss, where a validator compared one
    reached: int | None = None  # steps ahead that were accepted: of a chain, up to its last accepted link

    @property
    def horizon(self) -> int:
        """Steps ahead that the candidate reached: of a chain, those accepted; of a task, its steps as well."""
        return self.plan.horizon + self.plan.steps if self.reached is None else self.reached


class Fault(NamedTuple):
    """What a component did that it must not do. It never ends a run."""

    kind: str  # "predictor", "recognizer" or "validator"
    name: str
    why: str  # what it raised, with file and line; of a validator, what it did, as the end of a sentence
    switched_off: bool  # whether the run continues without it


class Span(NamedTuple):
    """One task in a worker's time, for the timeline. Times are those of `Boundary`."""

    worker: str
    began: float
    ended: float
    start: int
    steps: int


class Boundary(NamedTuple):
    """What happened at one boundary. Times are seconds by `time.perf_counter()`, which nothing sets."""

    position: int  # before any leap
    label: str
    leaps: tuple[Transition, ...]
    decisions: tuple[Decision, ...]
    spans: tuple[Span, ...]  # workers' tasks that became known here
    began: float
    ended: float


class Horizon(NamedTuple):
    """The candidates that reached one number of steps ahead."""

    settled: int  # accepted or rejected
    accepted: int


class Status(NamedTuple):
    """A run at a glance, for whoever shows it."""

    position: int
    total: int | None
    seconds: float
    label: str
    hits: int  # boundaries with a leap, or with a chain of leaps
    misses: int  # boundaries without a leap
    skipped: int  # steps leapt over
    hit_rate: float | None  # share of the steps for which the cache had a way on; None where leaps skip no steps
    outcomes: Mapping[str, int]  # decisions, by `Outcome.value`
    acceptance_rate: float | None  # accepted of the candidates that were accepted or rejected; None without any
    mean_accepted_horizon: float | None  # steps ahead that accepted candidates reach, on average; None without any
    workers: int
    busy: int
    excited: tuple[str, ...]  # state words that ever changed between boundaries
    words: int  # state words that there are
    estimated_speedup: float
    ceiling: float  # what these workers could give at best; infinite where nothing bounds it
    reason: str  # one sentence: why there is a gain, or none
    measures: Mapping[str, float] = {}  # the computation's own figures, such as losses
    leaps: int = 0
    gained: float = 0.0  # plain steps that the leaps were worth
    spent: float = 0.0  # plain steps that could have been taken in the time that speculation cost
