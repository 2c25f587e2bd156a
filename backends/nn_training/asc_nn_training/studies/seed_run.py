"""One seed of `asc study leap-verify`: a training, and what could have been predicted at each of its snapshots."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from asc.computation import Computation
from asc.errors import AscError
from asc.ledger import Ledger
from asc.recognizers.similarity import Similarity
from asc.recognizers.thresholds import Fixed, ThresholdsConfig
from asc.study import Tell
from asc.trajectory import Trajectory
from asc.types import EngineState
from asc.validator import Validator
from asc_nn_training.backend import NetworkBackend, NetworkComputation
from asc_nn_training.computation import TrainingComputation
from asc_nn_training.studies.cascades import run_cascades
from asc_nn_training.studies.journal import CHECKPOINTS, JOURNAL, Journal
from asc_nn_training.studies.predictor_forms import Form
from asc_nn_training.studies.recipe import JUDGING, REPORTING
from asc_nn_training.studies.results import label_snapshots
from asc_nn_training.studies.resumable import ResumableTraining, StoppedError
from asc_nn_training.studies.sweep import Sweep, take_price
from asc_nn_training.training.device import out_of_memory

DEPTH = 3  # snapshots that the predictors look back on
_MOVES = ("fetched", "spilled")


class SeedPlan(NamedTuple):
    """What to do during the training of one seed."""

    forms: Mapping[str, Form]
    horizons: tuple[int, ...]
    every: int  # steps between snapshots
    thresholds: ThresholdsConfig  # these decide whether a snapshot is stable when it is taken
    cascade_every: int  # cascades are run from every n-th stable snapshot; 0: from none
    checkpoint_seconds: float


class SeedRun:
    """Trains from snapshot to snapshot, sweeps at each, and reads the true loss at every horizon of a candidate.

    Everything goes to the journal, and regimes and tables are made from the journal alone. The training is not
    affected: its end is that of a plain run, bit for bit.
    """

    def __init__(
        self,
        backend: NetworkBackend,
        plan: SeedPlan,
        folder: Path,
        part: str,
        tell: Tell,
        stopped: Callable[[], bool],
    ) -> None:
        self.plan, self.journal = plan, Journal(folder / JOURNAL)
        self._part, self._tell, self._backend = part, tell, backend
        self._ledger = Ledger(self._take_price, timed=False)
        self._sweep = Sweep(plan.forms, plan.horizons, self._ledger)
        self._each, self._joined = (
            Similarity(Similarity.Config(every=plan.every, probes=probes, thresholds=Fixed.Config()))
            for probes in ("each", "joined")
        )
        self._reached = 0  # the last position where everything was done
        self._moved_before = dict.fromkeys(_MOVES, 0)  # before the seed was resumed
        self._real_steps = 0  # of cascades, not paid yet
        self._trajectory = Trajectory(backend.config.history)
        self._training = ResumableTraining(
            backend,
            folder / CHECKPOINTS,
            every_s=plan.checkpoint_seconds,
            stopped=stopped,
            state=self._checkpoint_state,
            report=lambda position: self._report(position, "training"),
        )
        self._settled_state = self._state()

    @property
    def computation(self) -> NetworkComputation:
        """The training."""
        return self._training.computation

    def run(self) -> bool:
        """Train to the end; return whether the end was reached. Raises AscError if memory runs out."""
        if any(record["kind"] == "end" for record in self.journal):
            return True
        state = self._training.resume()
        if state is not None:
            self._load_state(state)
        reached = self._reached  # what a later record tells is not in the checkpoint's memory, so it is repeated
        self.journal.require(position for position in self._positions() if position <= reached)
        self.journal.keep(lambda record: record["position"] <= reached)
        try:
            for position in self._positions():
                if position > reached:
                    self._train_to(position)
        except StoppedError:
            return False
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise AscError(
                f"There was too little memory at step {self.computation.position()} ({error}). Bound the past weights "
                "with --device-bytes, or free memory, and resume with --resume."
            ) from error
        self._end()
        return True

    def _positions(self) -> list[int]:
        """Return every position with something to do: snapshots, and the horizons of their candidates."""
        total, every = self.computation.training.total, self.plan.every
        snapshots = range(every, total + 1, every)
        ahead = {s + horizon for s in snapshots for horizon in self.plan.horizons if s + horizon <= total}
        return sorted({*snapshots, *ahead, total})

    def _train_to(self, position: int) -> None:
        since, saving_s = self._ledger.clock(), self._training.saving_s
        self._training.train_to(position)
        saving_s = self._training.saving_s - saving_s
        self._ledger.progress(position - self._reached, self._ledger.clock() - since - saving_s)
        if position % self.plan.every == 0:
            self.journal.add(self._snapshot())
        else:
            loss, report = (
                float(self._sweep.score(self.computation, None, "reading", look).mean())
                for look in (JUDGING, REPORTING)
            )
            self.journal.add({"kind": "reading", "position": position, "loss": loss, "report": report})
        self._reached = position
        self._settled_state = self._state()

    def _snapshot(self) -> dict[str, Any]:
        computation, ledger, position = self.computation, self._ledger, self.computation.position()
        self._report(position, "sweeping")
        with ledger.work("observe"):
            self._trajectory.append(computation.observe())
        with ledger.work("recognise"):
            fingerprint = cast(Computation, OneFingerprint(computation))
            each, joined = (part.recognise(fingerprint) for part in (self._each, self._joined))
        history = self._trajectory.snapshots()
        found: dict[str, Any] = {"kind": "snapshot", "each": each.score, "joined": joined.score}
        found |= self._sweep.run(computation, history, self._training.check)
        snapshots = [record for record in self.journal if record["kind"] == "snapshot"]
        regimes = label_snapshots([*snapshots, found], self.plan.thresholds)
        every, found["label"] = self.plan.cascade_every, regimes[-1]
        if found["label"] == "stable" and every and (regimes.count("stable") - 1) % every == 0:
            self._report(position, "cascades")
            with ledger.work("cascade"):
                found["cascades"] = run_cascades(computation, history, self._training.check)
                self._real_steps = sum(cascade.get("steps", 0) for cascade in found["cascades"])
        return found

    def _take_price(self, kind: str) -> float:
        """Return the price of one kind of work, the real steps of cascades included."""
        steps, self._real_steps = self._real_steps, 0
        return take_price(self.computation, kind) + steps

    def _end(self) -> None:
        computation = self.computation
        outcome = self._backend.outcome(computation)
        self.journal.add(
            {
                "kind": "end",
                "position": computation.position(),
                "outcome": dict(outcome),
                "digest": computation.digest(),
                "ledger": self._ledger.accounts(),
                "store": self._moved(),
                "parameters": computation.weights.numel,
            }
        )
        self._training.remove_checkpoints()
        self._report(computation.position(), "done")

    def _moved(self) -> dict[str, int]:
        """Return how often past weights were moved away from the device, and fetched, since the seed's start."""
        store = self.computation.store
        return {name: self._moved_before[name] + getattr(store, name) for name in _MOVES}

    def _report(self, position: int, doing: str) -> None:
        self._tell(self._part, position, self.computation.training.total, doing)

    def _state(self) -> dict[str, Any]:
        parts = {name: part.state_dict() for name, part in self._parts.items()}
        stored = {each.position: each.state.weights for each in self._trajectory.snapshots()}
        return parts | {
            "reached": self._reached,
            "moved": self._moved(),
            "unpaid": self.computation.store.pending,
            "away": [position for position, weights in stored.items() if weights.location != "device"],
        }

    def _checkpoint_state(self) -> EngineState:
        """Return what a checkpoint holds beside the training: the state before the sweep under way, which is redone."""
        before = tuple(each for each in self._trajectory.snapshots() if each.position <= self._reached)
        return EngineState(self._settled_state, before)

    def _load_state(self, state: EngineState) -> None:
        for name, part in self._parts.items():
            part.load_state_dict(state.state[name])
        self._reached = state.state["reached"]
        self._moved_before = dict(state.state["moved"])
        self._trajectory.restore(state.history, 0)
        store = self.computation.store
        for snapshot in state.history:
            if snapshot.position in state.state.get("away", ()):  # not in the first checkpoints
                store.put_back(snapshot.state.weights)
        store.pending = state.state.get("unpaid", 0)
        self._settled_state = self._state()

    @property
    def _parts(self) -> dict[str, Similarity | Validator | Ledger]:
        adaptive = self._sweep.criteria["adaptive"]
        return {"each": self._each, "joined": self._joined, "adaptive": adaptive, "ledger": self._ledger}


class OneFingerprint:
    """The fingerprint of a training at one position, taken once for the two recognizers that compare it."""

    provides = frozenset({"fingerprint"})

    def __init__(self, computation: TrainingComputation) -> None:
        self._position, self._total = computation.position(), computation.total()
        self._rows = computation.read("fingerprint", ())

    def position(self) -> int:
        """The position of the training."""
        return self._position

    def total(self) -> int | None:
        """Steps of the whole training."""
        return self._total

    def read(self, need: str, snapshots: Sequence[Any]) -> Any:
        """Return the fingerprint, (probes, d)."""
        return self._rows
