"""The base of computations: what is the state, and how does it advance?"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from asc.group import Group
from asc.types import Advanced, Candidate, Plan, Prediction, Snapshot, Transition


class Computation(ABC):
    """A walk x → f(x) → f(f(x)) … through a state space."""

    provides: frozenset[str] = frozenset()
    """What components may ask for; one that needs more is refused at start.

    "losses" are those of `score` and `gain_steps` (`asc.validators.scores.Scores`). All other names, such as "words" or
    "optimizer", are for `read`.
    """

    group: Group = Group()
    """The processes that take the same steps of this computation, each with its part of the state."""

    remarks: Sequence[str] = ()
    """Sentences for the user, shown beside the result."""

    may_leap: bool = True
    """Whether `advance` may leap over steps, or over parts of them, by itself.

    It is set to False before the first step of a shadow run, and of the profile before an advice.
    """

    on_step: Callable[[], bool] | None = None
    """Called by `advance` after each step of a slow computation; `advance` returns early where the answer is True."""

    @abstractmethod
    def position(self) -> int:
        """Steps executed or leapt over so far."""

    @abstractmethod
    def finished(self) -> bool:
        """Whether the end is reached."""

    def total(self) -> int | None:
        """The position of the end; None where it is not known."""
        return None

    @abstractmethod
    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Take up to `max_steps` plain steps; with `record`, also report what they read and wrote, if possible.

        Not called where the user's own loop takes the steps.
        """

    @abstractmethod
    def observe(self) -> Snapshot:
        """Take what predictors may see now. Cheap; where it is also the rollback copy, it is the full snapshot."""

    @abstractmethod
    def snapshot(self) -> Snapshot:
        """Take everything: state, position and random state."""

    @abstractmethod
    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a full snapshot, bit for bit."""

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """Answer a declared need from these snapshots; "words" gives one mapping of name to value a snapshot."""
        raise LookupError(f"{type(self).__name__} provides nothing to read, and was asked for {need}")

    def gram(self, snapshots: Sequence[Snapshot]) -> Any:
        """Inner products, (n-1, n-1) float64, of the differences of n snapshots to the newest."""
        raise NotImplementedError(f"{type(self).__name__} has no gram(snapshots), so choose a predictor without it")

    @abstractmethod
    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Carry a prediction out as a state; None where it means nothing here (a fraction of an integer word)."""

    @abstractmethod
    def agrees(self, transition: Transition) -> bool:
        """Whether everything that the transition read has the same bits now, and its steps do not lead past the end."""

    @abstractmethod
    def apply(self, transition: Transition) -> None:
        """Leap. Takes care of whatever goes along: optimiser moments, schedule, data position."""

    def key(self, names: tuple[str, ...]) -> Any:
        """Hash key of the named state words' present bits; `Transition.causal` gives the same key for a match."""
        return (None,) * len(names)

    def price(self, work: str) -> float:
        """Price in plain steps of one piece of work: "observe", "validate", "dispatch" … Asking changes nothing.

        Only a computation that is executed by workers may read a clock for it.
        """
        return 0.0

    def take_price(self, work: str) -> float:
        """Return the price of the work done since this was last called, in plain steps, and count it as paid."""
        return self.price(work)

    @abstractmethod
    def digest(self) -> str:
        """SHA-256 of the canonical bytes of the state, hexadecimal."""

    def measures(self) -> Mapping[str, float]:
        """Return the newest figures of the computation by name, such as losses, for views; cheap."""
        return {}

    def stop(self) -> None:
        """Make `advance` return after the present step; safe to call from a signal handler or another thread."""


class Executable(Computation):
    """A computation whose supersteps a worker can run from a candidate: what executed speculation needs."""

    hindrance: str = ""
    """Why no step can be skipped, or none any more, as a sentence; empty where nothing stands in the way."""

    def begin(self) -> None:
        """Prepare speculation; called once, before the first boundary of a run with speculation.

        It may take steps, such as a first step under observation. Raises AscError where no step can be skipped.
        """

    @abstractmethod
    def key(self, names: tuple[str, ...]) -> Any:
        """Hash key of the named state words' present bits, the same that `Transition.causal` holds for a match."""

    @abstractmethod
    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        """Return a picklable call that runs on from the candidate, within `seconds` in all.

        It returns (or yields, so that an error in a later part leaves the earlier ones) a transition for each part of
        so many steps, and each part starts where the part before it has ended. A backend that cannot divide a run
        returns one transition of all steps. There are several parts since the main thread can begin with any of them.
        """

    @abstractmethod
    def resembles(self, candidate: Candidate) -> bool:
        """Whether the candidate, expected at this position, is right about every state word known to be read."""

    def is_end_of(self, leap: Transition, before: Snapshot) -> bool:
        """Whether the leap leads from the full snapshot `before` to the present state. `before` may be changed.

        By default the computation goes back, takes the leap, compares the digests, and returns to the present state.
        A computation whose state is large overrides this by something cheaper.
        """
        present, digest = self.snapshot(), self.digest()
        self.restore(before)
        self.apply(leap)
        led_to = self.digest()
        self.restore(present)
        return led_to == digest

    def nbytes(self, work: str) -> int:
        """Return the bytes that the main thread must copy for a piece of work, to explain its price; 0 where unknown.

        That is asked for "dispatch", one task there and back, and for "start", the start of workers.
        """
        return 0

    def disagreement(self, transition: Transition) -> str:
        """Return the name of a state word that the transition read with other bits than it has now.

        The reason of a rejection names that word. Empty where there is no such word, or where it is not known.
        """
        return ""
