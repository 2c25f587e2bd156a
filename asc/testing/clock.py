"""Time that passes only where a test moves it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from asc.computation import Executable
from asc.predictor import History, Predictor
from asc.types import Advanced, Candidate, Plan, Prediction, Snapshot, Transition


class Clock:
    """A clock to give to the ledger: it stands still until it is moved."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """Return the time, in seconds."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


class Priced(Executable):
    """A computation whose work moves a clock, so that a ledger books the same in each run.

    Prices are in seconds, by kind of work; work that is not in the table costs nothing. "step" is a plain step, "track"
    what a recorded step takes beyond that. The other kinds are named as in the ledger: "observe", "lookup" (for each
    entry compared), "predict" (for each candidate made), "dispatch", "apply", and "snapshot", "restore" and "digest" of
    spot checks.
    """

    def __init__(self, computation: Executable, clock: Clock, prices: Mapping[str, float]) -> None:
        self._computation, self._clock, self._prices = computation, clock, prices
        self.provides = computation.provides

    def _pay(self, work: str, times: int = 1) -> None:
        self._clock.move(times * self._prices.get(work, 0.0))

    def position(self) -> int:
        """As the wrapped computation's."""
        return self._computation.position()

    def total(self) -> int | None:
        """As the wrapped computation's."""
        return self._computation.total()

    def finished(self) -> bool:
        """As the wrapped computation's."""
        return self._computation.finished()

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Advance, at the price of each step, and of its recording."""
        done = self._computation.advance(max_steps, record)
        self._pay("step", done.steps)
        if record:
            self._pay("track", done.steps)
        return done

    def observe(self) -> Snapshot:
        """Observe, at its price."""
        self._pay("observe")
        return self._computation.observe()

    def snapshot(self) -> Snapshot:
        """Take a snapshot, at its price."""
        self._pay("snapshot")
        return self._computation.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Restore, at its price."""
        self._pay("restore")
        self._computation.restore(snapshot)

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """As the wrapped computation's."""
        return self._computation.read(need, snapshots)

    def gram(self, snapshots: Sequence[Snapshot]) -> Any:
        """As the wrapped computation's."""
        return self._computation.gram(snapshots)

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Make a candidate, at the price of a prediction."""
        self._pay("predict")
        return self._computation.materialise(prediction, history, plan)

    @property
    def hindrance(self) -> str:  # type: ignore[override]
        """As the wrapped computation's."""
        return self._computation.hindrance

    def is_end_of(self, leap: Transition, before: Snapshot) -> bool:
        """Compare, at the price of a digest."""
        self._pay("digest")
        return self._computation.is_end_of(leap, before)

    def begin(self) -> None:
        """Begin, at the price of the steps that this takes."""
        before = self.position()
        self._computation.begin()
        self._pay("step", self.position() - before)

    def task(
        self, candidate: Candidate, lengths: Sequence[int], seconds: float | None
    ) -> Callable[[], Iterable[Transition]]:
        """Make a task, at the price of sending it; the worker's own time costs the main thread nothing."""
        self._pay("dispatch")
        return self._computation.task(candidate, lengths, seconds)

    def resembles(self, candidate: Candidate) -> bool:
        """As the wrapped computation's."""
        return self._computation.resembles(candidate)

    def agrees(self, transition: Transition) -> bool:
        """Compare, at the price of a look-up."""
        self._pay("lookup")
        return self._computation.agrees(transition)

    def disagreement(self, transition: Transition) -> str:
        """As the wrapped computation's."""
        return self._computation.disagreement(transition)

    def apply(self, transition: Transition) -> None:
        """Leap, at its price."""
        self._pay("apply")
        self._computation.apply(transition)

    def key(self, names: tuple[str, ...]) -> Any:
        """As the wrapped computation's."""
        return self._computation.key(names)

    def price(self, work: str) -> float:
        """As the wrapped computation's."""
        return self._computation.price(work)

    def take_price(self, work: str) -> float:
        """As the wrapped computation's."""
        return self._computation.take_price(work)

    def digest(self) -> str:
        """Digest, at its price."""
        self._pay("digest")
        return self._computation.digest()


class Slow(Predictor):
    """A predictor that moves the clock, then answers as another predictor does."""

    def __init__(self, predictor: Predictor, clock: Clock, seconds: float) -> None:
        super().__init__()
        self._predictor, self._clock, self._seconds = predictor, clock, seconds
        self.needs, self.depth = predictor.needs, predictor.depth

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Move the clock, then ask the other predictor."""
        self._clock.move(self._seconds)
        return self._predictor.predict(history, horizon)
