"""The protocols: what a backend fulfils, and what the engine's parts promise to each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from asc.types import (
    Advanced,
    Attempt,
    Candidate,
    Plan,
    Prediction,
    Recognition,
    Snapshot,
    Span,
    Transition,
    Verdict,
)


class Computation(Protocol):
    """A walk x → f(x) → f(f(x)) … through a state space: what the state is and how it advances."""

    exact: bool
    """Every leap is confirmed by execution, so the end is bit-identical to the plain run, and the clock may steer."""

    provides: frozenset[str]
    """What `read` can answer, such as "words", "optimizer"; a predictor that needs more is refused at start."""

    def position(self) -> int:
        """Steps executed or leapt over so far."""

    def finished(self) -> bool:
        """Whether the walk has arrived."""

    def total(self) -> int | None:
        """The position at which it will have arrived, if that is known."""

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Take up to `max_steps` plain steps; with `record`, also say what they read and wrote, if the backend can.

        Not called where the user's own loop does the stepping.
        """

    def observe(self) -> Snapshot:
        """Take what predictors may see now. Cheap; where it is also the rollback copy, it is the full snapshot."""

    def snapshot(self) -> Snapshot:
        """Take everything: state, position and random state."""

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a full snapshot, bit for bit."""

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """Answer a predictor's declared need from its history; "words" gives one mapping a snapshot."""

    def gram(self, snapshots: Sequence[Snapshot]) -> Any:
        """Inner products, (n-1, n-1) float64, of the differences of n snapshots to the newest."""

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Carry a prediction out as a state; None where it means nothing here (a fraction of an integer word)."""

    def agrees(self, transition: Transition) -> bool:
        """Whether everything that the transition read has the same bits in the current state."""

    def apply(self, transition: Transition) -> None:
        """Leap. Owns whatever goes along: optimiser moments, schedule, data position."""

    def key(self, names: tuple[str, ...]) -> Any:
        """Hash key of the named words' current bits; the same function of `Transition.causal` finds its entry."""

    def cost(self, work: str) -> float:
        """Price of a kind of work in plain steps: "observe", "validate", "dispatch" … Reads no clock unless exact."""

    def digest(self) -> str:
        """SHA-256 of the canonical bytes of the state, hexadecimal."""


@runtime_checkable
class Remarks(Protocol):
    """A computation that has something to tell the user, in sentences, beside its result."""

    remarks: list[str]


@runtime_checkable
class Measures(Protocol):
    """A computation that measures itself as it goes."""

    def measures(self) -> Mapping[str, float]:
        """Return the newest figures, by name, for whoever shows the run; cheap."""


@runtime_checkable
class Stoppable(Protocol):
    """A computation whose supersteps are long: a person who asks for an end is not to wait for the next boundary."""

    def stop(self) -> None:
        """Let `advance` return after the step that it is at; safe to call from a signal handler or another thread."""


@runtime_checkable
class Unhurried(Protocol):
    """A computation whose supersteps may take minutes, so that others have their turn within them."""

    on_step: Callable[[], bool] | None
    """Called after each step of `advance`, which returns early where the answer is True."""


class History(Protocol):
    """One segment's snapshots, oldest first, read-only: what a predictor sees."""

    @property
    def positions(self) -> tuple[int, ...]:
        """Positions in steps, ascending."""

    def gram(self) -> Any:
        """As `Computation.gram`, over this history."""

    def read(self, need: str) -> Any:
        """Only what the predictor declared: "words" gives one mapping of name to value a snapshot."""


class Recognizer(Protocol):
    """Decides where the loop stops to think, and whether it is worth thinking there."""

    def next_boundary(self, position: int, computation: Computation) -> int:
        """Return the position of the next boundary, always larger than `position`."""

    def recognise(self, computation: Computation) -> Recognition:
        """Judge the current state as a place to guess from."""


@runtime_checkable
class Learns(Protocol):
    """A recognizer that wants to know what became of the attempts."""

    def learn(self, attempt: Attempt) -> None:
        """Take one settled attempt into account."""


@runtime_checkable
class Follows(Protocol):
    """A recognizer that compares states: a leap is no movement of the computation's own."""

    def follow(self, computation: Computation) -> None:
        """Hear that an inexact computation has just leapt, and where it is now."""


@runtime_checkable
class Settles(Protocol):
    """A predictor with a state of its own that goes with the run's: told what became of each of its candidates."""

    def settle(self, taken: bool) -> None:
        """Hear whether the run leaps to the latest prediction; one that is not settled was not taken."""


@runtime_checkable
class InPlace(Protocol):
    """A predictor of updates in place (averages, outer steps): planned with horizon 0 only."""

    in_place: bool


@runtime_checkable
class Chains(Protocol):
    """A predictor whose guesses go on from one another: a judge may look at each link on the way."""

    def links(self, horizon: int) -> Sequence[int]:
        """Return the distances at which to judge, ascending, `horizon` the last."""


@runtime_checkable
class Stateful(Protocol):
    """A component whose answers depend on what it has seen: a resumed run is to go on as if it had never stopped.

    The state is made of dictionaries with string keys, lists, what JSON holds, and numpy arrays, as a checkpoint stores
    it. A component for exact backends only needs none: there, its answers change how long a run takes, not its end.
    """

    def state_dict(self) -> dict[str, Any]:
        """Return a copy of what was learnt."""

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take the place of the component that returned it, whose settings were the same."""


@runtime_checkable
class Needs(Protocol):
    """A component that asks `Computation.read` for something, which the backend must provide."""

    needs: frozenset[str]


class Predictor(Protocol):
    """Guesses where the computation will be."""

    needs: frozenset[str]
    """Names for `History.read` that must be provided; empty for one that only names coefficients."""

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Guess the state `horizon` steps past the newest snapshot; None where it would rather not say."""


class Validator(Protocol):
    """Decides whether a candidate is good enough."""

    def judge(self, computation: Computation, candidate: Candidate) -> Verdict:
        """Give a verdict; the computation is unchanged on return and on raise."""


class Cache(Protocol):
    """Verified transitions, found again by what they read."""

    def lookup(self, computation: Computation, until: int | None = None) -> Transition | None:
        """Find a transition that agrees with the current state and does not pass position `until`."""

    def insert(self, transition: Transition) -> bool:
        """Take one in, evicting others where the bounds ask for it; False if it alone exceeds them."""

    def discard(self, transition: Transition) -> None:
        """Hear that an inexact computation has taken a transition, by whose place it will hardly come again."""

    def stats(self) -> Mapping[str, int]:
        """Entries, bytes, hits, misses, evictions; a cache may tell more."""

    def __len__(self) -> int:
        """How many there are."""


class Speculator(Protocol):
    """Turns plans into cache entries: judged on the spot, or executed elsewhere."""

    @property
    def workers(self) -> int:
        """How many run beside the main thread."""

    @property
    def fault(self) -> str:
        """Why it can do nothing any more; empty while it can."""

    def slowdown(self) -> float | None:
        """How many times a worker's step takes the plain price; None where that is not known or means nothing."""

    def capacity(self) -> int:
        """How many plans it would take now."""

    def covered(self) -> Mapping[int, int]:
        """Positions from which a transition is under way or has been delivered, each with its steps."""

    def speculate(
        self, computation: Computation, history: Sequence[Snapshot], plans: Sequence[Plan], cache: Cache
    ) -> Sequence[Attempt]:
        """Try the plans, starting from the newest snapshot."""

    def collect(self, computation: Computation, cache: Cache) -> Sequence[Attempt]:
        """Take results that have arrived, wait for one that is about to, settle those whose position is reached."""

    def settle(self, leaps: Sequence[Transition]) -> None:
        """Hear which leaps the boundary has taken, once its candidates are judged."""

    def spans(self) -> Sequence[Span]:
        """Hand over the workers' time since the last call, for the timeline."""

    def close(self) -> None:
        """Let go of workers and whatever is under way."""


@runtime_checkable
class Executable(Protocol):
    """A computation whose supersteps another worker can run from a candidate."""

    def task(self, candidate: Candidate, steps: int, seconds: float | None) -> Callable[[], Transition | None]:
        """Return a picklable call that runs `steps` from the candidate, for at most `seconds`; None: nothing usable."""

    def resembles(self, candidate: Candidate) -> bool:
        """Whether the candidate, expected here, is right now about all that is known to be read."""
