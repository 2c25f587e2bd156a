"""The base of speculators: how candidates come about, and everything that depends on how they are confirmed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Self

from asc.cache import Cache
from asc.computation import Computation
from asc.ledger import Ledger
from asc.predictor import Predictor
from asc.settings import CreateComponent
from asc.speculators.explain import Facts
from asc.speculators.outcomes import Outcomes
from asc.speculators.pool import Pool
from asc.types import Boundary, Decision, Fault, Snapshot, Span, Transition


class Speculator(ABC):
    """Turns predictions into cache entries. There are two: `JudgedSpeculator` and `ExecutedSpeculator`.

    When leaps are taken, whether hits chain, how plans are rationed and what a result means is decided here. The engine
    asks, and never knows which of the two it has.
    """

    timed: ClassVar[bool]
    """Whether the clock may steer: only where a leap is exact whenever it comes (law 6)."""

    leaps_first: ClassVar[bool]
    """Whether the cache is asked before the recognizer.

    Where leaps are exact, the recognizer judges the state that they lead to, and speculation continues from there. A
    judged leap is not a movement of the computation itself, so the recognizer comes first, and one leap ends the
    boundary.
    """

    outcomes: Outcomes
    """What became of all candidates so far."""

    workers: int = 0
    """Workers beside the main thread."""

    remarks: Sequence[str] = ()
    """Sentences for the user, shown as warnings of the run."""

    @classmethod
    @abstractmethod
    def assemble(
        cls,
        config: Any,
        predictors: Mapping[str, Predictor],
        ledger: Ledger,
        create: CreateComponent,
        pool: Pool | None,
    ) -> Self:
        """Make the speculator of a run from its configuration.

        `create` makes further components by kind and name. Raises AscError where the parts do not suit each other.
        """

    @abstractmethod
    def speculate(
        self,
        computation: Computation,
        history: Sequence[Snapshot],
        superstep: int,
        cache: Cache,
        furthest: int | None = None,
    ) -> Sequence[Decision]:
        """Plan candidates from the newest snapshot, and confirm them or send them to workers.

        A superstep has `superstep` steps. The recognizer expects no prediction to be right beyond `furthest` steps.
        """

    @abstractmethod
    def chains(self, leaps: int) -> bool:
        """Whether another hit may follow the `leaps` that were taken at this boundary."""

    @abstractmethod
    def leap(self, computation: Computation, transition: Transition) -> bool:
        """Apply a transition; return whether earlier snapshots and the new state still lie on one trajectory."""

    @abstractmethod
    def settle(self, boundary: Boundary, applied: bool) -> Sequence[Fault]:
        """Learn from a finished boundary, whose leaps were `applied` unless this is a shadow run.

        Returns what the user must know: components that raised, and those that are switched off from now on.
        """

    @abstractmethod
    def explain(self, facts: Facts) -> str:
        """Say in one sentence why there is a gain, or none."""

    @abstractmethod
    def compare(self, speculative: Mapping[str, Any], plain: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the summaries of a speculative and a plain run say about each other, by the summary's fields."""

    def awaits(self, position: int, boundary: int) -> int:
        """Return where the first result is wanted between a position and the next boundary; without one, the latter."""
        return boundary

    def begin(self, computation: Computation) -> None:
        """Check, before the first step, that the computation can be speculated on."""

    def collect(self, computation: Computation, cache: Cache) -> Sequence[Decision]:
        """Take results that have arrived, wait for one that is about to, settle those whose position is reached."""
        return ()

    def delegate(
        self,
        computation: Computation,
        history: Sequence[Snapshot],
        superstep: int,
        cache: Cache,
        room: int | None,
        stopped: Callable[[], bool],
    ) -> bool:
        """Have a worker take the main thread's next superstep, while the main thread serves the others.

        Returns whether the cache has a way on from the present state, of `room` steps at most. If it has none, the main
        thread takes the superstep itself. Returns early where the run is `stopped`.
        """
        return False

    def remembers(self, steps: int, recalled: int) -> int:
        """Return how many of the next `steps`, a superstep, the main thread records: all, none, or some as a trial.

        `recalled` recorded supersteps have been used so far.
        """
        return 0

    @abstractmethod
    def rest(self, superstep: int) -> int:
        """Return how many supersteps to take before the next boundary; more than one while a loss is made up for."""

    def busy(self) -> int:
        """Workers that have something to do."""
        return 0

    def ceiling(self, recalled: int) -> float:
        """The speed-up if every prediction were right; infinite where nothing bounds it."""
        return float("inf")

    def hit_rate(self, found: int, steps: int) -> float | None:
        """Share of `steps` for which the cache had a way on; None where leaps skip no steps as a rule."""
        return None

    def figures(self) -> Mapping[str, Any]:
        """Return further fields for the summary, in values that JSON can hold."""
        return {}

    def spans(self) -> Sequence[Span]:
        """Hand over the workers' time since the last call, for the timeline."""
        return ()

    def forget(self) -> None:
        """Forget what belongs to earlier states, where the state has another layout from now on."""

    def close(self) -> None:
        """Let the workers go, and forget what is under way."""

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed run must know; empty where it ends in the same state without it."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
