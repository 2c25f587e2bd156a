"""Time that passes only where a test says so."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from asc.computation import Computation, Executable, History, Predictor
from asc.types import Advanced, Candidate, Plan, Prediction, Snapshot, Transition


class Clock:
    """A clock to give to the ledger: it stands still until it is moved."""

    def __init__(self, seconds: float = 0.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """Read it."""
        return self.seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


class Machine(Computation, Executable, Protocol):
    """A computation whose supersteps a worker can run."""


class Priced:
    """A machine whose work moves a clock, so that what a ledger makes of a run is the same each time.

    Prices are in seconds, by kind of work; what is not in the table costs nothing. "step" is a plain step, "track" what
    a tracked one takes on top; the others are named as in the ledger: "observe", "lookup" (for each entry compared),
    "predict" (for each candidate made), "dispatch", "apply", and "snapshot", "restore" and "digest" of spot checks.
    """

    def __init__(self, machine: Machine, clock: Clock, prices: Mapping[str, float]) -> None:
        self._machine, self._clock, self._prices = machine, clock, prices
        self.exact, self.provides = machine.exact, machine.provides

    def _pay(self, work: str, times: int = 1) -> None:
        self._clock.move(times * self._prices.get(work, 0.0))

    def position(self) -> int:
        """As the machine's."""
        return self._machine.position()

    def total(self) -> int | None:
        """As the machine's."""
        return self._machine.total()

    def finished(self) -> bool:
        """As the machine's."""
        return self._machine.finished()

    def advance(self, max_steps: int, record: bool = False) -> Advanced:
        """Advance, at the price of a step each, tracked where recorded."""
        done = self._machine.advance(max_steps, record)
        self._pay("step", done.steps)
        if record:
            self._pay("track", done.steps)
        return done

    def observe(self) -> Snapshot:
        """Observe, at its price."""
        self._pay("observe")
        return self._machine.observe()

    def snapshot(self) -> Snapshot:
        """Take a snapshot, at its price."""
        self._pay("snapshot")
        return self._machine.snapshot()

    def restore(self, snapshot: Snapshot) -> None:
        """Restore, at its price."""
        self._pay("restore")
        self._machine.restore(snapshot)

    def read(self, need: str, snapshots: Sequence[Snapshot]) -> Any:
        """As the machine's."""
        return self._machine.read(need, snapshots)

    def gram(self, snapshots: Sequence[Snapshot]) -> Any:
        """As the machine's."""
        return self._machine.gram(snapshots)

    def materialise(self, prediction: Prediction, history: Sequence[Snapshot], plan: Plan) -> Candidate | None:
        """Make a candidate, at the price of a prediction."""
        self._pay("predict")
        return self._machine.materialise(prediction, history, plan)

    def task(self, candidate: Candidate, steps: int, seconds: float | None) -> Callable[[], Transition | None]:
        """Make a task, at the price of sending it off; what the worker takes is not the main thread's."""
        self._pay("dispatch")
        return self._machine.task(candidate, steps, seconds)

    def resembles(self, candidate: Candidate) -> bool:
        """As the machine's."""
        return self._machine.resembles(candidate)

    def agrees(self, transition: Transition) -> bool:
        """Compare, at the price of a look-up."""
        self._pay("lookup")
        return self._machine.agrees(transition)

    def apply(self, transition: Transition) -> None:
        """Leap, at its price."""
        self._pay("apply")
        self._machine.apply(transition)

    def key(self, names: tuple[str, ...]) -> Any:
        """As the machine's."""
        return self._machine.key(names)

    def cost(self, work: str) -> float:
        """As the machine's."""
        return self._machine.cost(work)

    def digest(self) -> str:
        """Digest, at its price."""
        self._pay("digest")
        return self._machine.digest()


class Slow:
    """A predictor that takes its time on the clock before it answers as another would."""

    def __init__(self, predictor: Predictor, clock: Clock, seconds: float) -> None:
        self._predictor, self._clock, self._seconds = predictor, clock, seconds
        self.needs = predictor.needs

    def predict(self, history: History, horizon: int) -> Prediction | None:
        """Let time pass, then ask."""
        self._clock.move(self._seconds)
        return self._predictor.predict(history, horizon)
